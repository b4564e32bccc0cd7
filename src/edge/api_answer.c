/* The v4 envelope. Its texts are ASCII: what a person sent may be cut in the middle of a character.
 */
#include "api_answer.h"

#include <stdarg.h>

enum { ANSWER_MAX = 16 * 1024 * 1024 }; /* a page of 1,000 tunnels with four connections each */

static bool put_errors(struct doc *root, enum api_code code, const char *text)
{
    struct doc *errors = doc_array();
    struct doc *error = NULL;
    bool ok = errors != NULL;
    if (ok && text) {
        error = doc_object();
        ok = error && doc_put_int(error, "code", (int)code) &&
             doc_put_text(error, "message", span_of(text));
        if (ok)
            ok = doc_append(errors, error);
        else
            doc_free(error);
    }
    if (!ok) {
        doc_free(errors);
        return false;
    }
    return doc_put(root, "errors", errors);
}

/* Writes the envelope; takes result and info over. */
static bool write_envelope(struct api_answer *answer, struct doc *root, struct doc *result,
                           struct doc *info)
{
    bool ok = doc_put(root, "messages", doc_array());
    buf_wipe(&answer->json); /* what was said before, and is wrong by now */
    ok = doc_put(root, "result", result) && ok;
    if (info)
        ok = doc_put(root, "result_info", info) && ok;
    answer->json.limit = ANSWER_MAX;
    return ok && doc_format(root, DOC_COMPACT, &answer->json);
}

static void out_of_memory(struct api_answer *answer)
{
    buf_wipe(&answer->json);
    answer->status = 500;
    (void)error_memory(&answer->failure);
}

void api_succeed(struct api_answer *answer, struct doc *result, struct doc *info)
{
    struct doc *root = doc_object();
    bool ok = root && result && doc_put_bool(root, "success", true) && put_errors(root, 0, NULL);
    if (ok) {
        ok = write_envelope(answer, root, result, info);
        answer->status = 200;
    } else {
        doc_wipe(result);
        doc_free(info);
    }
    doc_wipe(root); /* the result may hold a secret */
    if (!ok)
        out_of_memory(answer);
}

static void make_ascii(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
            *text = '?';
}

void api_refuse(struct api_answer *answer, int status, enum api_code code, const char *format, ...)
{
    char text[API_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    make_ascii(text);

    struct doc *root = doc_object();
    bool ok = root && doc_put_bool(root, "success", false) && put_errors(root, code, text) &&
              write_envelope(answer, root, doc_null(), NULL);
    answer->status = status;
    doc_free(root);
    if (!ok)
        out_of_memory(answer);
}

void api_fail(struct api_answer *answer, const struct error *err)
{
    answer->failure = *err;
    if (err->kind == ERROR_LIMIT)
        api_refuse(answer, 400, API_CODE_LIMIT, "a limit of this edge is reached: %s", err->text);
    else if (err->kind == ERROR_INVALID)
        api_refuse(answer, 400, API_CODE_BAD_FIELD, "%s", err->text);
    else if (err->kind == ERROR_TIMEOUT)
        api_refuse(answer, 503, API_CODE_BUSY, "the store is busy: try again");
    else
        api_refuse(answer, 500, API_CODE_INTERNAL, "the edge failed; its log says why");
}
