/* Between a worker's verifier and one inbound. */
#include "access_pass.h"

static bool is_further_token(struct header field, void *arg)
{
    bool *seen = arg;
    if (!span_equal_nocase(field.name, SPAN(ACCESS_TOKEN_FIELD)))
        return false;
    bool is_further = *seen;
    *seen = true;
    return is_further;
}

/* The first token was judged: an origin that reads the last one must not get another. */
static void drop_unjudged(struct inbound *in)
{
    bool seen = false;
    headers_remove_if(&in->head.fields, is_further_token, &seen);
}

static void on_answered(void *arg)
{
    (void)arg; /* nothing is answered while it waits */
}

static void on_aborted(void *arg, const struct error *why)
{
    struct access_pass *pass = arg;
    struct inbound *in = access_pass_take_back(pass);
    (void)why;
    inbound_close(in);
    pass->events->left(pass);
}

static void on_decided(struct access_check *check, enum access_finding finding,
                       const struct error *why)
{
    struct access_pass *pass = CONTAINER_OF(check, struct access_pass, check);
    struct inbound *in = access_pass_take_back(pass);
    drop_unjudged(in);
    pass->events->decided(pass, in, finding, why);
}

enum access_finding access_pass_ask(struct access_pass *pass, struct verifier *verifier,
                                    const struct access_requirement *requirement,
                                    struct inbound *in, struct error *why)
{
    static const struct inbound_events waiting = {on_answered, on_aborted};
    pass->check.decided = on_decided;
    enum access_finding finding =
        verifier_judge(verifier, &pass->check, requirement, &in->head.fields, why);
    if (finding != ACCESS_WAITS) {
        drop_unjudged(in);
        return finding;
    }
    pass->in = in;
    inbound_set_events(in, &waiting, pass);
    return finding;
}

struct inbound *access_pass_take_back(struct access_pass *pass)
{
    struct inbound *in = pass->in;
    pass->in = NULL;
    verifier_forget(&pass->check);
    return in;
}
