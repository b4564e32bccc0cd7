/* The edge's memory: one database in the state directory. Whoever uses the store has a handle of
 * this and calls store_* functions; no other room knows which database stands behind them.
 *
 * A handle belongs to one thread at a time. Other processes may use the same directory. What a
 * function has answered with success survives a crash at any later instant. */
#ifndef CULVERT_STORE_DATABASE_H
#define CULVERT_STORE_DATABASE_H

#include "culvert/base/error.h"

struct database;

/* What a store_* function found or did. */
enum store_result {
    STORE_FAILED, /* `err` says why: TIMEOUT busy, LIMIT a bound, SYSTEM the machine */
    STORE_OK,
    STORE_NONE,   /* there is no such thing (any more) */
    STORE_EXISTS, /* there is one of that name */
    STORE_IN_USE, /* other things need it */
};

/* Opens the database in `directory`, both made when missing (0700, 0600), and brings its schema up
 * to date. The caller closes it. NULL: `err` names the file; DENIED when others may write it,
 * INVALID when it is of a newer version. */
struct database *database_open(const char *directory, struct error *err);

/* Closes it. NULL is allowed. */
void database_close(struct database *db);

/* Reads every page and looks whether all references hold. */
bool database_check(struct database *db, struct error *err) MUST_CHECK;

#endif
