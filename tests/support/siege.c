/* See the header. */
#include "support/siege.h"

#include "culvert/base/doc.h"
#include "culvert/base/file.h"
#include "culvert/edge/edge.h"
#include "support/must.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PATIENCE_MS = 100 * 1000, /* below the limit of a whole test */
    WORDS_MAX = 32,
    FILE_MAX = 1024 * 1024,
    SCRAPE_MS = 50, /* between two looks at the metrics */
    PAUSE_MS = 5,   /* between two requests of a visitor */
    FIGURES_MAX = 1024 * 1024,
    CONNECTIONS = 4, /* of the connector */
};

static bool says_why(const char *why)
{
    printf("# the siege: %s\n", why);
    return false;
}

/* ---- metrics ---- */

static void ask_for_figures(struct attacker *attacker)
{
    must(buf_put_span(&attacker->out, SPAN("GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
                                           "Connection: close\r\n\r\n")));
}

static double figure_of(const struct buf *figures, const char *series)
{
    struct span rest = buf_span(figures);
    struct span line;
    struct span name = span_of(series);
    while (span_cut(&rest, '\n', &line))
        if (span_starts(line, name) && line.len > name.len && line.data[name.len] == ' ')
            return strtod(line.data + name.len, NULL);
    return -1;
}

static void take_figures(struct siege *siege)
{
    double bytes;
    if (strstr(buf_text(&siege->scraper.text), "culvert_edge_channel_bytes ")) {
        buf_clear(&siege->figures);
        must(buf_put_span(&siege->figures, buf_span(&siege->scraper.text)));
        siege->scraped = siege->scrapes_begun;
        bytes = figure_of(&siege->figures, "culvert_edge_channel_bytes");
        if (bytes > siege->channel_peak)
            siege->channel_peak = bytes;
    }
    attacker_end(&siege->scraper);
    siege->scrapes = false;
}

static void scrape(struct siege *siege)
{
    static const struct attack ask = {.name = "metrics", .begin = ask_for_figures};
    const struct attacker_options options = {.at = siege->metrics};
    uint64_t now = loop_now_ms(siege->loop);
    if (siege->scrapes && attacker_is_ended(&siege->scraper))
        take_figures(siege);
    if (siege->scrapes || now < siege->next_scrape_ms || siege->metrics.len == 0)
        return;
    siege->next_scrape_ms = now + SCRAPE_MS;
    siege->scrapes = true;
    siege->scrapes_begun++;
    attacker_begin(&siege->scraper, siege->loop, &ask, &options);
}

/* ---- turning ---- */

void siege_turn(struct siege *siege)
{
    uint64_t next = loop_next_timer_ms(siege->loop);
    (void)loop_turn(siege->loop, next < SCRAPE_MS ? next : SCRAPE_MS);
    scrape(siege);
}

bool siege_until(struct siege *siege, bool (*is_so)(void *arg), void *arg)
{
    uint64_t until = loop_now_ms(siege->loop) + PATIENCE_MS;
    while (!is_so(arg)) {
        if (child_has_ended(&siege->edge) || child_has_ended(&siege->connector))
            return says_why("a process has ended");
        if (loop_now_ms(siege->loop) > until)
            return says_why("what was waited for never came");
        siege_turn(siege);
    }
    return true;
}

struct scrape_wait {
    struct siege *siege;
    uint64_t number;
};

static bool is_scraped(void *arg)
{
    const struct scrape_wait *wait = arg;
    return wait->siege->scraped >= wait->number;
}

double siege_metric(struct siege *siege, const char *series)
{
    struct scrape_wait wait = {siege, siege->scrapes_begun + 1};
    siege->next_scrape_ms = 0;
    return siege_until(siege, is_scraped, &wait) ? figure_of(&siege->figures, series) : -1;
}

double siege_last(const struct siege *siege, const char *series)
{
    return figure_of(&siege->figures, series);
}

double siege_abuse(struct siege *siege, const char *limit)
{
    char series[128];
    (void)snprintf(series, sizeof series, "culvert_edge_abuse_total{limit=\"%s\"}", limit);
    double count = siege_metric(siege, series);
    return count < 0 ? 0 : count;
}

struct serve_wait {
    struct siege *siege;
    uint64_t levels[SIEGE_VISITORS];
};

static bool are_served(void *arg)
{
    const struct serve_wait *wait = arg;
    for (size_t i = 0; i < SIEGE_VISITORS; i++)
        if (wait->siege->visitors[i].served < wait->levels[i])
            return false;
    return true;
}

bool siege_serves(struct siege *siege, uint64_t count)
{
    struct serve_wait wait = {.siege = siege};
    for (size_t i = 0; i < SIEGE_VISITORS; i++)
        wait.levels[i] = siege->visitors[i].served + count;
    return siege_until(siege, are_served, &wait);
}

/* ---- opening ---- */

static bool child_is_over(void *arg)
{
    return child_has_ended(arg);
}

/* Turns until the condition is true; for what comes before there is a whole siege. */
static bool wait_for(struct siege *siege, bool (*is_so)(void *arg), void *arg)
{
    uint64_t until = loop_now_ms(siege->loop) + PATIENCE_MS;
    while (!is_so(arg) && loop_now_ms(siege->loop) <= until)
        siege_turn(siege);
    return is_so(arg);
}

void siege_start(struct siege *siege, struct child *child, const char *log,
                 const char *const *words)
{
    char path[sizeof siege->place.path];
    (void)snprintf(path, sizeof path, "%s", place_path(&siege->place, log));
    child_start(child, siege->place.directory, path, words);
}

/* Runs a command to its end; false: it failed, and what it said is shown. */
bool siege_command(struct siege *siege, const char *const *words)
{
    struct child child;
    siege_start(siege, &child, "commands.log", words);
    if (wait_for(siege, child_is_over, &child) && child_did_well(&child))
        return true;
    child_print_log(&child);
    child_kill(&child);
    return says_why(words[2]);
}

static bool read_address(const struct doc *root, const char *key, struct ip_address *at)
{
    struct span text = SPAN_NONE;
    return doc_read_text(root, key, &text, NULL) && ip_parse_with_port(text, at);
}

/* The edge has written where it listens. */
static bool edge_is_up(void *arg)
{
    struct siege *siege = arg;
    struct buf text = BUF_LIMIT(FILE_MAX);
    struct doc *root = NULL;
    if (file_read(place_path(&siege->place, "state/run.json"), &text, NULL))
        root = doc_parse(buf_span(&text), NULL);
    bool ok = root && read_address(root, "tunnel", &siege->tunnel) &&
              read_address(root, "http", &siege->http) &&
              read_address(root, "https", &siege->https) &&
              read_address(root, "metrics", &siege->metrics);
    doc_free(root);
    buf_release(&text);
    return ok || child_has_ended(&siege->edge);
}

static bool start_edge(struct siege *siege, const char *const *flags)
{
    char state[sizeof siege->place.path];
    (void)snprintf(state, sizeof state, "%s", place_path(&siege->place, "state"));
    const char *words[WORDS_MAX] = {TEST_CULVERT,  "edge",        "run",        "--dev",
                                    "--state-dir", state,         "--tunnel",   "127.0.0.1:0",
                                    "--http",      "127.0.0.1:0", "--https",    "127.0.0.1:0",
                                    "--metrics",   "127.0.0.1:0", "--loglevel", "debug"};
    size_t count = 16;
    for (; flags && *flags && count < WORDS_MAX - 1; flags++)
        words[count++] = *flags;
    siege_start(siege, &siege->edge, "edge.log", words);
    return (wait_for(siege, edge_is_up, siege) && siege->metrics.len > 0) ||
           says_why("the edge does not come up");
}

static bool make_tunnel(struct siege *siege)
{
    char state[sizeof siege->place.path];
    char cert[sizeof siege->place.path];
    (void)snprintf(state, sizeof state, "%s", place_path(&siege->place, "state"));
    (void)snprintf(cert, sizeof cert, "%s", place_path(&siege->place, ".cloudflared/cert.pem"));
    const char *const certify[] = {TEST_CULVERT, "edge",  "cert", "--state-dir",
                                   state,        "--out", cert,   NULL};
    const char *const create[] = {TEST_CULVERT, "tunnel", "create", "web", NULL};
    const char *const route[] = {TEST_CULVERT, "tunnel", "route", "dns", "web", SIEGE_NAME, NULL};
    return siege_command(siege, certify) && siege_command(siege, create) &&
           siege_command(siege, route);
}

static bool is_connected(void *arg)
{
    struct siege *siege = arg;
    return figure_of(&siege->figures, "culvert_edge_connections") >= CONNECTIONS ||
           child_has_ended(&siege->connector);
}

static bool start_connector(struct siege *siege)
{
    char url[IP_TEXT_SIZE + 8];
    char at[IP_TEXT_SIZE];
    ip_format(&siege->origin.at, at);
    (void)snprintf(url, sizeof url, "http://%s", at);
    const char *const words[] = {TEST_CULVERT, "tunnel", "--metrics", "127.0.0.1:0",
                                 "--loglevel", "info",   "run",       "--url",
                                 url,          "web",    NULL};
    siege_start(siege, &siege->connector, "connector.log", words);
    return (wait_for(siege, is_connected, siege) && !child_has_ended(&siege->connector)) ||
           says_why("the connector does not connect");
}

static bool make_tls(struct siege *siege)
{
    char ca[sizeof siege->place.path];
    struct error err;
    (void)snprintf(ca, sizeof ca, "%s", place_path(&siege->place, "state/ca.pem"));
    struct tls_client_options options = {.ca_file = ca};
    siege->tls_h1 = tls_client_new(&options, &err);
    options.http2_alpn = true;
    siege->tls_h2 = siege->tls_h1 ? tls_client_new(&options, &err) : NULL;
    return siege->tls_h2 || says_why(err.text);
}

static bool let_visitors_in(struct siege *siege)
{
    siege->has_visitors = true;
    for (size_t i = 0; i < SIEGE_VISITORS; i++) {
        bool h2 = i % 2 == 1;
        bool safe = i >= 2;
        const struct steady_visitor_options options = {
            .at = safe ? siege->https : siege->http,
            .authority = SIEGE_NAME,
            .tls = !safe ? NULL
                   : h2  ? siege->tls_h2
                         : siege->tls_h1,
            .h2 = h2,
            .pause_ms = PAUSE_MS,
        };
        steady_visitor_begin(&siege->visitors[i], siege->loop, &options);
    }
    return siege_serves(siege, 1);
}

bool siege_open(struct siege *siege, const char *const *edge_flags)
{
    static const struct loop_options options = {0};
    *siege = (struct siege){.place = place_make(), .figures = BUF_LIMIT(FIGURES_MAX)};
    siege->loop = loop_new(&options, NULL);
    must(siege->loop != NULL);
    siege_origin_open(&siege->origin, siege->loop);
    return start_edge(siege, edge_flags) && make_tunnel(siege) && start_connector(siege) &&
           make_tls(siege) && let_visitors_in(siege);
}

struct attacker_options siege_target(const struct siege *siege, bool tls)
{
    return (struct attacker_options){.at = tls ? siege->https : siege->http,
                                     .authority = SIEGE_NAME,
                                     .tls = tls ? siege->tls_h2 : NULL};
}

/* ---- judging and closing ---- */

bool siege_is_unhurt(struct siege *siege)
{
    static const char *const names[SIEGE_VISITORS] = {"HTTP/1.1", "HTTP/2", "HTTP/1.1 over TLS",
                                                      "HTTP/2 over TLS"};
    bool ok = true;
    for (size_t i = 0; i < SIEGE_VISITORS; i++) {
        const struct steady_visitor *visitor = &siege->visitors[i];
        if (visitor->failed == 0)
            continue;
        printf("# the visitor with %s: %zu failed beside %zu, first: %s\n", names[i],
               (size_t)visitor->failed, (size_t)visitor->served, visitor->why.text);
        ok = false;
    }
    if (siege->channel_peak >= EDGE_BUDGET) {
        printf("# the bytes between two peers reached %.0f\n", siege->channel_peak);
        ok = false;
    }
    return ok;
}

static bool all_stopped(void *arg)
{
    const struct siege *siege = arg;
    for (size_t i = 0; i < SIEGE_VISITORS; i++)
        if (!siege->visitors[i].stopped)
            return false;
    return true;
}

static void stop_visitors(struct siege *siege)
{
    if (!siege->has_visitors)
        return;
    for (size_t i = 0; i < SIEGE_VISITORS; i++)
        steady_visitor_stop(&siege->visitors[i]);
    (void)wait_for(siege, all_stopped, siege);
    for (size_t i = 0; i < SIEGE_VISITORS; i++)
        steady_visitor_end(&siege->visitors[i]);
}

bool siege_stop(struct siege *siege, struct child *child, const char *name)
{
    child_signal(child, SIGTERM);
    if (child->log[0] == '\0' || (wait_for(siege, child_is_over, child) && child_did_well(child)))
        return true;
    child_kill(child);
    printf("# the siege: %s did not end well (status %d); what it said last:\n", name,
           child->status);
    child_print_log(child);
    return false;
}

bool siege_close(struct siege *siege)
{
    stop_visitors(siege);
    if (siege->scrapes)
        attacker_end(&siege->scraper);
    siege->scrapes = false;
    siege->metrics.len = 0;
    bool ok = siege_stop(siege, &siege->connector, "the connector");
    ok = siege_stop(siege, &siege->edge, "the edge") && ok;
    siege_origin_close(&siege->origin);
    (void)loop_turn(siege->loop, 0);
    loop_free(siege->loop);
    tls_context_unref(siege->tls_h1);
    tls_context_unref(siege->tls_h2);
    buf_release(&siege->figures);
    place_remove(&siege->place);
    return ok;
}
