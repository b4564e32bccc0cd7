/* The edge's own words. Nothing of the request is repeated in them: no page is a mirror. */
#include "culvert/edge/error_page.h"

enum { PAGE_MAX = 4096 };

enum page_kind { PAGE_TEXT, PAGE_JSON, PAGE_HTML };

static enum page_kind kind_of(const struct request_head *head)
{
    struct span accept;
    if (!headers_find(&head->fields, SPAN("accept"), &accept))
        return PAGE_TEXT;
    struct span rest = accept;
    struct span part;
    while (span_cut(&rest, ',', &part)) {
        struct span type = span_trim(span_first(part, span_find(part, ';')));
        if (span_equal_nocase(type, SPAN("application/json")))
            return PAGE_JSON;
        if (span_equal_nocase(type, SPAN("text/html")))
            return PAGE_HTML;
        if (span_equal_nocase(type, SPAN("text/plain")))
            return PAGE_TEXT;
    }
    return PAGE_TEXT;
}

static bool write_page(struct buf *out, enum page_kind kind, const struct error_page *page)
{
    if (kind == PAGE_JSON)
        return buf_printf(out,
                          "{\"status\":%d,\"error\":\"%s\",\"advice\":\"%s\",\"ray\":\"%s\"}\n",
                          page->status, page->title, page->advice, page->ray);
    if (kind == PAGE_TEXT)
        return buf_printf(out, "%d %s\n%s\nray: %s\n", page->status, page->title, page->advice,
                          page->ray);
    return buf_printf(out,
                      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                      "<meta name=\"viewport\" content=\"width=device-width\">"
                      "<title>%d %s</title><style>body{font:16px/1.5 system-ui,sans-serif;"
                      "max-width:34em;margin:12vh auto;padding:0 1em;color:#222}"
                      "@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}"
                      "small{color:#777}</style></head><body><h1>%d %s</h1><p>%s</p>"
                      "<p><small>ray %s</small></p></body></html>\n",
                      page->status, page->title, page->status, page->title, page->advice,
                      page->ray);
}

static const char *type_of(enum page_kind kind)
{
    static const char *const types[] = {
        [PAGE_TEXT] = "text/plain; charset=utf-8",
        [PAGE_JSON] = "application/json",
        [PAGE_HTML] = "text/html; charset=utf-8",
    };
    return types[kind];
}

void error_page_send(struct loop *loop, struct inbound *in, const struct error_page *page)
{
    struct buf text = BUF_LIMIT(PAGE_MAX);
    enum page_kind kind = kind_of(&in->head);
    struct reply reply = {.status = page->status, .content_type = type_of(kind)};
    reply.fields[0] = (struct header){SPAN("Cf-Ray"), span_of(page->ray)};
    reply.fields[1] = (struct header){SPAN("Cache-Control"), SPAN("no-store")};
    if (page->status == 503)
        reply.fields[2] = (struct header){SPAN("Retry-After"), SPAN("5")};
    if (write_page(&text, kind, page))
        reply.text = buf_span(&text);
    reply_send(loop, in, &reply);
    buf_release(&text);
}

static bool fill(struct response_head *head, const struct error_page *page, enum page_kind kind,
                 struct error *err)
{
    return headers_add(&head->fields, SPAN("Content-Type"), span_of(type_of(kind)), err) &&
           headers_add(&head->fields, SPAN("Cf-Ray"), span_of(page->ray), err) &&
           headers_add(&head->fields, SPAN("Cache-Control"), SPAN("no-store"), err) &&
           (page->status != 503 || headers_add(&head->fields, SPAN("Retry-After"), SPAN("5"), err));
}

int error_page_answer(struct inbound *in, const struct error_page *page, struct body *body)
{
    struct buf text = BUF_LIMIT(PAGE_MAX);
    struct error err = {0};
    struct response_head head;
    enum page_kind kind = kind_of(&in->head);
    response_head_init(&head);
    headers_init(&body->trailers);
    bool ok = write_page(&text, kind, page) && fill(&head, page, kind, &err);
    body->bytes = ok ? channel_new(0, PAGE_MAX + 1, NULL, NULL) : NULL;
    ok = body->bytes && channel_put(body->bytes, text.data, text.len) == text.len;
    if (ok) {
        channel_end(body->bytes);
        head.status = page->status;
        head.length = body->length = (int64_t)text.len;
        ok = inbound_answer(in, &head, body, &err);
    }
    response_head_release(&head);
    buf_release(&text);
    if (ok)
        return page->status;
    inbound_reset(in, &err);
    return 0;
}
