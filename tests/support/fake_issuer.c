/* See the header. */
#include "support/fake_issuer.h"

#include "support/must.h"
#include "support/scarce_memory.h"
#include "support/token_mint.h"

#include <string.h>

void fake_issuer_answer(struct fake_issuer *issuer)
{
    struct buf text = BUF_LIMIT(TOKEN_TEXT_MAX);
    struct error why = {0};
    scarce_memory_pause(); /* the issuer is not who suffers */
    if (issuer->is_down)
        (void)error_set(&why, ERROR_NETWORK, 0, "the issuer is down");
    else if (issuer->text)
        must(buf_put_span(&text, span_of(issuer->text)));
    else
        token_mint_set(issuer->keys, &text);
    scarce_memory_go_on();
    size_t count = issuer->pending_count;
    for (size_t i = 0; i < count; i++) {
        struct key_request *request = issuer->pending[0];
        issuer->pending_count--;
        memmove(&issuer->pending[0], &issuer->pending[1], issuer->pending_count * sizeof(void *));
        request->done(request, buf_span(&text), why.kind == ERROR_NONE ? NULL : &why);
    }
    buf_release(&text);
}

static void answer(void *arg)
{
    struct fake_issuer *issuer = arg;
    if (!issuer->is_slow)
        fake_issuer_answer(issuer);
}

static bool start(struct key_fetcher *fetcher, struct key_request *request, struct error *err)
{
    struct fake_issuer *issuer = CONTAINER_OF(fetcher, struct fake_issuer, fetcher);
    issuer->fetches++;
    (void)snprintf(issuer->last_url, sizeof issuer->last_url, "%s", request->url);
    if (issuer->refuses)
        return error_set(err, ERROR_SYSTEM, 0, "no thread");
    must(issuer->pending_count < FAKE_FETCHES_MAX);
    issuer->pending[issuer->pending_count++] = request;
    task_post(&issuer->task);
    return true;
}

static void cancel(struct key_fetcher *fetcher, struct key_request *request)
{
    struct fake_issuer *issuer = CONTAINER_OF(fetcher, struct fake_issuer, fetcher);
    size_t i = 0;
    while (i < issuer->pending_count && issuer->pending[i] != request)
        i++;
    must(i < issuer->pending_count);
    issuer->pending_count--;
    memmove(&issuer->pending[i], &issuer->pending[i + 1],
            (issuer->pending_count - i) * sizeof(void *));
}

void fake_issuer_init(struct fake_issuer *issuer, struct loop *loop)
{
    static const struct key_fetcher_ops ops = {start, cancel};
    static const char *const first[] = {"k1", NULL};
    *issuer = (struct fake_issuer){.fetcher = {&ops}, .loop = loop, .keys = first};
    task_init(&issuer->task, loop, TASK_SOON, answer, issuer);
}

void fake_issuer_release(struct fake_issuer *issuer)
{
    must(issuer->pending_count == 0);
    task_cancel(&issuer->task);
}
