/* See the header. */
#include "support/origin_bench.h"

#include "support/must.h"

void origin_bench_open(struct origin_bench *bench)
{
    static const struct resolver_entry names[] = {
        {"app.origin", "127.0.0.1"},
        {"two.origin", "127.0.0.1"},
        {"six.origin", "::1"},
        {"six.origin", "127.0.0.1"},
    };
    *bench = (struct origin_bench){.clock = turned_clock_make(0), .budget = {0, 1 << 30}};
    memory_sockets_init(&bench->memory);
    bench->loop = loop_new(
        &(struct loop_options){.clock = &bench->clock.clock, .sockets = &bench->memory.sockets},
        NULL);
    must(bench->loop != NULL);
    bench->resolver = resolver_new_table(bench->loop, names, ARRAY_LEN(names));
    must(bench->resolver != NULL);
    fake_origin_open(&bench->fake, bench->loop, &bench->memory, "127.0.0.1:3000");
    bench->options = (struct http_origin_options){
        .name = "http://app.origin:3000",
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

void origin_bench_start(struct origin_bench *bench)
{
    bench->origin = http_origin_new(bench->loop, &bench->options, NULL);
    must(bench->origin != NULL);
}

struct opener *origin_bench_opener(struct origin_bench *bench)
{
    return http_origin_opener(bench->origin);
}

bool origin_bench_ask(struct origin_bench *bench, struct ask *ask)
{
    bool sent = ask_send(ask, origin_bench_opener(bench));
    must(settle(bench->loop));
    return sent;
}

void origin_bench_pass(struct origin_bench *bench, uint64_t ms)
{
    must(turned_clock_run(&bench->clock, bench->loop, ms));
}

void origin_bench_close(struct origin_bench *bench)
{
    must(settle(bench->loop));
    http_origin_free(bench->origin);
    fake_origin_close(&bench->fake);
    must(settle(bench->loop));
    must(bench->budget.used == 0);
    resolver_free(bench->resolver);
    loop_free(bench->loop);
    memory_sockets_release(&bench->memory);
}
