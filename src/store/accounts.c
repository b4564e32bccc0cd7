/* Accounts, zones, API tokens. */
#include "culvert/store/accounts.h"

#include "culvert/base/digest.h"
#include "culvert/base/encode.h"
#include "culvert/base/random.h"

#include "statement.h"

enum { ID_BYTES = 16, TOKEN_BYTES = 32 };

static bool make_id(char out[STORE_ID_SIZE], struct error *err)
{
    unsigned char bytes[ID_BYTES];
    struct buf text = BUF_LIMIT(STORE_ID_SIZE);
    random_bytes(bytes, sizeof bytes);
    bool ok = hex_encode(span_make(bytes, sizeof bytes), &text);
    if (ok)
        memcpy(out, buf_text(&text), STORE_ID_SIZE);
    buf_release(&text);
    return ok || error_memory(err);
}

/* Reads the one row of `st` (id, created) and closes it. */
static enum store_result take_account(struct statement *st, struct store_account *account,
                                      struct error *err)
{
    enum store_result result = STORE_FAILED;
    enum step step = statement_step(st, err);
    if (step == STEP_DONE)
        result = STORE_NONE;
    if (step == STEP_ROW) {
        account->created_ms = statement_int(st, 1);
        result = statement_copy_text(st, 0, account->id, sizeof account->id)
                     ? STORE_OK
                     : store_broken_row("accounts", err);
    }
    statement_close(st);
    return result;
}

static enum store_result find_account(struct database *db, struct store_account *account,
                                      struct error *err)
{
    struct statement *st =
        statement_open(db, "SELECT id, created_ms FROM accounts ORDER BY created_ms LIMIT 1", err);
    return st ? take_account(st, account, err) : STORE_FAILED;
}

static bool insert_account(struct database *db, const struct store_account *account,
                           struct error *err)
{
    struct statement *st =
        statement_open(db, "INSERT INTO accounts (id, created_ms) VALUES (?1, ?2)", err);
    if (!st)
        return false;
    statement_bind_text(st, 1, span_of(account->id));
    statement_bind_int(st, 2, account->created_ms);
    return statement_run(st, NULL, err);
}

enum store_result store_accounts_first(struct database *db, int64_t now_ms,
                                       struct store_account *account, struct error *err)
{
    enum store_result result = find_account(db, account, err);
    if (result != STORE_NONE)
        return result;
    if (!transaction_begin(db, err))
        return STORE_FAILED;
    result = find_account(db, account, err); /* another process may have been first */
    if (result == STORE_NONE) {
        account->created_ms = now_ms;
        bool made = make_id(account->id, err) && insert_account(db, account, err);
        result = made ? STORE_OK : STORE_FAILED;
    }
    return transaction_end(db, result == STORE_OK, err) ? result : STORE_FAILED;
}

/* Reads the one row of `st` (id, account, name, created) and closes it. */
static enum store_result take_zone(struct statement *st, struct store_zone *zone, struct error *err)
{
    enum store_result result = STORE_FAILED;
    enum step step = statement_step(st, err);
    if (step == STEP_DONE)
        result = STORE_NONE;
    if (step == STEP_ROW) {
        bool fits = statement_copy_text(st, 0, zone->id, sizeof zone->id) &&
                    statement_copy_text(st, 1, zone->account_id, sizeof zone->account_id) &&
                    statement_copy_text(st, 2, zone->name, sizeof zone->name);
        zone->created_ms = statement_int(st, 3);
        result = fits ? STORE_OK : store_broken_row("zones", err);
    }
    statement_close(st);
    return result;
}

static enum store_result find_zone_by_name(struct database *db, struct span name,
                                           struct store_zone *zone, struct error *err)
{
    struct statement *st = statement_open(
        db, "SELECT id, account_id, name, created_ms FROM zones WHERE name = ?1", err);
    if (!st)
        return STORE_FAILED;
    statement_bind_text(st, 1, name);
    return take_zone(st, zone, err);
}

static bool insert_zone(struct database *db, const struct store_zone *zone, struct error *err)
{
    int64_t count = 0;
    struct statement *st = statement_open(db, "SELECT count(*) FROM zones", err);
    if (!st || !statement_number(st, &count, err))
        return false;
    if (count >= STORE_ZONES_MAX)
        return error_set(err, ERROR_LIMIT, 0, "there are %d zones already", STORE_ZONES_MAX);
    st = statement_open(
        db, "INSERT INTO zones (id, account_id, name, created_ms) VALUES (?1, ?2, ?3, ?4)", err);
    if (!st)
        return false;
    statement_bind_text(st, 1, span_of(zone->id));
    statement_bind_text(st, 2, span_of(zone->account_id));
    statement_bind_text(st, 3, span_of(zone->name));
    statement_bind_int(st, 4, zone->created_ms);
    return statement_run(st, NULL, err);
}

static enum store_result put_zone(struct database *db, const struct store_zone_new *what,
                                  struct store_zone *zone, struct error *err)
{
    enum store_result result = find_zone_by_name(db, what->name, zone, err);
    if (result == STORE_OK)
        return strcmp(zone->account_id, what->account_id) == 0 ? STORE_OK : STORE_EXISTS;
    if (result != STORE_NONE)
        return result;
    *zone = (struct store_zone){.created_ms = what->now_ms};
    (void)snprintf(zone->account_id, sizeof zone->account_id, "%s", what->account_id);
    (void)snprintf(zone->name, sizeof zone->name, "%.*s", SPAN_ARG(what->name));
    return make_id(zone->id, err) && insert_zone(db, zone, err) ? STORE_OK : STORE_FAILED;
}

enum store_result store_zones_put(struct database *db, const struct store_zone_new *what,
                                  struct store_zone *zone, struct error *err)
{
    if (what->name.len == 0 || what->name.len >= sizeof zone->name) {
        error_set(err, ERROR_INVALID, 0, "the name of a zone has 1 to 253 bytes");
        return STORE_FAILED;
    }
    if (!transaction_begin(db, err))
        return STORE_FAILED;
    enum store_result result = put_zone(db, what, zone, err);
    return transaction_end(db, result == STORE_OK, err) ? result : STORE_FAILED;
}

enum store_result store_zones_find(struct database *db, struct span id, struct store_zone *zone,
                                   struct error *err)
{
    struct statement *st =
        statement_open(db, "SELECT id, account_id, name, created_ms FROM zones WHERE id = ?1", err);
    if (!st)
        return STORE_FAILED;
    statement_bind_text(st, 1, id);
    return take_zone(st, zone, err);
}

enum store_result store_zones_choose(struct database *db, const char *account_id, struct span name,
                                     struct store_zone *zone, struct error *err)
{
    struct statement *st =
        statement_open(db,
                       "SELECT id, account_id, name, created_ms FROM zones WHERE account_id = ?1 "
                       "AND (?2 IS NULL OR name = ?2) ORDER BY created_ms, rowid LIMIT 1",
                       err);
    if (!st)
        return STORE_FAILED;
    statement_bind_text(st, 1, span_of(account_id));
    statement_bind_optional(st, 2, name);
    return take_zone(st, zone, err);
}

static bool make_token(char token[STORE_TOKEN_SIZE], struct error *err)
{
    unsigned char bytes[TOKEN_BYTES];
    struct buf text = BUF_LIMIT(STORE_TOKEN_SIZE);
    random_bytes(bytes, sizeof bytes);
    bool ok = base64_encode(BASE64_URL_RAW, span_make(bytes, sizeof bytes), &text);
    if (ok)
        memcpy(token, buf_text(&text), STORE_TOKEN_SIZE);
    explicit_bzero(bytes, sizeof bytes);
    buf_wipe(&text);
    return ok || error_memory(err);
}

static bool forget_expired(struct database *db, int64_t now_ms, struct error *err)
{
    struct statement *st = statement_open(db, "DELETE FROM api_tokens WHERE expires_ms <= ?1", err);
    if (!st)
        return false;
    statement_bind_int(st, 1, now_ms);
    return statement_run(st, NULL, err);
}

static bool insert_token(struct database *db, const struct store_token_new *what,
                         const unsigned char hash[SHA256_SIZE], struct error *err)
{
    int64_t count = 0;
    struct statement *st = statement_open(db, "SELECT count(*) FROM api_tokens", err);
    if (!st || !statement_number(st, &count, err))
        return false;
    if (count >= STORE_TOKENS_MAX)
        return error_set(err, ERROR_LIMIT, 0, "there are %d API tokens already", STORE_TOKENS_MAX);
    st = statement_open(db,
                        "INSERT INTO api_tokens (hash, account_id, name, created_ms, expires_ms) "
                        "VALUES (?1, ?2, ?3, ?4, nullif(?5, 0))",
                        err);
    if (!st)
        return false;
    statement_bind_bytes(st, 1, span_make(hash, SHA256_SIZE));
    statement_bind_text(st, 2, span_of(what->account_id));
    statement_bind_text(st, 3, what->name);
    statement_bind_int(st, 4, what->now_ms);
    statement_bind_int(st, 5, what->expires_ms);
    return statement_run(st, NULL, err);
}

enum store_result store_tokens_create(struct database *db, const struct store_token_new *what,
                                      char token[STORE_TOKEN_SIZE], struct error *err)
{
    unsigned char hash[SHA256_SIZE];
    if (what->name.len > STORE_TOKEN_NAME_MAX) {
        error_set(err, ERROR_LIMIT, 0, "a token's name has at most %d bytes", STORE_TOKEN_NAME_MAX);
        return STORE_FAILED;
    }
    if (!make_token(token, err))
        return STORE_FAILED;
    if (!digest_sha256(span_of(token), hash)) {
        error_set(err, ERROR_SYSTEM, 0, "SHA-256 failed");
        return STORE_FAILED;
    }
    if (!transaction_begin(db, err))
        return STORE_FAILED;
    bool ok = forget_expired(db, what->now_ms, err) && insert_token(db, what, hash, err);
    return transaction_end(db, ok, err) && ok ? STORE_OK : STORE_FAILED;
}

enum store_result store_tokens_check(struct database *db, struct span token, int64_t now_ms,
                                     struct store_account *account, struct error *err)
{
    unsigned char hash[SHA256_SIZE];
    if (token.len != STORE_TOKEN_SIZE - 1)
        return STORE_NONE;
    if (!digest_sha256(token, hash)) {
        error_set(err, ERROR_SYSTEM, 0, "SHA-256 failed");
        return STORE_FAILED;
    }
    struct statement *st =
        statement_open(db,
                       "SELECT a.id, a.created_ms FROM api_tokens AS t "
                       "JOIN accounts AS a ON a.id = t.account_id "
                       "WHERE t.hash = ?1 AND (t.expires_ms IS NULL OR t.expires_ms > ?2)",
                       err);
    if (!st)
        return STORE_FAILED;
    statement_bind_bytes(st, 1, span_make(hash, sizeof hash));
    statement_bind_int(st, 2, now_ms);
    return take_account(st, account, err);
}
