/* See the header. */
#include "support/origin_play.h"

#include "culvert/base/file.h"
#include "culvert/net/resolver.h"
#include "culvert/tunnel/credentials.h"
#include "support/ends.h"
#include "support/log_print.h"
#include "support/must.h"
#include "support/vectors.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    TEXT_MAX = 16 * 1024 * 1024,
    PATIENCE_MS = 8000, /* longer than any case takes */
    STEP_MS = 10,
};

/* ---- origins ---- */

static const struct {
    const char *name;
    const char *at; /* "{run}" stands for the directory */
} places[PLAY_ORIGINS] = {
    {"app", "127.0.0.1:28000"},    {"self", "127.0.0.1:28001"},       {"ca", "127.0.0.1:28002"},
    {"stall", "127.0.0.1:28004"},  {"lo", "127.0.0.1:28005"},         {"plain", "127.0.0.1:28006"},
    {"unix", "unix:{run}/o.sock"}, {"unixtls", "unix:{run}/ot.sock"},
};

struct fake_origin *origin_play_origin(struct origin_play *play, const char *name)
{
    for (size_t i = 0; i < PLAY_ORIGINS; i++)
        if (strcmp(places[i].name, name) == 0)
            return &play->origins[i];
    return NULL;
}

static void note_name(struct origin_play *play, const char *server_name)
{
    if (play->handshakes < PLAY_NAMES_MAX)
        span_copy(span_of(server_name), play->names[play->handshakes++], sizeof play->names[0]);
    span_copy(span_of(server_name), play->sni, sizeof play->sni);
}

static const struct tls_identity *choose_self(void *arg, const char *server_name)
{
    struct origin_play *play = arg;
    note_name(play, server_name);
    return play->certificates->self.identity;
}

static const struct tls_identity *choose_ca(void *arg, const char *server_name)
{
    struct origin_play *play = arg;
    note_name(play, server_name);
    return play->certificates->named;
}

static const struct tls_identity *choose_lo(void *arg, const char *server_name)
{
    struct origin_play *play = arg;
    note_name(play, server_name);
    return play->certificates->local;
}

static struct tls_identity *issue(struct tls_issuer *issuer, const char *const *names)
{
    struct error err;
    struct tls_identity *identity =
        tls_issue(issuer, names, 2, clock_system()->unix_ms(clock_system()), &err);
    must(identity != NULL);
    return identity;
}

void play_certificates_make(struct play_certificates *certificates)
{
    static const char *const named[] = {"origin.test", "app.example.com"};
    static const char *const local[] = {"localhost", "127.0.0.1"};
    /* The machine's roots are of no use here, and reading them takes longer than a case. */
    must(setenv("SSL_CERT_FILE", "/dev/null", 1) == 0 &&
         setenv("SSL_CERT_DIR", "/dev/null", 1) == 0);
    tls_fixture_init(&certificates->self, "localhost");
    tls_fixture_init(&certificates->ca, "ca.test");
    certificates->named = issue(certificates->ca.issuer, named);
    certificates->local = issue(certificates->ca.issuer, local);
}

void play_certificates_release(struct play_certificates *certificates)
{
    tls_identity_free(certificates->named);
    tls_identity_free(certificates->local);
    tls_fixture_release(&certificates->ca);
    tls_fixture_release(&certificates->self);
}

static void serve_tls(struct origin_play *play, const char *name,
                      const struct tls_identity *(*choose)(void *arg, const char *server_name))
{
    struct error err;
    const struct tls_server_options options = {.choose = choose, .arg = play};
    struct fake_origin *origin = origin_play_origin(play, name);
    struct tls_context *context = tls_server_new(&options, &err);
    must(context != NULL);
    play->contexts[origin - play->origins] = context;
    origin->tls = context;
}

/* "{run}" and "{ca.pem}" in a text. */
static char *fill_in(struct origin_play *play, struct span text)
{
    static const struct span words[] = {SPAN_INIT("{run}"), SPAN_INIT("{ca.pem}")};
    struct buf out = BUF_LIMIT(TEXT_MAX);
    while (text.len > 0) {
        struct span path = SPAN_NONE;
        size_t skip = 1;
        if (span_starts(text, words[0])) {
            path = span_of(play->place.directory);
            skip = words[0].len;
        } else if (span_starts(text, words[1])) {
            path = span_of(place_path(&play->place, "ca.pem"));
            skip = words[1].len;
        }
        must(path.data ? buf_put_span(&out, path) : buf_put_char(&out, text.data[0]));
        text = span_skip(text, skip);
    }
    char *filled = span_dup(buf_span(&out));
    must(filled != NULL);
    buf_release(&out);
    return filled;
}

/* A plain server that is greeted by TLS. */
static void answer_in_clear(void *arg, int fd)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    (void)arg;
    must(write(fd, answer, sizeof answer - 1) == (ssize_t)sizeof answer - 1);
    must(close(fd) == 0);
}

static void open_origins(struct origin_play *play)
{
    struct error err;
    must(file_create(place_path(&play->place, "ca.pem"), buf_span(&play->certificates->ca.ca_pem),
                     0600, &err));
    must(file_create(place_path(&play->place, "self.pem"),
                     buf_span(&play->certificates->self.ca_pem), 0600, &err));
    for (size_t i = 0; i < PLAY_ORIGINS; i++) {
        char *at = fill_in(play, span_of(places[i].at));
        fake_origin_open(&play->origins[i], play->loop, &play->memory, at);
        fake_origin_follow(&play->origins[i], &play->script, 1);
        free(at);
    }
    memory_sockets_serve(&play->memory, "127.0.0.1:28006", answer_in_clear, play);
    memory_sockets_silence(&play->memory, "127.0.0.1:28003");
    origin_play_origin(play, "stall")->deaf = true;
    serve_tls(play, "self", choose_self);
    serve_tls(play, "ca", choose_ca);
    serve_tls(play, "lo", choose_lo);
    serve_tls(play, "unixtls", choose_self);
}

/* ---- the connector ---- */

static void over(void *arg, const struct error *why)
{
    (void)arg;
    (void)why;
}

static void start_connector(struct origin_play *play, struct span yaml)
{
    struct error err = {0};
    struct uuid id = uuid_make();
    play->credentials = credentials_new(SPAN("account"), &id, SPAN("secret"));
    char *text = fill_in(play, yaml);
    play->snapshot = ends_rules(text);
    free(text);
    play->options = ends_connector_options(play->credentials, play->snapshot, &play->log);
    play->options.connections = 1;
    const struct connector_world world = {
        .loop = play->loop,
        .clock = &play->clock.clock,
        .resolver = play->resolver,
        .one_thread = true,
    };
    play->connector = connector_new(&world, &play->options, over, play, &err);
    must(play->connector && settle(play->loop) && play->edge.conn);
}

void origin_play_open_text(struct origin_play *play, const struct play_certificates *certificates,
                           struct span yaml)
{
    static const struct resolver_entry names[] = {
        {"localhost", "127.0.0.1"}, {"twin.test", "192.0.2.1"}, {"twin.test", "2001:db8::1"}};
    struct error err;
    memset(play, 0, sizeof *play);
    play->certificates = certificates;
    play->patience_ms = PATIENCE_MS;
    play->clock = turned_clock_make(0);
    play->log = (struct log){.clock = &play->clock.clock};
    log_print_if_asked(&play->log);
    memory_sockets_init(&play->memory);
    const struct loop_options loop = {
        .clock = &play->clock.clock, .sockets = &play->memory.sockets, .log = &play->log};
    play->loop = loop_new(&loop, &err);
    must(play->loop != NULL);
    play->resolver = resolver_new_table(play->loop, names, ARRAY_LEN(names));
    play->place = place_make();
    raw_edge_open(&play->edge, play->loop, &play->memory, "127.0.0.1:7844");
    open_origins(play);
    start_connector(play, yaml);
}

void origin_play_open(struct origin_play *play, const struct play_certificates *certificates,
                      const char *config)
{
    struct span text = SPAN("");
    struct doc *configs = vectors_open("origin/configs.json");
    must(configs && doc_as_text(doc_get(configs, config), &text));
    origin_play_open_text(play, certificates, text);
    doc_free(configs);
}

/* ---- a case ---- */

void origin_play_grow(struct span text, struct buf *out)
{
    static const struct span end = SPAN_INIT("\r\nContent-Length: 2\r\n\r\nhi");
    const char *mark = text.len > 0 ? memmem(text.data, text.len, "...(", 4) : NULL;
    size_t len = mark ? strtoul(mark + 4, NULL, 10) : text.len;
    struct span tail = SPAN("");
    if (mark) {
        text.len = (size_t)(mark - text.data);
        if (span_starts(text, SPAN("HTTP/")) && !memmem(text.data, text.len, "\r\n\r\n", 4))
            tail = end;
    }
    must(buf_put_span(out, text));
    char *room = len > out->len + tail.len ? buf_room(out, len - out->len - tail.len) : NULL;
    if (room) {
        size_t more = len - out->len - tail.len;
        memset(room, text.data[text.len - 1], more);
        buf_added(out, more);
    }
    must(buf_put_span(out, tail));
}

bool origin_play_equal(struct span got, struct span recorded)
{
    const char *mark = recorded.len > 0 ? memmem(recorded.data, recorded.len, "...(", 4) : NULL;
    if (!mark)
        return span_equal(got, recorded);
    recorded.len = (size_t)(mark - recorded.data);
    return got.len == strtoul(mark + 4, NULL, 10) && span_starts(got, recorded);
}

static int64_t number(const struct doc *object, const char *key, int64_t otherwise)
{
    int64_t value = otherwise;
    return doc_as_int(doc_get(object, key), &value) ? value : otherwise;
}

/* A text of the case as bytes, grown. */
static struct span bytes_of(const struct doc *text, struct buf *out)
{
    struct buf bytes = BUF_LIMIT(TEXT_MAX);
    origin_play_grow(vectors_text_bytes(text, &bytes), out);
    buf_release(&bytes);
    return buf_span(out);
}

/* The 101 that answers the key of all cases. */
/* The case's origin takes the one key that all cases have, or says that there was none. */
static bool has_key(const struct doc *test)
{
    const struct doc *fields = doc_get(doc_get(test, "edge_sends"), "headers");
    struct span name = SPAN_NONE;
    for (size_t i = 0; i < doc_count(fields); i++)
        if (doc_as_text(doc_at(doc_at(fields, i), 0), &name) &&
            span_equal(name, SPAN("sec-websocket-key")))
            return true;
    return false;
}

static void put_acceptance(const struct doc *test, const struct doc *more, struct buf *out)
{
    struct buf lines = BUF_LIMIT(4096);
    must(buf_put_span(out, SPAN("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Accept: ")) &&
         buf_put_span(out, has_key(test) ? SPAN("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") : SPAN("nokey")) &&
         buf_put_span(out, SPAN("\r\n")) && buf_put_span(out, vectors_text_bytes(more, &lines)) &&
         buf_put_span(out, SPAN("\r\n")));
    buf_release(&lines);
}

/* The packed answer, as the case's own origin packed it. */
static void put_gzip(struct buf *out)
{
    static const char packed[] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x57"
                                 "\x48\xaf\xca\x2c\x00\x00\x19\x6a\xd2\xdf\x0a\x00\x00\x00";
    must(buf_printf(out,
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                    "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                    sizeof packed - 1) &&
         buf_put(out, packed, sizeof packed - 1));
}

static struct fake_step step_of(const struct doc *test, const struct doc *entry, struct buf *text)
{
    if (doc_get(entry, "send"))
        return (struct fake_step){FAKE_SEND, bytes_of(doc_get(entry, "send"), text), 0, 0};
    if (doc_get(entry, "ws_accept")) {
        put_acceptance(test, doc_get(entry, "ws_accept"), text);
        return (struct fake_step){FAKE_SEND, buf_span(text), 0, 0};
    }
    if (doc_get(entry, "gzip_response")) {
        put_gzip(text);
        return (struct fake_step){FAKE_SEND, buf_span(text), 0, 0};
    }
    if (doc_get(entry, "sleep_ms"))
        return (struct fake_step){FAKE_SLEEP, SPAN_NONE, (uint64_t)number(entry, "sleep_ms", 0), 0};
    if (doc_get(entry, "await_body"))
        return (struct fake_step){FAKE_AWAIT, SPAN_NONE, (uint64_t)number(entry, "await_body", 0),
                                  (uint64_t)number(entry, "timeout_ms", 0)};
    if (doc_get(entry, "await_suffix"))
        return (struct fake_step){FAKE_SUFFIX, bytes_of(doc_get(entry, "await_suffix"), text), 0,
                                  0};
    if (doc_get(entry, "echo_ms"))
        return (struct fake_step){FAKE_ECHO, SPAN_NONE, (uint64_t)number(entry, "echo_ms", 0), 0};
    return (struct fake_step){doc_get(entry, "reset") ? FAKE_RESET : FAKE_CLOSE, SPAN_NONE, 0, 0};
}

static void read_script(struct origin_play *play, const struct doc *test)
{
    const struct doc *script = doc_get(test, "origin_script");
    static const struct span ok = SPAN_INIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    if (doc_kind(script) != DOC_ARRAY) {
        play->script.steps[0] = (struct fake_step){FAKE_SEND, ok, 0, 0};
        return;
    }
    must(doc_count(script) < FAKE_STEPS_MAX);
    for (size_t i = 0; i < doc_count(script); i++) {
        play->texts[i] = (struct buf)BUF_LIMIT(TEXT_MAX);
        play->script.steps[i] = step_of(test, doc_at(script, i), &play->texts[i]);
    }
}

static void put_field(struct headers *fields, const char *name, const struct doc *value)
{
    struct error err;
    struct buf bytes = BUF_LIMIT(TEXT_MAX);
    must(headers_add(fields, span_of(name), bytes_of(value, &bytes), &err));
    buf_release(&bytes);
}

static void put_fields(struct headers *fields, const struct doc *list)
{
    struct error err;
    struct buf name = BUF_LIMIT(TEXT_MAX);
    struct buf value = BUF_LIMIT(TEXT_MAX);
    for (size_t i = 0; i < doc_count(list); i++) {
        buf_clear(&name);
        buf_clear(&value);
        must(headers_add(fields, bytes_of(doc_at(doc_at(list, i), 0), &name),
                         bytes_of(doc_at(doc_at(list, i), 1), &value), &err));
    }
    buf_release(&name);
    buf_release(&value);
}

/* "many-headers-500" is recorded with its first fields only. */
static void put_many(struct headers *fields, const char *name)
{
    struct error err;
    char text[32];
    if (strcmp(name, "many-headers-500") != 0)
        return;
    for (int i = 2; i < 500; i++) {
        (void)snprintf(text, sizeof text, "x-h%d", i);
        must(headers_add(fields, span_of(text), SPAN("v"), &err));
    }
}

static void wait_for_head(struct origin_play *play)
{
    for (uint64_t ms = 0; ms < PATIENCE_MS && play->answer->head_count == 0; ms += STEP_MS)
        must(turned_clock_run(&play->clock, play->loop, STEP_MS));
}

static void put_part(struct origin_play *play, const struct doc *part, bool last)
{
    struct buf bytes = BUF_LIMIT(TEXT_MAX);
    struct span text = bytes_of(doc_get(part, "data"), &bytes);
    if (doc_get(part, "wait_headers"))
        wait_for_head(play);
    must(turned_clock_run(&play->clock, play->loop, (uint64_t)number(part, "delay_ms", 0)));
    if (doc_get(part, "rst")) {
        raw_edge_reset(&play->edge, play->answer, 8);
    } else {
        for (int64_t i = number(part, "rep", 1); i > 1; i--)
            raw_edge_put(&play->edge, play->answer, text, false);
        raw_edge_put(&play->edge, play->answer, text, last);
    }
    must(settle(play->loop));
    buf_release(&bytes);
}

static void ask(struct origin_play *play, const struct doc *test)
{
    struct span name = SPAN("");
    struct headers fields;
    const struct doc *says = doc_get(test, "edge_sends");
    const struct doc *body = doc_get(says, "body");
    const struct doc *trailers = doc_get(says, "trailers");
    bool stays_open = doc_get(says, "leaves_stream_open") != NULL;
    struct error err;
    must(doc_as_text(doc_get(test, "name"), &name));
    headers_init(&fields);
    put_field(&fields, ":method", doc_get(says, "method"));
    must(headers_add(&fields, SPAN(":scheme"), SPAN("https"), &err));
    put_field(&fields, ":authority", doc_get(test, "host"));
    put_field(&fields, ":path", doc_get(says, "path"));
    put_fields(&fields, doc_get(says, "headers"));
    put_many(&fields, name.data);
    play->asked_ms = loop_now_ms(play->loop);
    bool more = doc_count(body) > 0 || stays_open || doc_count(trailers) > 0;
    play->answer = raw_edge_ask(&play->edge, &fields, !more);
    must(settle(play->loop));
    for (size_t i = 0; i < doc_count(body); i++)
        put_part(play, doc_at(body, i),
                 i + 1 == doc_count(body) && !stays_open && doc_count(trailers) == 0);
    if (doc_count(trailers) > 0) {
        headers_clear(&fields);
        put_fields(&fields, trailers);
        raw_edge_trailers(&play->edge, play->answer, &fields);
    }
    headers_release(&fields);
}

void origin_play_await(struct origin_play *play, struct raw_answer *answer)
{
    for (uint64_t ms = 0; ms < play->patience_ms && answer->over_ms == 0 && play->edge.conn;
         ms += STEP_MS)
        must(turned_clock_run(&play->clock, play->loop, STEP_MS));
    must(turned_clock_run(&play->clock, play->loop, STEP_MS));
}

void origin_play_run(struct origin_play *play, const struct doc *test)
{
    read_script(play, test);
    ask(play, test);
    origin_play_await(play, play->answer);
}

void origin_play_close(struct origin_play *play)
{
    connector_free(play->connector, 0);
    raw_edge_close(&play->edge);
    for (size_t i = 0; i < PLAY_ORIGINS; i++)
        fake_origin_close(&play->origins[i]);
    must(settle(play->loop));
    for (size_t i = 0; i < PLAY_ORIGINS; i++)
        tls_context_unref(play->contexts[i]);
    for (size_t i = 0; i < FAKE_STEPS_MAX; i++)
        buf_release(&play->texts[i]);
    snapshot_unref(play->snapshot);
    credentials_free(play->credentials);
    resolver_free(play->resolver);
    loop_free(play->loop);
    memory_sockets_release(&play->memory);
    place_remove(&play->place);
}

/* ---- by hand ---- */

struct raw_answer *origin_play_send(struct origin_play *play, const struct play_request *request)
{
    struct headers fields;
    struct error err;
    const char *method = request->method ? request->method : "GET";
    const char *path = request->path ? request->path : "/";
    headers_init(&fields);
    must(headers_add(&fields, SPAN(":method"), span_of(method), &err) &&
         headers_add(&fields, SPAN(":scheme"), SPAN("https"), &err) &&
         headers_add(&fields, SPAN(":authority"), span_of(request->host), &err) &&
         headers_add(&fields, SPAN(":path"), span_of(path), &err));
    if (request->field)
        must(headers_add(&fields, span_of(request->field), span_of(request->value), &err));
    play->asked_ms = loop_now_ms(play->loop);
    play->answer = raw_edge_ask(&play->edge, &fields, !request->body && !request->stays_open);
    if (request->body)
        raw_edge_put(&play->edge, play->answer, span_of(request->body), !request->stays_open);
    headers_release(&fields);
    return play->answer;
}

double origin_play_metric(struct origin_play *play, const char *series)
{
    static const char scrape[] =
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct buf text = BUF_LIMIT(TEXT_MAX);
    char line[128];
    ssize_t got;
    int fd = memory_sockets_dial(&play->memory, "127.0.0.1:20241");
    must(fd != -1 && write(fd, scrape, sizeof scrape - 1) == (ssize_t)sizeof scrape - 1);
    do {
        char bytes[4096];
        must(settle(play->loop));
        got = read(fd, bytes, sizeof bytes);
        must(got <= 0 || buf_put(&text, bytes, (size_t)got));
    } while (got > 0);
    must(close(fd) == 0);
    (void)snprintf(line, sizeof line, "\n%s ", series);
    const char *found = strstr(buf_text(&text), line);
    double value = found ? strtod(found + strlen(line), NULL) : -1;
    buf_release(&text);
    return value;
}
