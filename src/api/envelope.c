/* The envelope of the API. A pure function of the answer. */
#include "culvert/api/envelope.h"

enum { TEXT_MAX = 1024 }; /* of all errors together; an error's text holds less */

static enum error_kind kind_of(int status)
{
    if (status == 401 || status == 403)
        return ERROR_DENIED;
    if (status == 429)
        return ERROR_LIMIT;
    if (status >= 400 && status < 500)
        return ERROR_INVALID;
    return status >= 500 ? ERROR_NETWORK : ERROR_PROTOCOL;
}

/* Control characters, which may steer a terminal, become question marks. */
static bool put_message(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool c1 = c == 0xc2 && i + 1 < text.len && (unsigned char)text.data[i + 1] < 0xa0;
        bool control = c < 0x20 || c == 0x7f || c1;
        if (!buf_put_char(out, control ? '?' : text.data[i]))
            return false;
        i += c1 ? 1 : 0;
    }
    return true;
}

/* "code 1003: ", nothing when there is no code; it may be a number or a text. */
static bool put_code(struct buf *out, const struct doc *code)
{
    int64_t number = 0;
    struct span text = SPAN_NONE;
    if (!code)
        return true;
    if (doc_as_int(code, &number))
        return buf_printf(out, "code %lld: ", (long long)number);
    return !doc_as_text(code, &text) || (buf_put_span(out, SPAN("code ")) &&
                                         put_message(out, text) && buf_put_span(out, SPAN(": ")));
}

static bool put_error(struct buf *out, const struct doc *one)
{
    const struct doc *message = doc_get(one, "message");
    struct span text = SPAN_NONE;
    if (out->len > 0 && !buf_put_span(out, SPAN("; ")))
        return false;
    if (!message || !doc_as_text(message, &text) || text.len == 0)
        text = SPAN("no message");
    return put_code(out, doc_get(one, "code")) && put_message(out, text);
}

/* Fills `err` when the envelope has errors; they are told even with a status of success. */
static bool has_errors(const struct doc *root, int status, struct error *err)
{
    const struct doc *errors = doc_get(root, "errors");
    struct buf text = BUF_LIMIT(TEXT_MAX);
    if (!errors || doc_kind(errors) != DOC_ARRAY || doc_count(errors) == 0)
        return false;
    for (size_t i = 0; i < doc_count(errors); i++)
        if (!put_error(&text, doc_at(errors, i)))
            break;
    error_set(err, kind_of(status), status, "%s", buf_text(&text));
    buf_release(&text);
    return true;
}

static bool refuse_status(int status, struct error *err)
{
    static const struct {
        int status;
        const char *meaning;
    } known[] = {
        {400, "bad request"},
        {401, "unauthorized: the API token of the certificate is not accepted"},
        {403, "unauthorized: the API token of the certificate may not do this"},
        {404, "not found"},
        {409, "the name is taken already"},
        {429, "too many requests, try again later"},
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (known[i].status == status)
            return error_set(err, kind_of(status), status, "%s (status %d)", known[i].meaning,
                             status);
    return error_set(err, kind_of(status), status, "the API answered with status %d", status);
}

static bool read_page_info(const struct doc *root, struct api_envelope *envelope, struct error *err)
{
    const struct doc *info = doc_get(root, "result_info");
    return !info || (doc_read_int(info, "count", &envelope->count, err) &&
                     doc_read_int(info, "per_page", &envelope->per_page, err) &&
                     doc_read_int(info, "total_count", &envelope->total_count, err));
}

static bool read_success(struct api_envelope *envelope, int status, struct error *err)
{
    bool success = false;
    if (has_errors(envelope->root, status, err))
        return false;
    if (doc_kind(envelope->root) != DOC_OBJECT)
        return error_set(err, ERROR_PROTOCOL, status, "unexpected response: not an object");
    if (!doc_read_bool(envelope->root, "success", &success, err) ||
        !read_page_info(envelope->root, envelope, err)) {
        err->kind = ERROR_PROTOCOL;
        err->cause = status;
        return error_wrap(err, "unexpected response");
    }
    if (!success)
        return error_set(err, ERROR_PROTOCOL, status, "the API says that it failed, but not why");
    envelope->result = doc_get(envelope->root, "result");
    envelope->has_result = envelope->result != NULL;
    if (envelope->result && doc_kind(envelope->result) == DOC_NULL)
        envelope->result = NULL;
    return true;
}

bool api_envelope_read(const struct fetch_response *response, struct api_envelope *envelope,
                       struct error *err)
{
    struct error fault = {0};
    int status = response->status;
    bool success = status >= 200 && status < 300;
    bool is_json = strcmp(response->media_type, "application/json") == 0;
    *envelope = (struct api_envelope){0};
    if (success && response->body.len == 0)
        return true;
    if (!success && !is_json)
        return refuse_status(status, err);
    envelope->root = doc_parse(buf_span(&response->body), &fault);
    if (!success)
        return envelope->root && has_errors(envelope->root, status, err)
                   ? false
                   : refuse_status(status, err);
    if (!envelope->root)
        return error_set(err, ERROR_PROTOCOL, status, "unexpected response: %s", fault.text);
    struct error *told = err ? err : &fault;
    return read_success(envelope, status, told);
}

void api_envelope_release(struct api_envelope *envelope)
{
    doc_wipe(envelope->root); /* a result may be a token */
    *envelope = (struct api_envelope){0};
}
