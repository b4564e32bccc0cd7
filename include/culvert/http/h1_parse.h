/* What reading the head of an HTTP/1.1 message needs and what it finds (RFC 9112). Requests are
 * read by h1_request.h, answers by h1_response.h. Nothing here does I/O: the caller gathers bytes
 * in a bounded buffer and shows all of them, from the first byte of the head, at each call. */
#ifndef CULVERT_HTTP_H1_PARSE_H
#define CULVERT_HTTP_H1_PARSE_H

#include "culvert/http/message.h"

enum h1_verdict {
    H1_MORE, /* so far so good; call again with more bytes */
    H1_DONE,
    H1_BAD, /* for good: close the connection after saying why */
};

struct h1_limits {
    size_t line_max;   /* request or status line with its line end */
    size_t head_max;   /* the whole head */
    size_t fields_max; /* field lines */
};

/* For the edge: what browsers send fits ten times; more is no visitor. */
extern const struct h1_limits h1_request_limits; /* 16 KiB, 64 KiB, 200 */

/* For answers of origins, which are trusted with memory but not with all of it. */
extern const struct h1_limits h1_response_limits; /* 16 KiB, 1 MiB, 512 */

enum h1_body_kind {
    H1_BODY_NONE,
    H1_BODY_LENGTH,
    H1_BODY_CHUNKED,
    H1_BODY_UNTIL_CLOSE, /* answers only */
};

enum { H1_UPGRADE_MAX = 32 };

/* How the body is framed and what the head says about the connection. */
struct h1_framing {
    enum h1_body_kind body;
    int64_t length;               /* with H1_BODY_LENGTH, else LENGTH_UNKNOWN */
    bool keep_alive;              /* another message may follow on this connection */
    bool is_lenient;              /* something was read that not all would read alike */
    bool switches;                /* a 101 that says to what */
    char upgrade[H1_UPGRADE_MAX]; /* the one protocol a request asks for, lower case; "": none */
};

/* Where reading stands. Embedded; one message at a time. Only `used` is for others to read. */
struct h1_parser {
    size_t used; /* after H1_DONE: bytes of the head; what follows is body or the next message */
    const struct h1_limits *limits;
    size_t line;       /* where the line begins that is being read */
    size_t scanned;    /* no line ends before this */
    size_t fields;     /* field lines read */
    size_t field;      /* answers: the last field, which may yet be continued */
    size_t field_end;  /* 0: none */
    unsigned seen;     /* which fields of interest came */
    bool has_start;    /* the request or status line was read */
    bool answers_head; /* the request was HEAD */
};

/* Begins a message. `limits` is kept and must outlive the parser. */
void h1_parser_reset(struct h1_parser *parser, const struct h1_limits *limits);

#endif
