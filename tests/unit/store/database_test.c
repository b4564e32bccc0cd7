#include "culvert/base/file.h"
#include "culvert/store/database.h"

#include "harness.h"
#include "support/stored.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 20, PROCESSES = 6 };

TEST(a_new_database_is_private_and_sound_and_opens_again)
{
    struct test_place place = place_make();
    struct error err = {0};
    for (int i = 0; i < 2; i++) {
        struct database *db = database_open(place_path(&place, "a/state"), &err);
        CHECK_CASE(db != NULL, "%s", err.text);
        CHECK(db && database_check(db, &err));
        CHECK_SIZE(place_mode(place_path(&place, "a/state")), 0700);
        CHECK_SIZE(place_mode(place_path(&place, "a/state/culvert.db")), 0600);
        CHECK_SIZE(place_mode(place_path(&place, "a/state/culvert.db-wal")), 0600);
        database_close(db);
    }
    place_remove(&place);
}

TEST(state_that_others_may_write_is_refused_and_what_they_may_read_is_closed)
{
    struct test_place place = place_make();
    struct error err = {0};
    CHECK(file_replace(place_path(&place, "culvert.db"), SPAN(""), 0644, NULL));
    database_close(database_open(place.directory, &err));
    CHECK_SIZE(place_mode(place.path), 0600);
    CHECK(chmod(place.path, 0620) == 0);
    CHECK(database_open(place.directory, &err) == NULL);
    CHECK(err.kind == ERROR_DENIED && strstr(err.text, "culvert.db") != NULL);
    CHECK(chmod(place.path, 0600) == 0 && chmod(place.directory, 0770) == 0);
    CHECK(database_open(place.directory, &err) == NULL);
    CHECK(err.kind == ERROR_DENIED && strstr(err.text, place.directory) != NULL);
    place_remove(&place);
}

TEST(a_file_that_is_no_database_is_refused_and_stays_as_it_is)
{
    static const char text[] = "This is a letter, and it is long enough to be looked at as a "
                               "database: its first hundred bytes are not the header of one.";
    struct test_place place = place_make();
    struct error err = {0};
    struct buf back = BUF_LIMIT(1000);
    CHECK(file_replace(place_path(&place, "culvert.db"), span_of(text), 0600, NULL));
    CHECK(database_open(place.directory, &err) == NULL);
    CHECK(err.kind == ERROR_SYSTEM && strstr(err.text, "culvert.db: state database: ") != NULL);
    CHECK(file_read(place.path, &back, NULL));
    CHECK_TEXT(buf_text(&back), text);
    buf_release(&back);
    place_remove(&place);
}

TEST(the_schema_of_a_newer_version_is_left_alone)
{
    enum { USER_VERSION_AT = 60 }; /* of the file's header, big endian */
    struct test_place place = place_make();
    struct error err = {0};
    struct buf file = BUF_LIMIT(1000000);
    database_close(database_open(place.directory, &err));
    REQUIRE(file_read(place_path(&place, "culvert.db"), &file, NULL));
    file.data[USER_VERSION_AT + 2] = 1;
    CHECK(file_replace(place.path, buf_span(&file), 0600, NULL));
    CHECK(database_open(place.directory, &err) == NULL);
    CHECK(err.kind == ERROR_INVALID && strstr(err.text, "newer culvert (schema 257,") != NULL);
    buf_release(&file);
    place_remove(&place);
}

/* Opens the state as another process would, and puts a zone of its own. */
static void put_zone_and_leave(const char *directory, int number)
{
    struct error err = {0};
    struct store_account account;
    struct store_zone zone;
    char name[32];
    (void)snprintf(name, sizeof name, "zone%d.example.com", number);
    struct database *db = database_open(directory, &err);
    bool ok = db && store_accounts_first(db, 1, &account, &err) == STORE_OK &&
              stored_zone(db, account.id, name, 1, &zone) == STORE_OK;
    if (!ok)
        printf("# process %d: %s\n", number, err.text);
    database_close(db);
    _exit(ok ? 0 : 1);
}

TEST(processes_that_make_the_same_state_at_once_agree_on_one_account)
{
    struct test_place place = place_make();
    pid_t children[PROCESSES];
    (void)fflush(stdout);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            put_zone_and_leave(place.directory, i);
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status = 0;
        CHECK(waitpid(children[i], &status, 0) == children[i]);
        CHECK_CASE(status == 0, "process %d failed", i);
    }
    struct error err = {0};
    struct store_account account;
    struct store_zone zone;
    struct database *db = database_open(place.directory, &err);
    REQUIRE(db != NULL);
    CHECK(store_accounts_first(db, 2, &account, &err) == STORE_OK);
    CHECK_SIZE(account.created_ms, 1);
    for (int i = 0; i < PROCESSES; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "zone%d.example.com", i);
        CHECK(stored_zone(db, account.id, name, 2, &zone) == STORE_OK);
        CHECK_SIZE(zone.created_ms, 1);
    }
    database_close(db);
    place_remove(&place);
}

/* What the child says it has stored, once the call has answered with success. */
struct report {
    struct uuid id;
    char hostname[64];
    char token[STORE_TOKEN_SIZE];
};

/* Makes a tunnel, a route and a token; false when one fails. */
static bool store_one(struct database *db, const struct store_zone *zone, struct report *report)
{
    struct store_tunnel tunnel;
    char name[UUID_TEXT_SIZE];
    report->id = uuid_make();
    uuid_format(&report->id, name);
    (void)snprintf(report->hostname, sizeof report->hostname, "%s.example.com", name);
    struct store_tunnel_new what = {zone->account_id, report->id, span_of(name), SPAN_NONE, 1};
    what.secret = SPAN("0123456789abcdef0123456789abcdef");
    struct store_route_new route = {.hostname = span_of(report->hostname),
                                    .zone_id = span_of(zone->id),
                                    .tunnel_id = report->id};
    struct store_token_new token = {zone->account_id, SPAN("test"), 1, 0};
    return store_tunnels_create(db, &what, &tunnel, NULL) == STORE_OK &&
           store_routes_put(db, &route, NULL) == STORE_ROUTE_NEW &&
           store_tokens_create(db, &token, report->token, NULL) == STORE_OK;
}

/* The child: stores and reports until it is killed. */
static void store_until_killed(const char *directory, int pipe_end)
{
    struct store_account account;
    struct store_zone zone;
    struct report report = {.hostname = ""};
    struct database *db = database_open(directory, NULL);
    if (!db || store_accounts_first(db, 1, &account, NULL) != STORE_OK ||
        stored_zone(db, account.id, "example.com", 1, &zone) != STORE_OK)
        _exit(1);
    while (store_one(db, &zone, &report))
        if (write(pipe_end, &report, sizeof report) != (ssize_t)sizeof report)
            break;
    _exit(1);
}

static bool holds(struct database *db, const struct report *report)
{
    struct store_account account;
    struct store_tunnel tunnel;
    struct store_route_new route = {.hostname = span_of(report->hostname)};
    struct store_zone zone;
    bool ok = store_tokens_check(db, span_of(report->token), 2, &account, NULL) == STORE_OK &&
              store_tunnels_find(db, account.id, &report->id, &tunnel, NULL) == STORE_OK &&
              stored_zone(db, account.id, "example.com", 2, &zone) == STORE_OK;
    route.zone_id = span_of(zone.id);
    route.tunnel_id = report->id;
    return ok && store_routes_put(db, &route, NULL) == STORE_ROUTE_UNCHANGED;
}

/* Lets a child store for `microseconds`, kills it, and looks for all that it reported. Returns how
 * much that was. */
static size_t kill_one(const char *directory, unsigned microseconds)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0)
        store_until_killed(directory, ends[1]);
    close(ends[1]);
    usleep(microseconds);
    CHECK(kill(child, SIGKILL) == 0);
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
    struct error err = {0};
    struct database *db = database_open(directory, &err);
    CHECK_CASE(db && database_check(db, &err), "%s", err.text);
    struct report report;
    size_t count = 0;
    while (read(ends[0], &report, sizeof report) == (ssize_t)sizeof report) {
        CHECK_CASE(db && holds(db, &report), "%s is lost", report.hostname);
        count++;
    }
    close(ends[0]);
    database_close(db);
    return count;
}

TEST(what_was_answered_with_success_survives_kill_at_any_instant)
{
    struct test_place place = place_make();
    size_t reported = 0;
    for (unsigned round = 0; round < ROUNDS; round++)
        reported += kill_one(place.directory, 1000 + round * round * 700);
    CHECK_CASE(reported > ROUNDS, "only %zu reports: nothing was proved", reported);
    place_remove(&place);
}
