/* What failed, why, and the words for the operator. The lowest level names the fact, each level
 * above adds what it was doing, only the top prints. */
#ifndef CULVERT_BASE_ERROR_H
#define CULVERT_BASE_ERROR_H

#include "culvert/base/banned.h"

#include <stdbool.h>

#define MUST_CHECK        __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define BIT(n)            (1u << (n))
#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))

/* What a caller may decide on; never decide on the words. */
enum error_kind {
    ERROR_NONE,
    ERROR_INVALID,  /* input that breaks its rules: a file, a flag, a message of a person */
    ERROR_DENIED,   /* understood and refused: credentials, permissions */
    ERROR_TIMEOUT,  /* a deadline fired */
    ERROR_NETWORK,  /* a peer could not be reached or went away */
    ERROR_PROTOCOL, /* a peer broke the protocol */
    ERROR_LIMIT,    /* a named bound was reached */
    ERROR_SYSTEM,   /* the machine: memory, files, descriptors */
};

enum { ERROR_TEXT_MAX = 256 };

struct error {
    enum error_kind kind;
    int cause;                 /* errno or the library's code underneath; 0 if none */
    const char *label;         /* a finer word than the kind's, for logs and metrics: "refused";
                                * static; NULL: none */
    char text[ERROR_TEXT_MAX]; /* outermost first; cut, never overflowing */
};

/* Fills `err` (NULL is allowed) and returns false, so that failures read `return error_set(...)`.
 * With a `cause` that is an errno nothing is appended: use error_errno for that. */
bool error_set(struct error *err, enum error_kind kind, int cause, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* As error_set with kind SYSTEM, cause errno, and ": " + strerror(errno) behind the text. */
bool error_errno(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* The one sentence for a failed allocation. Returns false. */
bool error_memory(struct error *err);

/* Puts "<text>: " in front of what `err` says already. Returns false. */
bool error_wrap(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* Gives it that label (static text), unless it has one: who is nearer to the fact knows better.
 * Returns false. */
bool error_label(struct error *err, const char *label);

/* Its label, else the name of its kind. Static text. */
const char *error_name(const struct error *err);

/* A copy for who keeps it, where the room for one in each object would be much. Never NULL: without
 * memory it is a constant that says so. */
const struct error *error_keep(const struct error *err);
void error_drop(const struct error *kept); /* NULL is allowed */

/* The kind in lower case, for logs and metrics: "timeout". Static text. */
const char *error_kind_name(enum error_kind kind);

#endif
