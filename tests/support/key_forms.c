/* See the header. */
#include "support/key_forms.h"

#include "harness.h"

enum { PATIENCE_MS = 120 * 1000 };

static void check(const struct key_form *form, const struct play_certificates *certificates,
                  key_observe_fn *observe)
{
    static const struct fake_script ok = {
        {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), 0, 0}}};
    struct origin_play play;
    struct buf yaml = BUF_LIMIT(4096);
    char seen[KEY_SEEN_SIZE] = "";
    CHECK(buf_printf(&yaml,
                     "originRequest: {%s}\n"
                     "ingress:\n"
                     "  - {hostname: key.test, service: '%s', originRequest: {%s}}\n"
                     "  - {service: 'http_status:404'}\n",
                     form->whole, form->service, form->rule));
    origin_play_open_text(&play, certificates, buf_span(&yaml));
    play.script = ok;
    play.patience_ms = PATIENCE_MS;
    raw_edge_register(&play.edge);
    CHECK(settle(play.loop));
    memory_sockets_silence(&play.memory, "192.0.2.1:28000");
    memory_sockets_serve(&play.memory, "[2001:db8::1]:28000", fake_origin_accept,
                         origin_play_origin(&play, "app"));
    observe(&play, seen);
    CHECK_CASE(strcmp(seen, form->seen) == 0, "%s, {%s}, {%s}: %s, not %s", form->service,
               form->whole, form->rule, seen, form->seen);
    origin_play_close(&play);
    buf_release(&yaml);
}

void key_forms_check(const struct key_form *forms, size_t count, key_observe_fn *observe)
{
    struct play_certificates certificates;
    play_certificates_make(&certificates);
    for (size_t i = 0; i < count; i++)
        check(&forms[i], &certificates, observe);
    play_certificates_release(&certificates);
}

struct raw_answer *key_forms_ask(struct origin_play *play)
{
    struct raw_answer *answer = origin_play_send(play, &(struct play_request){.host = "key.test"});
    origin_play_await(play, answer);
    return answer;
}

const char *key_forms_status(const struct raw_answer *answer)
{
    static const char *const known[] = {"200", "411", "502"};
    struct span status = SPAN("");
    if (answer->head_count > 0)
        (void)headers_find(&answer->heads[0], SPAN(":status"), &status);
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (span_equal(status, span_of(known[i])))
            return known[i];
    return answer->head_count > 0 ? "another" : "nothing";
}

void key_forms_see_time(struct origin_play *play, char seen[KEY_SEEN_SIZE])
{
    uint64_t begun = loop_now_ms(play->loop);
    struct raw_answer *answer = key_forms_ask(play);
    if (answer->head_count == 0)
        (void)snprintf(seen, KEY_SEEN_SIZE, "nothing");
    else
        (void)snprintf(seen, KEY_SEEN_SIZE, "%s after %llu ms", key_forms_status(answer),
                       (unsigned long long)(answer->head_ms[0] - begun));
}
