/* See the header. */
#include "support/h2_bench.h"

#include "support/must.h"
#include "support/scarce_memory.h"

enum { TURNS_MAX = 100000 };

void h2_bench_open(struct h2_bench *bench)
{
    static const struct resolver_entry names[] = {{"app.origin", "127.0.0.1"}};
    *bench = (struct h2_bench){.clock = turned_clock_make(0), .budget = {0, 1 << 30}};
    memory_sockets_init(&bench->memory);
    const struct loop_options loop = {.clock = &bench->clock.clock,
                                      .sockets = &bench->memory.sockets};
    bench->loop = loop_new(&loop, NULL);
    bench->far_loop = loop_new(&loop, NULL);
    must(bench->loop && bench->far_loop);
    bench->resolver = resolver_new_table(bench->loop, names, ARRAY_LEN(names));
    must(bench->resolver != NULL);
    h2_far_open(&bench->far, bench->far_loop, &bench->memory, "127.0.0.1:3000");
    bench->options.http = (struct http_origin_options){
        .name = "h2c://app.origin:3000",
        .host = "app.origin",
        .port = 3000,
        .connect_ms = 30 * 1000,
        .tls_ms = 10 * 1000,
        .idle_limit = 2,
        .idle_ms = 90 * 1000,
        .resolver = bench->resolver,
        .budget = &bench->budget,
        .rewrite = {.connector_id = SPAN("{connector-id}")},
    };
}

void h2_bench_open_tls(struct h2_bench *bench)
{
    h2_bench_open(bench);
    tls_fixture_init(&bench->fixture, "app.origin");
    for (int i = 0; i < 2; i++) {
        const struct tls_server_options far = {
            .choose = tls_fixture_choose, .arg = bench->fixture.identity, .http2_alpn = i == 0};
        const struct tls_client_options near = {.ca_pem = buf_span(&bench->fixture.ca_pem),
                                                .http2_alpn = i == 0};
        bench->contexts[i] = tls_server_new(&far, NULL);
        bench->contexts[2 + i] = tls_client_new(&near, NULL);
        must(bench->contexts[i] && bench->contexts[2 + i]);
    }
    bench->far.tls = bench->contexts[0];
    bench->options.tls = bench->contexts[2];
    bench->options.http.tls = bench->contexts[3];
    bench->options.http.name = "https://app.origin:3000";
    bench->options.http.server_name = "app.origin";
}

void h2_bench_settle(struct h2_bench *bench)
{
    bool moved = true;
    for (int i = 0; moved; i++) {
        must(i < TURNS_MAX);
        moved = loop_turn(bench->loop, 0);
        scarce_memory_pause();
        moved |= loop_turn(bench->far_loop, 0);
        scarce_memory_go_on();
    }
}

void h2_bench_start(struct h2_bench *bench)
{
    bench->origin = http2_origin_new(bench->loop, &bench->options, NULL);
    must(bench->origin != NULL);
}

void h2_bench_ask(struct h2_bench *bench, struct ask *ask, const char *method, const char *target)
{
    ask_init(ask, method, target);
    must(ask_send(ask, http2_origin_opener(bench->origin)));
    h2_bench_settle(bench);
}

void h2_bench_ask_all(struct h2_bench *bench, struct ask *asks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        ask_init(&asks[i], "GET", "/");
        must(ask_send(&asks[i], http2_origin_opener(bench->origin)));
    }
    h2_bench_settle(bench);
}

void h2_bench_answer_all(struct h2_bench *bench)
{
    for (size_t i = 0; i < bench->far.desk.count; i++) {
        struct desk_request *request = &bench->far.desk.requests[i];
        if (!request->over && request->answered == 0)
            desk_answer(request, 200, "hi");
        h2_bench_settle(bench);
    }
}

void h2_bench_release_all(struct h2_bench *bench, struct ask *asks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ask_release(&asks[i]);
    h2_bench_settle(bench);
}

void h2_bench_pass(struct h2_bench *bench, uint64_t ms)
{
    h2_bench_settle(bench);
    while (ms > 0) {
        uint64_t near = loop_next_timer_ms(bench->loop);
        uint64_t far = loop_next_timer_ms(bench->far_loop);
        uint64_t step = near < far ? near : far;
        if (step == 0 || step > ms)
            step = step == 0 ? 1 : ms;
        turned_clock_add(&bench->clock, step);
        ms -= step;
        h2_bench_settle(bench);
    }
}

void h2_bench_close(struct h2_bench *bench)
{
    h2_bench_settle(bench);
    http2_origin_free(bench->origin);
    h2_bench_settle(bench);
    h2_far_close(&bench->far);
    h2_bench_settle(bench);
    must(bench->budget.used == 0);
    for (size_t i = 0; i < ARRAY_LEN(bench->contexts); i++)
        tls_context_unref(bench->contexts[i]);
    if (bench->far.tls)
        tls_fixture_release(&bench->fixture);
    resolver_free(bench->resolver);
    loop_free(bench->loop);
    loop_free(bench->far_loop);
    memory_sockets_release(&bench->memory);
}
