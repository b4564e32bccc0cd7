/* SQL inside of the store room: prepared statements and transactions.
 *
 *     struct statement *st = statement_open(db, "SELECT name FROM zones WHERE id = ?1", err);
 *     if (!st)
 *         return STORE_FAILED;
 *     statement_bind_text(st, 1, id);
 *     enum step step = statement_step(st, err);
 *     if (step == STEP_ROW)
 *         copy(statement_text(st, 0));
 *     statement_close(st); */
#ifndef CULVERT_STORE_STATEMENT_H
#define CULVERT_STORE_STATEMENT_H

#include "culvert/base/span.h"
#include "culvert/base/uuid.h"
#include "culvert/store/database.h"

struct statement;

enum step { STEP_FAILED, STEP_ROW, STEP_DONE };

/* `sql` is a literal: it is prepared once and found again by its address. NULL: `err` says why. */
struct statement *statement_open(struct database *db, const char *sql, struct error *err);

/* Give a value to the parameter `at` (1 ...). Texts and bytes are borrowed until close. A failure
 * is kept and comes out of the next step. */
void statement_bind_text(struct statement *st, int at, struct span text);
void statement_bind_bytes(struct statement *st, int at, struct span bytes);
void statement_bind_int(struct statement *st, int at, int64_t number);
void statement_bind_uuid(struct statement *st, int at, const struct uuid *uuid);
/* As statement_bind_text; a span without data gives NULL. */
void statement_bind_optional(struct statement *st, int at, struct span text);

/* The next row, the end, or a failure in `err`. */
enum step statement_step(struct statement *st, struct error *err) MUST_CHECK;

/* Values of the row in the column `at` (0 ...), borrowed until the next step; NULL gives 0 or the
 * empty span. */
struct span statement_text(struct statement *st, int at);
struct span statement_bytes(struct statement *st, int at);
int64_t statement_int(struct statement *st, int at);
/* Copies a text that must fit with its NUL; false when it does not. */
bool statement_copy_text(struct statement *st, int at, char *out, size_t size) MUST_CHECK;
bool statement_uuid(struct statement *st, int at, struct uuid *uuid) MUST_CHECK;

/* Ends its use; it stays prepared. NULL is allowed. */
void statement_close(struct statement *st);

/* Steps to the end and closes: for what changes rows. *changed (NULL: not asked): how many. */
bool statement_run(struct statement *st, int64_t *changed, struct error *err) MUST_CHECK;

/* The one number that a SELECT gives, and close. */
bool statement_number(struct statement *st, int64_t *number, struct error *err) MUST_CHECK;

/* Starts a transaction that may write, waiting for another process up to the busy time. */
bool transaction_begin(struct database *db, struct error *err) MUST_CHECK;

/* Ends it: makes it durable when `keep`, else takes everything back. False: `err` says why and
 * nothing was kept. */
bool transaction_end(struct database *db, bool keep, struct error *err) MUST_CHECK;

/* STORE_FAILED for a row that this version could not have written. */
enum store_result store_broken_row(const char *table, struct error *err);

#endif
