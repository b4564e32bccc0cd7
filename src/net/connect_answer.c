/* Only the status and the end of the head matter; fields of the answer do not. */
#include "culvert/net/connect_answer.h"

static bool put_place(struct buf *out, const char *host, uint16_t port)
{
    bool is_v6 = strchr(host, ':') != NULL;
    return buf_printf(out, "%s%s%s:%u", is_v6 ? "[" : "", host, is_v6 ? "]" : "", port);
}

bool connect_request_write(struct buf *out, const char *host, uint16_t port,
                           const char *authorization)
{
    bool ok = buf_put_span(out, SPAN("CONNECT ")) && put_place(out, host, port) &&
              buf_put_span(out, SPAN(" HTTP/1.1\r\nHost: ")) && put_place(out, host, port) &&
              buf_put_span(out, SPAN("\r\n"));
    if (ok && authorization)
        ok = buf_printf(out, "Proxy-Authorization: %s\r\n", authorization);
    return ok && buf_put_span(out, SPAN("\r\n"));
}

/* -1: the line begins otherwise. */
static int parse_status(const char start[CONNECT_START_SIZE])
{
    int status = 0;
    bool is_http = memcmp(start, "HTTP/1.", 7) == 0 && (start[7] == '0' || start[7] == '1') &&
                   start[8] == ' ' && start[9] != '0';
    for (size_t i = 9; is_http && i < CONNECT_START_SIZE; i++) {
        is_http = start[i] >= '0' && start[i] <= '9';
        status = status * 10 + (start[i] - '0');
    }
    return is_http ? status : -1;
}

/* Of the empty line, when `c` follows the bytes that were matched so far. */
static unsigned match(unsigned matched, char c)
{
    static const char end[] = "\r\n\r\n";
    if (c == end[matched])
        return matched + 1;
    return c == '\r' ? 1 : 0;
}

static enum connect_step take(struct connect_answer *answer, char c)
{
    if (answer->len < CONNECT_START_SIZE)
        answer->start[answer->len] = c;
    answer->len++;
    answer->matched = match(answer->matched, c);
    if (answer->len == CONNECT_START_SIZE && parse_status(answer->start) == -1)
        return CONNECT_BAD;
    if (answer->matched == 4) {
        if (answer->len < CONNECT_START_SIZE)
            return CONNECT_BAD;
        answer->status = parse_status(answer->start);
        return answer->status / 100 == 2 ? CONNECT_OPEN : CONNECT_REFUSED;
    }
    return answer->len < CONNECT_ANSWER_MAX ? CONNECT_MORE : CONNECT_BAD;
}

enum connect_step connect_answer_feed(struct connect_answer *answer, struct span bytes,
                                      size_t *taken)
{
    enum connect_step step = CONNECT_MORE;
    *taken = 0;
    while (step == CONNECT_MORE && *taken < bytes.len)
        step = take(answer, bytes.data[(*taken)++]);
    return step;
}
