/* Who may go on, and who must: connection credit within the memory budget, and streams whose peer
 * neither takes nor sends. */
#include "culvert/net/pace.h"

#include "h2_internal.h"

enum {
    SQUEEZE_TICK_MS = 1000,
    SQUEEZE_PATIENCE_MS = 10 * 1000, /* for the stream that holds most, without progress */
    STALL_LOOKS = 4,                 /* in the time that a stream may stand still */
    RTT_FRESH_MS = 10 * 1000,        /* how long a measured round trip is believed */
    GROWTH_TRIPS =
        3, /* a window that passes in so many is too small: two, and a busy loop's time */
    SHORT_TRIP_MS = 1,      /* what a round trip counts that takes no time we can tell */
    SHORT_WAY_WINDOWS = 16, /* that pass first there: the kernel swallows the beginning */
};

static const uint8_t rtt_mark[8] = "trip rtt";

static bool is_over_budget(const struct h2_session *session)
{
    const struct budget *budget = session->options.budget;
    return budget && budget->used > budget->limit;
}

static void grow_connection(struct h2_session *session, size_t bytes);

void h2_session_credit(struct h2_session *session, size_t len)
{
    if (is_over_budget(session)) {
        session->credit_owed += len;
        if (len > 0 && !timer_is_armed(&session->squeeze))
            h2_session_arm(session, &session->squeeze, SQUEEZE_TICK_MS);
        return;
    }
    len += session->credit_owed;
    session->credit_owed = 0;
    if (len == 0)
        return;
    h2_session_need(session, nghttp2_session_consume_connection(session->ng, len));
    grow_connection(session, len);
}

/* The stream that holds most and has not moved for a while; NULL: all move. */
static struct h2_stream *find_stuck(struct h2_session *session)
{
    struct h2_stream *stuck = NULL;
    uint64_t now = loop_now_ms(session->loop);
    LIST_EACH (it, &session->streams) {
        struct h2_stream *stream = CONTAINER_OF(it, struct h2_stream, link);
        size_t holds = channel_len(stream->body.bytes);
        if (holds > 0 && now - stream->drained_ms >= SQUEEZE_PATIENCE_MS &&
            (!stuck || holds > channel_len(stuck->body.bytes)))
            stuck = stream;
    }
    return stuck;
}

static void squeeze(void *arg)
{
    struct h2_session *session = arg;
    if (is_over_budget(session)) {
        struct h2_stream *stuck = find_stuck(session);
        if (stuck) {
            h2_stream_blame(
                stuck,
                &(struct error){ERROR_LIMIT, 0,
                                "the memory budget is used up and this stream does not move"});
            h2_stream_reset(stuck, NGHTTP2_ENHANCE_YOUR_CALM);
        }
        h2_session_arm(session, &session->squeeze, SQUEEZE_TICK_MS);
    }
    h2_session_credit(session, 0);
    h2_session_flush_soon(session);
}

/* Has this moved less than `least` in `limit_ms`? Its time begins when it is first looked at while
 * it waits, and anew with each `least` that moved. */
static bool crawls(struct h2_pace *pace, uint64_t moved, uint64_t least, uint64_t now,
                   uint64_t limit_ms)
{
    if (pace->since_ms == 0 || moved - pace->mark >= least) {
        pace->since_ms = now;
        pace->mark = moved;
    }
    return limit_ms > 0 && now - pace->since_ms >= limit_ms;
}

/* Bytes wait for a window that the peer does not open, or by too little: the stream's own, or the
 * connection's, where what others get counts too. Who waits for neither waits for the connection,
 * which has a pace of its own. */
static bool takes_too_little(struct h2_stream *stream, uint64_t now)
{
    struct h2_session *session = stream->session;
    bool waits = stream->sending && channel_len(stream->sending) > 0;
    bool own = nghttp2_session_get_stream_remote_window_size(session->ng, stream->id) <= 0;
    bool shared = nghttp2_session_get_remote_window_size(session->ng) <= 0;
    if (!waits || !own)
        stream->own_pace.since_ms = 0;
    if (!waits || own || !shared)
        stream->shared_pace.since_ms = 0;
    if (!waits || (!own && !shared))
        return false;
    uint64_t sent = own ? stream->sent : session->sent;
    uint64_t limit_ms = pace_patience_ms(sent, session->options.stall_ms);
    return crawls(own ? &stream->own_pace : &stream->shared_pace, sent, H2_DRAIN_MIN, now,
                  limit_ms);
}

/* The rest of a request does not come, though there is room and nothing was answered yet. Who did
 * not say how long it is may be telling what happens elsewhere: of such a body any byte will do. */
static bool sends_too_little(struct h2_stream *stream, uint64_t now)
{
    const struct request_head *head = &stream->in.head;
    uint64_t least = head->length == LENGTH_UNKNOWN ? 1 : H2_BODY_MIN;
    bool waits = stream->in.ops && stream->held && !stream->peer_ended && !stream->sent_head &&
                 channel_len(stream->body.bytes) == 0 && !request_is_grpc(head) &&
                 !head->is_websocket &&             /* it waits for the answer to begin */
                 stream->session->credit_owed == 0; /* it may have to wait for ours */
    if (!waits) {
        stream->body_pace.since_ms = 0;
        return false;
    }
    return crawls(&stream->body_pace, channel_total(stream->body.bytes), least, now,
                  stream->session->options.body_ms);
}

/* Some times within the shorter limit, if there is one. */
static void look_again(struct h2_session *session)
{
    uint64_t stall_ms = session->options.stall_ms;
    uint64_t body_ms = session->options.body_ms;
    uint64_t limit_ms = stall_ms == 0 || (body_ms > 0 && body_ms < stall_ms) ? body_ms : stall_ms;
    if (limit_ms > 0)
        h2_session_arm(session, &session->stall, (limit_ms + STALL_LOOKS - 1) / STALL_LOOKS);
}

static void look_for_stalls(void *arg)
{
    struct h2_session *session = arg;
    uint64_t now = loop_now_ms(session->loop);
    LIST_EACH (it, &session->streams) {
        struct h2_stream *stream = CONTAINER_OF(it, struct h2_stream, link);
        if (stream->id == 0 || stream->why)
            continue;
        bool deaf = takes_too_little(stream, now);
        if (!deaf && !sends_too_little(stream, now))
            continue;
        struct error why;
        error_set(
            &why, ERROR_TIMEOUT, 0, "the peer %s for %llu ms",
            deaf ? "took too little of the answer" : "sent too little of its body",
            (unsigned long long)(deaf ? session->options.stall_ms : session->options.body_ms));
        h2_stream_blame(stream, &why);
        h2_stream_reset(stream, NGHTTP2_CANCEL);
        h2_defence_told(session, ABUSE_H2_STALLS);
    }
    look_again(session);
}

/* ---- windows that grow ---- */

static void ask_for_round_trip(struct h2_session *session, uint64_t now)
{
    bool fresh = session->rtt_told_ms > 0 && now - session->rtt_told_ms < RTT_FRESH_MS;
    if (session->rtt_asked || fresh ||
        nghttp2_submit_ping(session->ng, NGHTTP2_FLAG_NONE, rtt_mark) != 0)
        return;
    session->rtt_asked = true;
    session->rtt_asked_ms = now;
}

void h2_pace_pong(struct h2_session *session, const uint8_t opaque[8])
{
    if (!session->rtt_asked || memcmp(opaque, rtt_mark, sizeof rtt_mark) != 0)
        return;
    session->rtt_asked = false;
    session->rtt_told_ms = loop_now_ms(session->loop);
    session->rtt_ms = session->rtt_told_ms - session->rtt_asked_ms;
}

/* Counts `bytes`; when a whole window of them has passed: was it so fast that the window is what
 * the peer waits for? */
static bool pace_is_bound(struct h2_session *session, struct h2_epoch *epoch, size_t bytes,
                          size_t window)
{
    uint64_t now = loop_now_ms(session->loop);
    epoch->bytes += bytes;
    if (epoch->bytes < window)
        return false;
    uint64_t took = now - epoch->since_ms;
    *epoch = (struct h2_epoch){.since_ms = now};
    ask_for_round_trip(session, now);
    uint64_t trip = session->rtt_ms > SHORT_TRIP_MS ? session->rtt_ms : SHORT_TRIP_MS;
    return session->rtt_told_ms > 0 && took <= GROWTH_TRIPS * trip;
}

static bool budget_allows_growth(const struct h2_session *session)
{
    const struct budget *budget = session->options.budget;
    return !budget || budget->used <= budget->limit / 2;
}

static bool set_window(struct h2_session *session, int32_t id, size_t window)
{
    return nghttp2_session_set_local_window_size(session->ng, NGHTTP2_FLAG_NONE, id,
                                                 (int32_t)window) == 0;
}

/* Many streams together may fill the way between, though each has room. */
static void grow_connection(struct h2_session *session, size_t bytes)
{
    size_t window = session->window * 2;
    if (!pace_is_bound(session, &session->epoch, bytes, session->window) ||
        window > H2_CONN_WINDOW_MAX || !budget_allows_growth(session))
        return;
    if (set_window(session, 0, window))
        session->window = window;
}

/* `stayed`: what never left the channel while the window passed. It waits for its reader: a larger
 * window would only pile it higher. What lies there for a moment is a burst that just came. On a
 * short way a slow reader shows late, when its buffers in the kernel are full. */
static bool may_grow(const struct h2_stream *stream, size_t stayed)
{
    if (stream->session->rtt_ms <= SHORT_TRIP_MS &&
        channel_total(stream->body.bytes) / SHORT_WAY_WINDOWS < stream->window)
        return false;
    return stream->window < H2_STREAM_WINDOW_MAX && !stream->peer_ended &&
           stayed <= stream->window / 4 && budget_allows_growth(stream->session);
}

/* A window that passes within few round trips is doubled, until it holds what the way between takes
 * up: rate times distance, of which at least SHORT_TRIP_MS. Who waits for it needs up to two, since
 * the library gives credit back by halves. */
void h2_pace_drained(struct h2_stream *stream, size_t bytes)
{
    size_t window = stream->window * 2;
    size_t lies = channel_len(stream->body.bytes);
    if (lies < stream->stayed)
        stream->stayed = lies;
    bool bound = pace_is_bound(stream->session, &stream->epoch, bytes, stream->window);
    if (stream->epoch.bytes > 0)
        return; /* it has not passed yet */
    size_t stayed = stream->stayed;
    stream->stayed = lies;
    if (!bound || !may_grow(stream, stayed) || !set_window(stream->session, stream->id, window))
        return;
    stream->window = window;
    channel_set_limit(stream->body.bytes, window);
}

void h2_pace_init(struct h2_session *session)
{
    session->window = H2_CONN_WINDOW;
    session->epoch.since_ms = loop_now_ms(session->loop);
    timer_init(&session->squeeze, session->loop, squeeze, session);
    timer_init(&session->stall, session->loop, look_for_stalls, session);
    look_again(session);
}

void h2_pace_stop(struct h2_session *session)
{
    timer_stop(&session->squeeze);
    timer_stop(&session->stall);
}
