/* What a database handle holds; for the files of the door to SQLite only. */
#ifndef CULVERT_STORE_DATABASE_HANDLE_H
#define CULVERT_STORE_DATABASE_HANDLE_H

#include "culvert/base/error.h"

enum { STATEMENTS_MAX = 64 }; /* texts of SQL in this room; each is prepared once */

struct sqlite3;
struct sqlite3_stmt;

/* One text of SQL, prepared at its first use and kept. */
struct statement {
    struct database *db;
    const char *sql; /* a literal; NULL: a free place */
    struct sqlite3_stmt *raw;
    int fault; /* the first code of a bind that failed; 0: none */
    bool busy; /* between open and close */
};

struct database {
    struct sqlite3 *raw;
    struct statement statements[STATEMENTS_MAX];
};

/* Fills `err` from the last failure of the handle; returns false. */
bool database_fault(const struct database *db, int code, struct error *err);

/* Frees all prepared statements. */
void database_forget_statements(struct database *db);

#endif
