/* Opens the database and brings its schema up to date. SQLite in WAL mode with a sync at every
 * commit: what was committed survives kill -9 and the loss of power. */
#include "culvert/store/database.h"

#include "culvert/base/file.h"

#include "database_handle.h"
#include "schema.h"
#include "statement.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUSY_MS = 5000,         /* how long to wait for another process that writes */
    VALUE_MAX = 1024 * 1024 /* bytes of one text, blob or statement; ours are far smaller */
};

static enum error_kind kind_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERROR_TIMEOUT;
    case SQLITE_CONSTRAINT:
        return ERROR_INVALID;
    case SQLITE_TOOBIG:
        return ERROR_LIMIT;
    default:
        return ERROR_SYSTEM;
    }
}

bool database_fault(const struct database *db, int code, struct error *err)
{
    /* A failure to allocate is not always kept in the handle. */
    bool kept = db->raw && sqlite3_extended_errcode(db->raw) == code;
    return error_set(err, kind_of(code), code, "state database: %s",
                     kept ? sqlite3_errmsg(db->raw) : sqlite3_errstr(code));
}

/* Refuses what others may write. A file that they may read is closed to them; a directory may be
 * somebody's home and stays as it is. */
static bool protect(const char *path, int fd, struct error *err)
{
    struct stat facts;
    if (fstat(fd, &facts) == -1)
        return error_errno(err, "%s", path);
    if (facts.st_mode & (S_IWGRP | S_IWOTH))
        return error_set(err, ERROR_DENIED, 0,
                         "%s: others may write it (mode %04o); run chmod go-w on it if you trust "
                         "what it holds",
                         path, (unsigned)facts.st_mode & 07777);
    bool open_file = S_ISREG(facts.st_mode) && (facts.st_mode & (S_IRWXG | S_IRWXO));
    if (open_file && fchmod(fd, S_IRUSR | S_IWUSR) == -1)
        return error_errno(err, "%s", path);
    return true;
}

/* SQLite gives its other files the mode of this one, so that it must exist before. */
static bool prepare(const char *path, int flags, struct error *err)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
    if (fd == -1)
        return error_errno(err, "%s", path);
    bool ok = protect(path, fd, err);
    close(fd);
    return ok;
}

static bool run_text(struct database *db, const char *sql, struct error *err)
{
    int code = sqlite3_exec(db->raw, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || database_fault(db, code, err);
}

static bool configure(struct database *db, struct error *err)
{
    (void)sqlite3_busy_timeout(db->raw, BUSY_MS);
    (void)sqlite3_limit(db->raw, SQLITE_LIMIT_LENGTH, VALUE_MAX);
    (void)sqlite3_limit(db->raw, SQLITE_LIMIT_SQL_LENGTH, VALUE_MAX);
    (void)sqlite3_limit(db->raw, SQLITE_LIMIT_ATTACHED, 0);
    (void)sqlite3_db_config(db->raw, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    (void)sqlite3_db_config(db->raw, SQLITE_DBCONFIG_DQS_DML, 0, (int *)NULL);
    (void)sqlite3_db_config(db->raw, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)NULL);
    return run_text(db,
                    "PRAGMA journal_mode = WAL;"
                    "PRAGMA synchronous = FULL;"
                    "PRAGMA foreign_keys = ON;"
                    "PRAGMA secure_delete = ON;"
                    "PRAGMA trusted_schema = OFF;"
                    "PRAGMA cell_size_check = ON",
                    err);
}

static bool read_version(struct database *db, int64_t *version, struct error *err)
{
    struct statement *st = statement_open(db, "PRAGMA user_version", err);
    return st && statement_number(st, version, err);
}

/* Runs what is missing, inside of a transaction: the version may have changed before it began. */
static bool apply_migrations(struct database *db, struct error *err)
{
    int64_t version = 0;
    if (!read_version(db, &version, err))
        return false;
    for (size_t i = 0; i < store_migration_count; i++) {
        const struct store_migration *next = &store_migrations[i];
        if (next->version <= version)
            continue;
        char mark[64];
        (void)snprintf(mark, sizeof mark, "PRAGMA user_version = %d", next->version);
        if (!run_text(db, next->sql, err) || !run_text(db, mark, err))
            return error_wrap(err, "schema %d (%s)", next->version, next->name);
    }
    return true;
}

static bool migrate(struct database *db, struct error *err)
{
    int64_t version = 0;
    int newest = store_migrations[store_migration_count - 1].version;
    if (!read_version(db, &version, err))
        return false;
    if (version == newest)
        return true;
    if (version > newest)
        return error_set(err, ERROR_INVALID, 0,
                         "written by a newer culvert (schema %lld, this one knows %d)",
                         (long long)version, newest);
    if (!transaction_begin(db, err))
        return false;
    bool ok = apply_migrations(db, err);
    return transaction_end(db, ok, err) && ok;
}

/* Leaves the handle to its owner also when it fails. */
static bool open_file(struct database *db, const char *path, struct error *err)
{
    int flags =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int code = sqlite3_open_v2(path, &db->raw, flags, NULL);
    if (code != SQLITE_OK)
        return database_fault(db, code, err);
    return configure(db, err) && migrate(db, err);
}

/* Turning a fresh file to WAL does not wait for others who do the same: they come one by one. The
 * descriptor ends the turn. -1: `err`. */
static int wait_for_turn(const char *directory, struct error *err)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd != -1 && flock(fd, LOCK_EX) == 0)
        return fd;
    error_errno(err, "%s", directory);
    if (fd != -1)
        close(fd);
    return -1;
}

struct database *database_open(const char *directory, struct error *err)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/culvert.db", directory) >= sizeof path) {
        error_set(err, ERROR_INVALID, ENAMETOOLONG, "%s: the name is too long", directory);
        return NULL;
    }
    if (!file_make_directory(directory, 0700, err) ||
        !prepare(directory, O_RDONLY | O_DIRECTORY, err) || !prepare(path, O_RDWR | O_CREAT, err))
        return NULL;
    struct database *db = calloc(1, sizeof *db);
    if (!db) {
        error_memory(err);
        return NULL;
    }
    int turn = wait_for_turn(directory, err);
    bool ok = turn != -1 && open_file(db, path, err);
    if (turn != -1)
        close(turn);
    if (ok)
        return db;
    error_wrap(err, "%s", path);
    database_close(db);
    return NULL;
}

void database_close(struct database *db)
{
    if (!db)
        return;
    database_forget_statements(db);
    (void)sqlite3_close(db->raw);
    free(db);
}

bool database_check(struct database *db, struct error *err)
{
    struct statement *st = statement_open(db, "PRAGMA integrity_check(1)", err);
    if (!st)
        return false;
    enum step step = statement_step(st, err);
    bool ok = step != STEP_FAILED;
    if (step == STEP_ROW && !span_equal(statement_text(st, 0), SPAN("ok")))
        ok = error_set(err, ERROR_SYSTEM, SQLITE_CORRUPT, "state database: %.*s",
                       SPAN_ARG(statement_text(st, 0)));
    statement_close(st);
    if (!ok)
        return false;
    st = statement_open(db, "PRAGMA foreign_key_check", err);
    if (!st)
        return false;
    step = statement_step(st, err);
    if (step == STEP_ROW)
        error_set(err, ERROR_SYSTEM, SQLITE_CORRUPT,
                  "state database: a row of %.*s refers to what is not there",
                  SPAN_ARG(statement_text(st, 0)));
    statement_close(st);
    return step == STEP_DONE;
}
