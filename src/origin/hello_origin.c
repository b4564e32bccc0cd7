/* Pages as text. All that comes from the visitor is escaped: the page shows it and nothing else. */
#include "culvert/origin/hello_origin.h"
#include "culvert/base/doc.h"
#include "culvert/base/duration.h"
#include "culvert/base/list.h"

#include "canned.h"
#include "hello_streams.h"

/* Room for a row of the page and its end, so that a long request is cut between rows. */
enum { PAGE_MAX = 128 * 1024, PAGE_END_MAX = 256 };

enum {
    SSE_DEFAULT_MS = 10 * 1000,
    SSE_LEAST_MS = 10, /* a visitor says how often: not as often as it likes */
};

static const char page_start[] =
    "<!doctype html>\n"
    "<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Hello from Culvert</title>\n"
    "<style>body{font:16px/1.5 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
    "th{text-align:left;vertical-align:top;padding-right:1em}"
    "td{word-break:break-all;font-family:monospace}</style></head>\n"
    "<body><h1>Hello from Culvert</h1>\n"
    "<p>The tunnel works: this page was made by the connector. It got this request:</p>\n"
    "<table>\n";
static const char page_end[] = "</table>\n</body></html>\n";
static const char page_cut[] = "<tr><th>&hellip;</th><td>and more</td></tr>\n";

/* Bytes beyond ASCII become the character of that number: nobody said in which code they are. */
static bool put_escaped(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool ok = c < ' ' || c >= 0x7f || strchr("<>&\"'", c) ? buf_printf(out, "&#%d;", c)
                                                              : buf_put_char(out, (char)c);
        if (!ok)
            return false;
    }
    return true;
}

/* A whole row or nothing. */
static bool put_row(struct buf *page, struct span name, struct span value)
{
    struct buf row = BUF_LIMIT(PAGE_MAX);
    bool ok = buf_put_span(&row, SPAN("<tr><th>")) && put_escaped(&row, name) &&
              buf_put_span(&row, SPAN("</th><td>")) && put_escaped(&row, value) &&
              buf_put_span(&row, SPAN("</td></tr>\n")) &&
              page->len + row.len + PAGE_END_MAX <= page->limit &&
              buf_put_span(page, buf_span(&row));
    buf_release(&row);
    return ok;
}

static bool write_page(const struct request_head *head, struct buf *page)
{
    bool whole = buf_put_span(page, span_of(page_start)) &&
                 put_row(page, SPAN("Method"), buf_span(&head->method)) &&
                 put_row(page, SPAN("Host"), buf_span(&head->authority)) &&
                 put_row(page, SPAN("Target"), buf_span(&head->target));
    for (size_t i = 0; i < head->fields.count && whole; i++) {
        struct header field = headers_at(&head->fields, i);
        whole = put_row(page, field.name, field.value);
    }
    return (whole || buf_put_span(page, span_of(page_cut))) &&
           buf_put_span(page, span_of(page_end));
}

static bool write_uptime(const struct hello_origin *origin, struct buf *page)
{
    char since[CLOCK_TEXT_SIZE], uptime[DURATION_TEXT_SIZE];
    int64_t ms = loop_unix_ms(origin->loop) - origin->started_ms;
    clock_format(origin->started_ms, 1, since);
    duration_format(ms * 1000000, uptime);
    struct doc *doc = doc_object();
    bool ok = doc && doc_put_text(doc, "startTime", span_of(since)) &&
              doc_put_text(doc, "uptime", span_of(uptime)) && doc_format(doc, DOC_COMPACT, page) &&
              buf_put_char(page, '\n');
    doc_free(doc);
    return ok;
}

/* The first "freq" of the query; what is no duration above 0 counts for nothing. */
static uint64_t period_of(const struct request_head *head)
{
    struct span target = buf_span(&head->target);
    struct span query = span_skip(target, span_find(target, '?') + 1);
    struct span pair;
    int64_t period = 0;
    while (span_cut(&query, '&', &pair))
        if (span_starts(pair, SPAN("freq="))) {
            if (!duration_parse(span_skip(pair, strlen("freq=")), &period))
                period = 0;
            break;
        }
    if (period <= 0)
        return SSE_DEFAULT_MS;
    uint64_t ms = (uint64_t)duration_ms(period);
    return ms < SSE_LEAST_MS ? SSE_LEAST_MS : ms;
}

static bool can_echo(const struct request_head *head, const struct body *body)
{
    return head->is_websocket && body && body->bytes && request_is(head, SPAN("GET")) &&
           headers_has(&head->fields, SPAN("Sec-WebSocket-Key"));
}

static struct outbound *hello_open(struct opener *opener, const struct request_head *head,
                                   struct body *body, const struct outbound_events *events,
                                   void *arg, struct error *err)
{
    const struct hello_origin *origin = CONTAINER_OF(opener, struct hello_origin, opener);
    struct buf page = BUF_LIMIT(PAGE_MAX);
    struct canned_answer answer = {.status = 200, .content_type = "text/plain; charset=utf-8"};
    struct outbound *out = NULL;
    struct span path = request_path(head);
    bool is_head = request_is(head, SPAN("HEAD"));
    bool ok;
    if (span_equal(path, SPAN("/sse")))
        return hello_sse_open(origin->loop, period_of(head), is_head, events, arg, err);
    if (span_equal(path, SPAN("/ws")) && can_echo(head, body))
        return hello_echo_open(origin->loop, head, body->bytes, events, arg, err);
    if (span_equal(path, SPAN("/uptime"))) {
        answer.content_type = "application/json";
        ok = write_uptime(origin, &page);
    } else if (span_equal(path, SPAN("/_health"))) {
        ok = buf_put_span(&page, SPAN("ok"));
    } else if (span_equal(path, SPAN("/ws"))) {
        answer.status = 400;
        ok = buf_put_span(&page, SPAN("Bad Request\n"));
    } else {
        answer.content_type = "text/html; charset=utf-8";
        ok = write_page(head, &page);
    }
    answer.text = buf_span(&page);
    if (ok)
        out = canned_open(origin->loop, &answer, is_head, events, arg, err);
    else
        error_memory(err);
    buf_release(&page);
    return out;
}

void hello_origin_init(struct hello_origin *origin, struct loop *loop)
{
    static const struct opener_ops ops = {hello_open};
    *origin =
        (struct hello_origin){.opener = {&ops}, .loop = loop, .started_ms = loop_unix_ms(loop)};
}
