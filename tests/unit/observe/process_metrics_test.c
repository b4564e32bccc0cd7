#include "culvert/observe/process_metrics.h"

#include "culvert/base/file.h"
#include "culvert/observe/exposition.h"

#include "harness.h"
#include "support/place.h"

#include <unistd.h>

static void put_file(struct test_place *place, const char *name, const char *content)
{
    CHECK(file_create(place_path(place, name), span_of(content), 0600, NULL));
}

static bool shows(struct metrics *metrics, const char *line)
{
    struct buf out = BUF_LIMIT(65536);
    bool found = exposition_write(metrics, &out) && strstr(buf_text(&out), line) != NULL;
    buf_release(&out);
    return found;
}

TEST(figures_of_proc_are_read)
{
    struct test_place place = place_make();
    CHECK(file_make_directory(place_path(&place, "self/net"), 0700, NULL));
    CHECK(file_make_directory(place_path(&place, "self/fd"), 0700, NULL));
    put_file(&place, "self/stat",
             "4711 (a ) name) S 1 4711 4711 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 1 0 4000 "
             "8192000 300 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 0 0 0\n");
    put_file(&place, "stat", "cpu  1 2 3\nintr 5 6\nctxt 7\nbtime 1795165000\nprocesses 9\n");
    put_file(&place, "self/limits",
             "Limit                     Soft Limit           Hard Limit           Units\n"
             "Max open files            1024                 1048576              files\n"
             "Max address space         unlimited            unlimited            bytes\n");
    put_file(&place, "self/net/netstat",
             "TcpExt: SyncookiesSent InOctets\nTcpExt: 1 2\n"
             "IpExt: InNoRoutes InOctets OutOctets\nIpExt: 0 28616 28617\n");
    for (int i = 0; i < 5; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "self/fd/%d", i);
        put_file(&place, name, "");
    }

    struct metrics *metrics = metrics_new();
    process_metrics_update(metrics, place.directory);
    const double ticks = (double)sysconf(_SC_CLK_TCK);
    char cpu[64];
    char start[64];
    char resident[64];
    (void)snprintf(cpu, sizeof cpu, "\nprocess_cpu_seconds_total %.15g\n", 200 / ticks);
    (void)snprintf(start, sizeof start, "\nprocess_start_time_seconds %.15g\n",
                   1795165000 + 4000 / ticks);
    (void)snprintf(resident, sizeof resident, "\nprocess_resident_memory_bytes %ld\n",
                   300 * sysconf(_SC_PAGESIZE));
    CHECK(shows(metrics, cpu));
    CHECK(shows(metrics, start));
    CHECK(shows(metrics, resident));
    CHECK(shows(metrics, "\nprocess_virtual_memory_bytes 8192000\n"));
    CHECK(shows(metrics, "\nprocess_max_fds 1024\n"));
    CHECK(shows(metrics, "\nprocess_virtual_memory_max_bytes 1.8446744073709552e+19\n"));
    CHECK(shows(metrics, "\nprocess_network_receive_bytes_total 28616\n"));
    CHECK(shows(metrics, "\nprocess_network_transmit_bytes_total 28617\n"));
    CHECK(shows(metrics, "\nprocess_open_fds 4\n"));
    metrics_free(metrics);
    place_remove(&place);
}

TEST(this_process_has_figures_too)
{
    struct metrics *metrics = metrics_new();
    process_metrics_update(metrics, "/proc");
    CHECK(shows(metrics, "\nprocess_resident_memory_bytes "));
    CHECK(shows(metrics, "\nprocess_start_time_seconds 1"));
    CHECK(shows(metrics, "\nprocess_open_fds "));
    CHECK(shows(metrics, "\nprocess_max_fds "));
    metrics_free(metrics);
}

TEST(what_cannot_be_read_is_not_shown)
{
    struct metrics *metrics = metrics_new();
    process_metrics_update(metrics, "/nowhere");
    CHECK(!shows(metrics, "process_"));
    metrics_free(metrics);
}

TEST(the_build_is_shown_under_the_labels_of_the_peer)
{
    struct metrics *metrics = metrics_new();
    process_metrics_build_info(metrics, "1.2.3");
    CHECK(shows(metrics, "# TYPE build_info gauge\nbuild_info{goversion=\"\",revision=\"unknown\","
                         "type=\"\",version=\"1.2.3\"} 1\n"));
    metrics_free(metrics);
}
