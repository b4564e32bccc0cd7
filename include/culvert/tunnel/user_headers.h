/* The fields of an answer to the visitor, packed into one field of the tunnel: base64 of the name,
 * ":", base64 of the value, pairs joined by ";" (alphabet of RFC 4648 4, no padding). */
#ifndef CULVERT_TUNNEL_USER_HEADERS_H
#define CULVERT_TUNNEL_USER_HEADERS_H

#include "culvert/http/headers.h"

#define USER_HEADERS_FIELD "cf-cloudflared-response-headers"

/* What ANSWER_HEAD_MAX bytes become: a third more, and some for each field. */
enum { USER_HEADERS_MAX = 1408 * 1024 };

/* Names that belong to the tunnel itself, in any case: ":...", cf-int-, cf-cloudflared-, cf-proxy-.
 * They never travel between visitor and origin; an underscore counts as a hyphen, for those behind
 * us who do not tell them apart. */
bool user_header_is_reserved(struct span name);

/* Appends the packed form of all fields but reserved ones, names in customary spelling. False: kind
 * LIMIT above USER_HEADERS_MAX bytes or when `out` is full, INVALID for a field that no head may
 * hold; `out` is then as before. */
bool user_headers_pack(const struct headers *fields, struct buf *out, struct error *err) MUST_CHECK;

/* Appends the packed fields to `fields`. Empty pairs are passed over, reserved names left out.
 * False: a pair is not two base64 texts around one ":" or holds what no head may hold (kind
 * PROTOCOL), or a limit of the list. */
bool user_headers_unpack(struct span packed, struct headers *fields, struct error *err) MUST_CHECK;

#endif
