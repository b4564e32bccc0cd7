/* The words of a failure: see the header for who adds what. */
#include "culvert/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

bool error_set(struct error *err, enum error_kind kind, int cause, const char *format, ...)
{
    if (!err)
        return false;
    err->kind = kind;
    err->cause = cause;
    err->label = NULL;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return false;
}

bool error_errno(struct error *err, const char *format, ...)
{
    int cause = errno;
    if (!err)
        return false;
    char what[ERROR_TEXT_MAX];
    char why[128] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    /* The GNU strerror_r may return static text in place of filling `why`. */
    const char *reason = strerror_r(cause, why, sizeof why);
    return error_set(err, ERROR_SYSTEM, cause, "%s: %s", what, reason);
}

bool error_memory(struct error *err)
{
    return error_set(err, ERROR_SYSTEM, ENOMEM, "out of memory");
}

bool error_wrap(struct error *err, const char *format, ...)
{
    if (!err)
        return false;
    char outer[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(outer, sizeof outer - 2, format, args);
    va_end(args);
    size_t len = strlen(outer);
    outer[len++] = ':';
    outer[len++] = ' ';
    size_t keep = strlen(err->text);
    if (keep > ERROR_TEXT_MAX - 1 - len)
        keep = ERROR_TEXT_MAX - 1 - len;
    memmove(err->text + len, err->text, keep);
    memcpy(err->text, outer, len);
    err->text[len + keep] = '\0';
    return false;
}

bool error_label(struct error *err, const char *label)
{
    if (err && !err->label)
        err->label = label;
    return false;
}

const char *error_name(const struct error *err)
{
    return err->label ? err->label : error_kind_name(err->kind);
}

const char *error_kind_name(enum error_kind kind)
{
    static const char *const names[] = {
        [ERROR_NONE] = "none",       [ERROR_INVALID] = "invalid", [ERROR_DENIED] = "denied",
        [ERROR_TIMEOUT] = "timeout", [ERROR_NETWORK] = "network", [ERROR_PROTOCOL] = "protocol",
        [ERROR_LIMIT] = "limit",     [ERROR_SYSTEM] = "system",
    };
    return names[kind];
}

static const struct error no_memory = {ERROR_SYSTEM, ENOMEM, NULL, "out of memory"};

const struct error *error_keep(const struct error *err)
{
    struct error *kept = malloc(sizeof *kept);
    if (!kept)
        return &no_memory;
    *kept = *err;
    return kept;
}

void error_drop(const struct error *kept)
{
    if (kept != &no_memory)
        free((struct error *)(uintptr_t)kept);
}
