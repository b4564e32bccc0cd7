/* Commands on standard input, and what becomes of the connections. */
#include "culvert/base/file.h"
#include "culvert/connector/stdin_control.h"
#include "support/lone_connector.h"
#include "support/must.h"
#include "support/place.h"

#include "harness.h"

#include <fcntl.h>
#include <unistd.h>

enum { CONNECTIONS = 3 };

struct scene {
    struct lone_connector lone;
    struct stdin_control *control;
    int in, out; /* of the pipe; -1: closed */
    size_t orders;
    uint64_t delay_ms; /* of the last one */
    size_t helps, unknown, too_long, bad_delays;
};

static void note(void *arg, enum log_level level, int64_t unix_ms, const struct log_line *line)
{
    struct scene *scene = arg;
    (void)level;
    (void)unix_ms;
    scene->helps += span_starts(span_of(line->message), SPAN("Supported command: reconnect"));
    scene->unknown += strcmp(line->message, "Unknown command") == 0;
    scene->too_long += span_starts(span_of(line->message), SPAN("A line is too long"));
    scene->bad_delays += span_starts(span_of(line->message), SPAN("The delay is no duration"));
}

static void reconnect(void *arg, uint64_t delay_ms)
{
    struct scene *scene = arg;
    scene->orders++;
    scene->delay_ms = delay_ms;
    connector_reconnect(scene->lone.connector, delay_ms);
}

static void scene_open(struct scene *scene)
{
    int ends[2];
    *scene = (struct scene){.in = -1};
    lone_connector_open(&scene->lone);
    struct log *log = &scene->lone.log;
    log->sinks[log->sink_count++] = (struct log_sink){note, scene};
    scene->lone.options.connections = CONNECTIONS;
    scene->lone.options.workers = 2;
    lone_connector_start(&scene->lone);
    lone_connector_pass(&scene->lone, 1000);
    CHECK_SIZE(fake_edge_registered(&scene->lone.edge), CONNECTIONS);
    must(pipe(ends) == 0);
    scene->in = ends[0];
    scene->out = ends[1];
    scene->control = stdin_control_new(scene->lone.loop, scene->in, reconnect, scene, NULL);
    must(scene->control != NULL);
}

static void scene_close(struct scene *scene)
{
    stdin_control_free(scene->control);
    lone_connector_close(&scene->lone);
    (void)close(scene->in);
    if (scene->out >= 0)
        (void)close(scene->out);
}

static void type(struct scene *scene, const char *text)
{
    CHECK(write(scene->out, text, strlen(text)) == (ssize_t)strlen(text));
    lone_connector_pass(&scene->lone, 1);
}

TEST(one_connection_is_broken_and_returns_when_the_delay_is_over)
{
    struct scene scene;
    scene_open(&scene);
    type(&scene, "reconnect 20s\n");
    CHECK_SIZE(scene.orders, 1);
    CHECK_SIZE(fake_edge_registered(&scene.lone.edge), CONNECTIONS - 1);
    lone_connector_pass(&scene.lone, 20 * 1000);
    CHECK_SIZE(fake_edge_registered(&scene.lone.edge), CONNECTIONS - 1);
    lone_connector_pass(&scene.lone, 1100);
    CHECK_SIZE(fake_edge_registered(&scene.lone.edge), CONNECTIONS);
    CHECK_SIZE(scene.lone.edge.count, CONNECTIONS + 1);
    scene_close(&scene);
}

TEST(a_request_on_another_connection_goes_on)
{
    static const struct fake_script slow = {
        {{FAKE_SLEEP, .number = 5000},
         {FAKE_SEND, .text = SPAN_INIT("HTTP/1.1 204 No Content\r\n\r\n")}}};
    struct scene scene;
    struct ask asks[CONNECTIONS];
    size_t answered = 0;
    scene_open(&scene);
    fake_origin_follow(&scene.lone.origin, &slow, 1);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        ask_init(&asks[i], "GET", "/");
        REQUIRE(ask_send(&asks[i], &scene.lone.edge.connections[i].opener));
    }
    lone_connector_pass(&scene.lone, 100);
    type(&scene, "reconnect\n");
    lone_connector_pass(&scene.lone, 10 * 1000);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        answered += asks[i].status == 204;
        ask_release(&asks[i]);
    }
    CHECK_SIZE(answered, CONNECTIONS - 1);
    scene_close(&scene);
}

TEST(each_is_chosen_sooner_or_later_and_never_one_that_is_not_there)
{
    struct scene scene;
    bool was_chosen[CONNECTIONS] = {false};
    scene_open(&scene);
    for (size_t i = 0; i < 50; i++) {
        size_t before = scene.lone.edge.count;
        type(&scene, "reconnect\n");
        CHECK_SIZE(fake_edge_registered(&scene.lone.edge), CONNECTIONS - 1);
        lone_connector_pass(&scene.lone, 2000);
        CHECK_SIZE(fake_edge_registered(&scene.lone.edge), CONNECTIONS);
        CHECK_SIZE(scene.lone.edge.count, before + 1);
        was_chosen[scene.lone.edge.connections[before].index] = true;
    }
    CHECK(was_chosen[0] && was_chosen[1] && was_chosen[2]);
    for (size_t i = 0; i < CONNECTIONS + 1; i++)
        type(&scene, "reconnect 1m\n");
    CHECK_SIZE(fake_edge_registered(&scene.lone.edge), 0);
    lone_connector_pass(&scene.lone, 62 * 1000);
    CHECK_SIZE(fake_edge_registered(&scene.lone.edge), CONNECTIONS);
    scene_close(&scene);
}

TEST(lines_are_read_however_they_come)
{
    static const struct {
        const char *text;
        size_t orders, helps, unknown, bad_delays;
        uint64_t delay_ms;
    } cases[] = {
        {"\n \n\r\n", 0, 0, 0, 0, 0},
        {"help\n", 0, 1, 0, 0, 0},
        {"recon", 0, 0, 0, 0, 0},
        {"nect 1m\n", 1, 0, 0, 0, 60000},
        {"  reconnect   1.5s \r\n", 1, 0, 0, 0, 1500},
        {"reconnect 0\nreconnect 2s\nhelp\n", 2, 1, 0, 0, 2000},
        {"reconnect 1h\n", 1, 0, 0, 0, 3600000},
        {"reconnect 61m\nreconnect x\nreconnect -1s\nreconnect 1s 2s\n", 0, 0, 0, 4, 0},
        {"foo\nRECONNECT\nreconnectx\n", 0, 3, 3, 0, 0},
    };
    struct scene scene;
    scene_open(&scene);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        scene.orders = scene.helps = scene.unknown = scene.bad_delays = 0;
        scene.delay_ms = 0;
        type(&scene, cases[i].text);
        lone_connector_pass(&scene.lone, 1);
        CHECK_CASE(scene.orders == cases[i].orders && scene.delay_ms == cases[i].delay_ms,
                   "%s: %zu orders", cases[i].text, scene.orders);
        CHECK_CASE(scene.helps == cases[i].helps && scene.unknown == cases[i].unknown, "%s",
                   cases[i].text);
        CHECK_CASE(scene.bad_delays == cases[i].bad_delays, "%s: delays", cases[i].text);
    }
    scene_close(&scene);
}

TEST(a_line_that_is_too_long_is_passed_over_as_a_whole)
{
    struct scene scene;
    char text[5000];
    scene_open(&scene);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    type(&scene, text);
    lone_connector_pass(&scene.lone, 10);
    type(&scene, " reconnect 1s\nreconnect 2s\n");
    CHECK(scene.orders == 1 && scene.delay_ms == 2000);
    CHECK(scene.too_long == 1 && scene.unknown == 0);
    /* just long enough, and one more */
    (void)snprintf(text, sizeof text, "%*s\n", CONTROL_LINE_MAX, "reconnect");
    type(&scene, text);
    CHECK_SIZE(scene.orders, 2);
    (void)snprintf(text, sizeof text, "%*s\n", CONTROL_LINE_MAX + 1, "reconnect");
    type(&scene, text);
    CHECK(scene.orders == 2 && scene.too_long == 2);
    scene_close(&scene);
}

TEST(the_end_of_the_input_ends_the_reading_and_nothing_else)
{
    struct scene scene;
    scene_open(&scene);
    type(&scene, "reconnect 1s");
    CHECK_SIZE(scene.orders, 0);
    (void)close(scene.out);
    scene.out = -1;
    lone_connector_pass(&scene.lone, 10);
    CHECK_SIZE(scene.orders, 1);
    lone_connector_pass(&scene.lone, 5000);
    CHECK_SIZE(scene.orders, 1);
    CHECK_SIZE(fake_edge_registered(&scene.lone.edge), CONNECTIONS);
    CHECK(!scene.lone.over);
    scene_close(&scene);
}

/* What another kind of input than a pipe comes to. */
static void check_input(int fd, size_t orders)
{
    struct scene scene;
    scene_open(&scene);
    struct stdin_control *other = stdin_control_new(scene.lone.loop, fd, reconnect, &scene, NULL);
    REQUIRE(other != NULL);
    lone_connector_pass(&scene.lone, 100);
    CHECK_SIZE(scene.orders, orders);
    stdin_control_free(other);
    scene_close(&scene);
}

TEST(a_file_is_read_to_its_end_and_no_input_is_none)
{
    struct test_place place = place_make();
    struct buf text = BUF_LIMIT(64 * 1024);
    for (size_t i = 0; i < 1000; i++)
        CHECK(buf_printf(&text, i % 500 == 0 ? "reconnect 1s\n" : "\n   \n"));
    CHECK(file_replace(place_path(&place, "commands"), buf_span(&text), 0600, NULL));
    int file = open(place_path(&place, "commands"), O_RDONLY | O_CLOEXEC);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE(file >= 0 && null >= 0);
    check_input(file, 2);
    check_input(null, 0);
    check_input(-1, 0);
    (void)close(file);
    (void)close(null);
    buf_release(&text);
    place_remove(&place);
}
