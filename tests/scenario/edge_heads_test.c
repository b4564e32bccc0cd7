/* What an edge may say that is out of place, through the whole connector. The answers are those
 * that were seen of the field's program. */
#include "harness.h"
#include "support/origin_play.h"

#define REFUSED(name) "request header \"" name "\" is not valid in HTTP/2\n"
#define TE_REFUSED    "request header \"TE\" may only be \"trailers\" in HTTP/2\n"
#define CONNECTOR     "{\"src\":\"cloudflared\"}"
#define ORIGIN        "{\"src\":\"origin\"}"

static struct span found(const struct headers *fields, const char *name)
{
    struct span value = SPAN("");
    (void)headers_find(fields, span_of(name), &value);
    return value;
}

TEST(heads_are_refused_reset_or_passed_on_as_they_are_by_the_field_s_program)
{
    static const struct {
        const char *method, *host, *path, *field, *value;
        const char *body;   /* NULL: none */
        const char *status; /* NULL: RST_STREAM PROTOCOL_ERROR */
        const char *meta, *text;
        const char *line; /* of the request at the origin; NULL: none came */
    } cases[] = {
        {"GET", "app.test", "/", "connection", "x", NULL, "400", "", REFUSED("Connection"), NULL},
        {"GET", "app.test", "/", "keep-alive", "", NULL, "400", "", REFUSED("Keep-Alive"), NULL},
        {"GET", "none.test", "/", "proxy-connection", "x", NULL, "400", "",
         REFUSED("Proxy-Connection"), NULL},
        {"POST", "app.test", "/", "transfer-encoding", "chunked", "hello", "400", "",
         REFUSED("Transfer-Encoding"), NULL},
        {"HEAD", "app.test", "/", "upgrade", "h2c", NULL, "400", "", "", NULL},
        {"GET", "app.test", "/", "te", "Trailers", NULL, "400", "", TE_REFUSED, NULL},
        {"GET", "app.test", "/", "te", "trailers", NULL, "200", ORIGIN, "hi", "GET / HTTP/1.1"},
        {"GET", "app.test", "/%zz", "te", "gzip", NULL, NULL, "", "", NULL},
        {"GET", "app.test", "/a b?c", NULL, NULL, NULL, "200", ORIGIN, "hi",
         "GET /a%20b?c HTTP/1.1"},
        {"GET", "app.test", "*", NULL, NULL, NULL, "200", ORIGIN, "hi", "GET * HTTP/1.1"},
        {"GET", "app.test", "/a\tb", NULL, NULL, NULL, NULL, "", "", NULL},
        {"GET", "u@app.test", "/", NULL, NULL, NULL, NULL, "", "", NULL},
        {"GET", "", "/", NULL, NULL, NULL, "404", ORIGIN, "", NULL},
        {"GET", "app test", "/", NULL, NULL, NULL, "404", ORIGIN, "", NULL},
        {"GET", "app.test", "/", "host", "other.test", NULL, "200", ORIGIN, "hi", "GET / HTTP/1.1"},
        {"G T", "app.test", "/", NULL, NULL, NULL, "502", CONNECTOR, "", NULL},
        {"CONNECT", "app.test", "/", NULL, NULL, NULL, NULL, "", "", NULL},
        {"GET", "app.test", "/", "X-Upper", "1", NULL, NULL, "", "", NULL},
        {"GET", "app.test", "/", "x", "a\nb", NULL, NULL, "", "", NULL},
        {"GET", "app.test", "/", "content-length", "5", NULL, "200", ORIGIN, "hi",
         "GET / HTTP/1.1"},
        {"GET", "app.test", "/", "content-length", "10", "hello", "502", CONNECTOR, "",
         "GET / HTTP/1.1"},
        {"POST", "down.test", "/", "content-length", "10", "hello", "502", CONNECTOR, "", NULL},
        {"POST", "s418.test", "/", "content-length", "10", "hello", "418", ORIGIN, "", NULL},
        {"POST", "app.test", "/", "content-length", "+5", "hello", NULL, "", "", NULL},
    };
    static const struct fake_script script = {
        {{FAKE_SEND, SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), 0, 0}}};
    struct play_certificates certificates;
    play_certificates_make(&certificates);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct origin_play play;
        const struct play_request request = {
            .method = cases[i].method,
            .host = cases[i].host,
            .path = cases[i].path,
            .field = cases[i].field,
            .value = cases[i].value,
            .body = cases[i].body,
        };
        origin_play_open(&play, &certificates, "http");
        play.script = script;
        struct raw_answer *answer = origin_play_send(&play, &request);
        origin_play_await(&play, answer);
        struct fake_origin *origin = origin_play_origin(&play, "app");
        CHECK_CASE((answer->head_count == 1) == (cases[i].status != NULL), "case %zu", i);
        if (cases[i].status && answer->head_count == 1) {
            const struct headers *head = &answer->heads[0];
            CHECK_SPAN(found(head, ":status"), span_of(cases[i].status));
            CHECK_SPAN(found(head, "cf-cloudflared-response-meta"), span_of(cases[i].meta));
            CHECK_TEXT(buf_text(&answer->data), cases[i].text);
            CHECK_CASE(answer->ended, "case %zu", i);
        } else {
            CHECK_CASE(answer->reset && answer->code == 1, "case %zu", i);
        }
        CHECK_CASE((origin->request_count == 1) == (cases[i].line != NULL), "case %zu", i);
        if (cases[i].line && origin->request_count == 1)
            CHECK_CASE(span_starts(buf_span(&origin->requests[0].head), span_of(cases[i].line)),
                       "case %zu: %s", i, buf_text(&origin->requests[0].head));
        CHECK_CASE(play.edge.conn && !play.edge.goaway, "case %zu", i);
        origin_play_close(&play);
    }
    play_certificates_release(&certificates);
}
