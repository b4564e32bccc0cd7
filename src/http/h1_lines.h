/* The lines of a head and the pieces of a field: what readers of requests and answers share. */
#ifndef CULVERT_HTTP_H1_LINES_H
#define CULVERT_HTTP_H1_LINES_H

#include "culvert/http/h1_parse.h"

enum h1_line {
    H1_LINE_MORE,
    H1_LINE_READY,
    H1_LINE_TOO_LONG, /* the start line is above its limit */
    H1_LINE_HEAD_TOO_LONG,
};

/* Bits of h1_parser.seen. */
enum h1_seen {
    H1_SEEN_HOST = 1u << 0,
    H1_SEEN_LENGTH = 1u << 1,
    H1_SEEN_TRANSFER = 1u << 2,
    H1_SEEN_CLOSE = 1u << 3,
    H1_SEEN_KEEP_ALIVE = 1u << 4,
    H1_SEEN_CONNECTION_UPGRADE = 1u << 5,
    H1_SEEN_UPGRADE = 1u << 6,
    H1_SEEN_CONTINUE = 1u << 7,
    H1_SEEN_TO_REMOVE = 1u << 8, /* a field went into the list that must leave it again */
    H1_SEEN_BARE_LF = 1u << 9,
    H1_SEEN_FOLD = 1u << 10,
    H1_SEEN_HTTP10 = 1u << 11,
    H1_SEEN_AUTHORITY = 1u << 12, /* an absolute target named it */
};

/* More members than this in Connection is an attempt to make us work: each is looked for among all
 * fields. */
enum { H1_CONNECTION_MEMBERS_MAX = 32 };

/* The next whole line, with its CR if there is one, without its LF. */
enum h1_line h1_next_line(struct h1_parser *parser, struct span bytes, struct span *line);

/* Cuts "name: value"; false: no colon. The value is trimmed, nothing is judged. */
bool h1_cut_field(struct span line, struct header *field);

/* Notes what the members of a Connection field say. False: too many, or `strict` and one is no
 * token or names a field that frames the message. */
bool h1_note_connection(struct h1_parser *parser, struct span value, bool strict);

/* Keeps the protocol of an Upgrade field in lower case; a list or a second field leaves "". */
void h1_note_upgrade(struct h1_parser *parser, struct span value, struct h1_framing *framing);

#endif
