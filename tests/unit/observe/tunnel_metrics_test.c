#include "culvert/observe/tunnel_metrics.h"

#include "culvert/base/file.h"
#include "culvert/observe/exposition.h"

#include "harness.h"

static struct buf written(struct metrics *metrics)
{
    struct buf out = BUF_LIMIT(1 << 18);
    CHECK(exposition_write(metrics, &out));
    return out;
}

static bool shows(struct metrics *metrics, const char *line)
{
    struct buf out = written(metrics);
    bool found = strstr(buf_text(&out), line) != NULL;
    buf_release(&out);
    return found;
}

/* What a connector with four idle connections has counted. */
static void live_as_recorded(struct tunnel_metrics *tm)
{
    for (int i = 0; i < 4; i++) {
        tunnel_metrics_rpc(tm, TUNNEL_CALL_REGISTER, true, 1);
        tunnel_metrics_registered(tm);
    }
    tunnel_metrics_rpc(tm, TUNNEL_CALL_UPDATE_LOCAL_CONFIGURATION, true, 2);
}

TEST(names_help_types_and_labels_are_those_of_a_real_scrape)
{
    struct metrics *metrics = metrics_new();
    struct tunnel_metrics *tm = tunnel_metrics_new(metrics, NULL);
    REQUIRE(tm);
    live_as_recorded(tm);
    struct buf recorded = BUF_LIMIT(1 << 16);
    struct buf ours = written(metrics);
    CHECK(file_read(vector_path("ops/metrics-http2-4conn-idle.txt"), &recorded, NULL));
    struct span rest = buf_span(&ours);
    struct span line;
    size_t compared = 0;
    while (span_cut(&rest, '\n', &line)) {
        char whole[512];
        bool is_peers = strncmp(line.data, "cloudflared_", 12) == 0 ||
                        (line.len > 19 && strncmp(line.data + 7, "cloudflared_", 12) == 0);
        /* Sums of times differ from run to run. */
        (void)snprintf(whole, sizeof whole, "%.*s\n", SPAN_ARG(line));
        if (!is_peers || strstr(whole, "_secs_sum"))
            continue;
        CHECK_CASE(strstr(buf_text(&recorded), whole) != NULL, "not recorded: %s", whole);
        compared++;
    }
    CHECK(compared > 30);
    buf_release(&recorded);
    buf_release(&ours);
    tunnel_metrics_free(tm);
    metrics_free(metrics);
}

TEST(a_request_is_counted_while_it_runs_and_when_it_ends)
{
    struct metrics *metrics = metrics_new();
    struct tunnel_metrics *tm = tunnel_metrics_new(metrics, NULL);
    tunnel_metrics_began(tm, STREAM_HTTP);
    CHECK(shows(metrics, "\ncloudflared_tunnel_total_requests 1\n"));
    CHECK(shows(metrics, "\ncloudflared_tunnel_concurrent_requests_per_tunnel 1\n"));
    CHECK(shows(metrics, "\nculvert_streams_active{kind=\"http\"} 1\n"));
    const struct request_outcome outcome = {.kind = STREAM_HTTP,
                                            .rule = 2,
                                            .status = 200,
                                            .from_origin = true,
                                            .complete = true,
                                            .toward_origin = 10,
                                            .toward_edge = 5000,
                                            .duration_ms = 30};
    tunnel_metrics_ended(tm, &outcome);
    CHECK(shows(metrics, "\ncloudflared_tunnel_concurrent_requests_per_tunnel 0\n"));
    CHECK(shows(metrics, "\nculvert_streams_active{kind=\"http\"} 0\n"));
    CHECK(shows(metrics, "\ncloudflared_tunnel_response_by_code{status_code=\"200\"} 1\n"));
    CHECK(shows(metrics, "\nculvert_requests_total{code=\"200\",kind=\"http\",rule=\"2\"} 1\n"));
    CHECK(shows(metrics, "\nculvert_bytes_total{direction=\"toward_edge\"} 5000\n"
                         "culvert_bytes_total{direction=\"toward_origin\"} 10\n"));
    CHECK(shows(metrics, "_bucket{rule=\"2\",le=\"0.025\"} 0\n"
                         "culvert_request_duration_seconds_bucket{rule=\"2\",le=\"0.05\"} 1\n"));
    CHECK(shows(metrics, "\ncloudflared_tunnel_request_errors 0\n"));
    tunnel_metrics_free(tm);
    metrics_free(metrics);
}

TEST(only_whole_answers_of_the_origin_count_by_code)
{
    static const struct {
        struct request_outcome outcome;
        bool by_code;
        bool error;
        const char *reason;
    } cases[] = {
        {{.kind = STREAM_HTTP, .status = 404, .from_origin = true, .complete = true},
         true,
         false,
         "an answer"},
        {{.status = 502, .complete = true, .cause = "network"}, false, true, "our own 502"},
        {{.status = 200, .from_origin = true}, false, true, "cut short"},
        {{.status = 101, .from_origin = true, .complete = true}, false, false, "an upgrade"},
        {{.status = 400, .complete = true}, false, false, "our own refusal"},
        {{.status = 0}, false, true, "the visitor left before the answer"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct metrics *metrics = metrics_new();
        struct tunnel_metrics *tm = tunnel_metrics_new(metrics, NULL);
        tunnel_metrics_began(tm, cases[i].outcome.kind);
        tunnel_metrics_ended(tm, &cases[i].outcome);
        CHECK_CASE(shows(metrics, "cloudflared_tunnel_response_by_code{") == cases[i].by_code,
                   "by code: %s", cases[i].reason);
        CHECK_CASE(shows(metrics, "\ncloudflared_tunnel_request_errors 1\n") == cases[i].error,
                   "error: %s", cases[i].reason);
        CHECK_CASE(
            shows(metrics, "culvert_origin_errors_total{cause=\"network\",rule=\"0\"} 1\n") ==
                (cases[i].outcome.cause != NULL),
            "cause: %s", cases[i].reason);
        tunnel_metrics_free(tm);
        metrics_free(metrics);
    }
}

TEST(who_is_not_let_in_is_counted_by_cause_and_rule)
{
    struct metrics *metrics = metrics_new();
    struct tunnel_metrics *tm = tunnel_metrics_new(metrics, NULL);
    tunnel_metrics_access_refused(tm, 3, "expired");
    tunnel_metrics_access_refused(tm, 3, "expired");
    CHECK(shows(metrics, "\nculvert_access_refusals_total{cause=\"expired\",rule=\"3\"} 2\n"));
    tunnel_metrics_free(tm);
    metrics_free(metrics);
}

TEST(refused_registrations_and_failed_calls_are_told_apart)
{
    struct metrics *metrics = metrics_new();
    struct tunnel_metrics *tm = tunnel_metrics_new(metrics, NULL);
    tunnel_metrics_refused(tm, true);
    tunnel_metrics_refused(tm, false);
    tunnel_metrics_rpc(tm, TUNNEL_CALL_UPDATE_LOCAL_CONFIGURATION, false, 5000);
    CHECK(shows(metrics, "register_fail{error=\"dup_edge_conn\",rpcName=\"registerConnection\"} 1\n"
                         "cloudflared_tunnel_tunnel_register_fail{error=\"server_error\",rpcName="
                         "\"registerConnection\"} 1\n"));
    CHECK(shows(metrics, "\ncloudflared_rpc_client_failures{handler=\"registration\",method="
                         "\"update_local_configuration\"} 1\n"));
    CHECK(shows(metrics, "\ncloudflared_config_local_config_pushes 1\n"));
    CHECK(shows(metrics, "\ncloudflared_config_local_config_pushes_errors 1\n"));
    tunnel_metrics_free(tm);
    metrics_free(metrics);
}

TEST(dropped_log_lines_are_shown)
{
    struct metrics *metrics = metrics_new();
    struct tunnel_metrics *tm = tunnel_metrics_new(metrics, NULL);
    tunnel_metrics_log_dropped(tm, 12);
    CHECK(shows(metrics, "\nculvert_log_dropped_total 12\n"));
    tunnel_metrics_free(tm);
    metrics_free(metrics);
}
