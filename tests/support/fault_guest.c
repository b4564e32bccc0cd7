/* See the header. */
#include "support/fault_guest.h"

#include "support/must.h"
#include "support/pattern.h"

enum { BYTES_MAX = 1024 * 1024, POSTED_MAX = 32 * 1024 };

/* ---- over HTTP/1.1 ---- */

static void on_nothing(void *arg)
{
    (void)arg;
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct fault_guest *guest = arg;
    must(buf_put(&guest->got, data, len));
    return len;
}

static void on_end(void *arg)
{
    ((struct fault_guest *)arg)->ended = true;
}

static void on_lost(void *arg, const struct error *why)
{
    (void)why;
    ((struct fault_guest *)arg)->ended = true;
}

static const struct conn_events conn_events = {on_nothing, on_bytes, on_end, on_nothing, on_lost};

static void say_h1(struct fault_guest *guest, int fd)
{
    unsigned char bytes[POSTED_MAX];
    char head[2048];
    const struct fault_request *request = guest->request;
    int len = snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: %s\r\n", request->method,
                       request->path, request->host);
    if (request->cookie)
        len += snprintf(head + len, sizeof head - (size_t)len, "Cookie: %s\r\n", request->cookie);
    if (request->is_websocket)
        len += snprintf(head + len, sizeof head - (size_t)len,
                        "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    else
        len += snprintf(head + len, sizeof head - (size_t)len, "Content-Length: %zu\r\n\r\n",
                        request->posted);
    pattern_fill(bytes, request->posted, 0);
    guest->conn = conn_new(guest->loop, fd, &conn_events, guest, NULL);
    must(guest->conn && conn_put(guest->conn, head, (size_t)len) &&
         conn_put(guest->conn, bytes, request->posted));
}

/* However it was cut. False: it is not whole, or no chunks. */
static bool dechunk(struct span chunks, struct buf *out)
{
    struct span rest = chunks;
    struct span line;
    buf_clear(out);
    while (span_cut(&rest, '\n', &line) && rest.data) {
        size_t size = strtoul(line.data, NULL, 16);
        if (size == 0)
            return span_equal(rest, SPAN("\r\n"));
        if (rest.len < size + 2 || !buf_put(out, rest.data, size))
            return false;
        rest = span_skip(rest, size + 2);
    }
    return false;
}

static void read_h1(struct fault_guest *guest)
{
    const char *text = buf_text(&guest->got);
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\ncontent-length: ");
    if (!end || strncmp(text, "HTTP/1.1 ", 9) != 0)
        return;
    struct span body = span_skip(buf_span(&guest->got), (size_t)(end + 4 - text));
    guest->status = (int)strtol(text + 9, NULL, 10);
    if (guest->status == 101) {
        buf_clear(&guest->body);
        must(buf_put_span(&guest->body, body));
        guest->whole = body.len >= guest->request->posted;
        return;
    }
    if (!length || length > end) {
        guest->whole = dechunk(body, &guest->body);
        return;
    }
    buf_clear(&guest->body);
    must(buf_put_span(&guest->body, body));
    guest->whole = body.len >= strtoul(length + 18, NULL, 10);
}

/* ---- over HTTP/2 ---- */

static void on_filled(void *arg)
{
    struct fault_guest *guest = arg;
    struct span part;
    while ((part = channel_peek(guest->answer->bytes)).len > 0) {
        must(buf_put_span(&guest->body, part));
        channel_drop(guest->answer->bytes, part.len);
    }
}

static const struct channel_events taker = {on_filled};

static void on_inform(void *arg, const struct response_head *head)
{
    (void)arg;
    (void)head;
}

static void on_answer(void *arg, struct response_head *head, struct body *body)
{
    struct fault_guest *guest = arg;
    guest->status = head->status;
    guest->answer = body;
    if (!body)
        return;
    channel_set_taker(body->bytes, &taker, guest);
    on_filled(guest);
}

static void on_done(void *arg)
{
    ((struct fault_guest *)arg)->whole = true;
}

static void on_failed(void *arg, const struct error *why)
{
    on_lost(arg, why);
}

static const struct outbound_events outbound_events = {on_inform, on_answer, on_done, on_failed};

static void on_request(void *arg, struct inbound *in)
{
    (void)arg;
    inbound_close(in);
}

static void on_goaway(void *arg, uint32_t code)
{
    (void)arg;
    (void)code;
}

static const struct h2_session_events session_events = {on_request, on_goaway, on_nothing, on_lost};

static void fill_posted(struct fault_guest *guest)
{
    unsigned char bytes[POSTED_MAX];
    size_t len = guest->request->posted;
    headers_init(&guest->posted.trailers);
    guest->posted.length = (int64_t)len;
    guest->posted.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    pattern_fill(bytes, len, 0);
    must(guest->posted.bytes && channel_put(guest->posted.bytes, bytes, len) == len);
    channel_end(guest->posted.bytes);
}

static void say_h2(struct fault_guest *guest, int fd)
{
    static const struct h2_options options = {.head_max = 64 * 1024};
    const struct fault_request *request = guest->request;
    struct request_head head;
    struct conn *conn = conn_new(guest->loop, fd, &conn_events, guest, NULL);
    must(conn != NULL);
    guest->session = h2_session_new(conn, &options, &session_events, guest, NULL);
    must(guest->session != NULL);
    fill_posted(guest);
    request_head_init(&head);
    must(buf_put_span(&head.method, span_of(request->method)) &&
         buf_put_span(&head.scheme, SPAN("http")) &&
         buf_put_span(&head.authority, span_of(request->host)) &&
         buf_put_span(&head.target, span_of(request->path)));
    head.length = (int64_t)request->posted;
    head.ends_here = request->posted == 0;
    guest->out =
        h2_session_open(guest->session, &head, &guest->posted, &outbound_events, guest, NULL);
    must(guest->out != NULL);
    request_head_release(&head);
}

/* ---- both ---- */

bool fault_guest_open(struct fault_guest *guest, struct split_ends *ends,
                      const struct fault_request *request)
{
    *guest = (struct fault_guest){.request = request,
                                  .loop = ends->loops[SPLIT_WORLD],
                                  .got = BUF_LIMIT(BYTES_MAX),
                                  .body = BUF_LIMIT(BYTES_MAX)};
    int fd = memory_sockets_dial(&ends->memory, request->place);
    if (fd == -1) {
        guest->ended = true;
        return false;
    }
    if (request->over_h2)
        say_h2(guest, fd);
    else
        say_h1(guest, fd);
    return true;
}

bool fault_guest_is_over(void *arg)
{
    struct fault_guest *guest = arg;
    if (!guest->session)
        read_h1(guest);
    return guest->whole || guest->ended;
}

void fault_guest_close(struct fault_guest *guest)
{
    conn_close(guest->conn);
    outbound_close(guest->out);
    h2_session_close(guest->session);
    channel_close(guest->posted.bytes, guest->loop);
    headers_release(&guest->posted.trailers);
    buf_release(&guest->got);
    buf_release(&guest->body);
}
