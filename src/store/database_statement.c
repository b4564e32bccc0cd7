/* Prepared statements and transactions over SQLite. */
#include "database_handle.h"
#include "statement.h"

#include <assert.h>
#include <sqlite3.h>

struct statement *statement_open(struct database *db, const char *sql, struct error *err)
{
    struct statement *st = db->statements;
    while (st < db->statements + STATEMENTS_MAX && st->sql && st->sql != sql)
        st++;
    assert(st < db->statements + STATEMENTS_MAX && !st->busy);
    if (!st->sql) {
        int code = sqlite3_prepare_v3(db->raw, sql, -1, SQLITE_PREPARE_PERSISTENT, &st->raw, NULL);
        if (code != SQLITE_OK) {
            database_fault(db, code, err);
            return NULL;
        }
        st->db = db;
        st->sql = sql;
    }
    st->busy = true;
    st->fault = SQLITE_OK;
    return st;
}

static void note(struct statement *st, int code)
{
    if (st->fault == SQLITE_OK)
        st->fault = code;
}

void statement_bind_text(struct statement *st, int at, struct span text)
{
    const char *data = text.data ? text.data : "";
    note(st, sqlite3_bind_text64(st->raw, at, data, text.len, SQLITE_STATIC, SQLITE_UTF8));
}

void statement_bind_optional(struct statement *st, int at, struct span text)
{
    if (text.data)
        statement_bind_text(st, at, text);
}

void statement_bind_bytes(struct statement *st, int at, struct span bytes)
{
    const char *data = bytes.data ? bytes.data : "";
    note(st, sqlite3_bind_blob64(st->raw, at, data, bytes.len, SQLITE_STATIC));
}

void statement_bind_int(struct statement *st, int at, int64_t number)
{
    note(st, sqlite3_bind_int64(st->raw, at, number));
}

void statement_bind_uuid(struct statement *st, int at, const struct uuid *uuid)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(uuid, text);
    note(st, sqlite3_bind_text(st->raw, at, text, UUID_TEXT_SIZE - 1, SQLITE_TRANSIENT));
}

enum step statement_step(struct statement *st, struct error *err)
{
    int code = st->fault != SQLITE_OK ? st->fault : sqlite3_step(st->raw);
    if (code == SQLITE_ROW)
        return STEP_ROW;
    if (code == SQLITE_DONE)
        return STEP_DONE;
    database_fault(st->db, code, err);
    return STEP_FAILED;
}

static struct span bytes_of(struct statement *st, int at, const void *data)
{
    int len = sqlite3_column_bytes(st->raw, at);
    return data ? span_make(data, (size_t)len) : SPAN_NONE;
}

struct span statement_text(struct statement *st, int at)
{
    return bytes_of(st, at, sqlite3_column_text(st->raw, at));
}

struct span statement_bytes(struct statement *st, int at)
{
    return bytes_of(st, at, sqlite3_column_blob(st->raw, at));
}

int64_t statement_int(struct statement *st, int at)
{
    return sqlite3_column_int64(st->raw, at);
}

bool statement_copy_text(struct statement *st, int at, char *out, size_t size)
{
    struct span text = statement_text(st, at);
    if (text.len >= size)
        return false;
    if (text.len > 0)
        memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return true;
}

bool statement_uuid(struct statement *st, int at, struct uuid *uuid)
{
    return uuid_parse(statement_text(st, at), uuid);
}

void statement_close(struct statement *st)
{
    if (!st)
        return;
    (void)sqlite3_reset(st->raw); /* repeats the code of the last step */
    (void)sqlite3_clear_bindings(st->raw);
    st->busy = false;
}

bool statement_run(struct statement *st, int64_t *changed, struct error *err)
{
    enum step step;
    do
        step = statement_step(st, err);
    while (step == STEP_ROW);
    if (changed)
        *changed = sqlite3_changes64(st->db->raw);
    statement_close(st);
    return step == STEP_DONE;
}

bool statement_number(struct statement *st, int64_t *number, struct error *err)
{
    enum step step = statement_step(st, err);
    *number = step == STEP_ROW ? statement_int(st, 0) : 0;
    statement_close(st);
    return step != STEP_FAILED;
}

static bool run_literal(struct database *db, const char *sql, struct error *err)
{
    struct statement *st = statement_open(db, sql, err);
    return st && statement_run(st, NULL, err);
}

/* Some failures have rolled back already. */
static void roll_back(struct database *db)
{
    if (!sqlite3_get_autocommit(db->raw))
        (void)run_literal(db, "ROLLBACK", NULL);
}

bool transaction_begin(struct database *db, struct error *err)
{
    roll_back(db); /* of one whose own rollback failed */
    return run_literal(db, "BEGIN IMMEDIATE", err);
}

bool transaction_end(struct database *db, bool keep, struct error *err)
{
    if (keep && run_literal(db, "COMMIT", err))
        return true;
    roll_back(db);
    return !keep;
}

enum store_result store_broken_row(const char *table, struct error *err)
{
    error_set(err, ERROR_SYSTEM, 0, "the state database has a row in %s that makes no sense",
              table);
    return STORE_FAILED;
}

void database_forget_statements(struct database *db)
{
    for (size_t i = 0; i < STATEMENTS_MAX; i++) {
        (void)sqlite3_finalize(db->statements[i].raw);
        db->statements[i] = (struct statement){0};
    }
}
