/* The account, its zones (the domain names under which it routes host names) and the tokens of its
 * REST API. This edge has one account. */
#ifndef CULVERT_STORE_ACCOUNTS_H
#define CULVERT_STORE_ACCOUNTS_H

#include "culvert/base/buf.h"
#include "culvert/store/database.h"

enum {
    STORE_ID_SIZE = 33,         /* 32 lower-case hex digits and a NUL: accounts and zones */
    STORE_HOSTNAME_SIZE = 254,  /* the longest domain name and a NUL */
    STORE_TOKEN_SIZE = 44,      /* 32 random bytes in base64url and a NUL */
    STORE_TOKEN_NAME_MAX = 255, /* bytes */
    STORE_TOKENS_MAX = 10000,   /* valid at one time; `edge cert` makes one each time */
    STORE_ZONES_MAX = 1000,     /* a list that is written by hand */
};

struct store_account {
    char id[STORE_ID_SIZE];
    int64_t created_ms;
};

struct store_zone {
    char id[STORE_ID_SIZE];
    char account_id[STORE_ID_SIZE];
    char name[STORE_HOSTNAME_SIZE]; /* lower case, no final dot */
    int64_t created_ms;
};

/* The one account, made at the first call. OK or FAILED. */
enum store_result store_accounts_first(struct database *db, int64_t now_ms,
                                       struct store_account *account, struct error *err) MUST_CHECK;

/* A zone of an account. */
struct store_zone_new {
    const char *account_id;
    struct span name; /* lower case, no final dot */
    int64_t now_ms;
};

/* The zone of that name, made when it is new; its id stays the same from then on. OK, FAILED, or
 * EXISTS when it is another account's. */
enum store_result store_zones_put(struct database *db, const struct store_zone_new *what,
                                  struct store_zone *zone, struct error *err) MUST_CHECK;

/* The zone with that id. OK, NONE or FAILED. */
enum store_result store_zones_find(struct database *db, struct span id, struct store_zone *zone,
                                   struct error *err) MUST_CHECK;

/* The zone of an account with that name; data NULL: the one made first. OK, NONE or FAILED. */
enum store_result store_zones_choose(struct database *db, const char *account_id, struct span name,
                                     struct store_zone *zone, struct error *err) MUST_CHECK;

/* A new token for an account. */
struct store_token_new {
    const char *account_id;
    struct span name;   /* what people call it: "edge cert" */
    int64_t now_ms;     /* also removes what has expired by now */
    int64_t expires_ms; /* 0: never */
};

/* Makes a random token; its text is known only to the caller, who wipes it. OK or FAILED (LIMIT).
 */
enum store_result store_tokens_create(struct database *db, const struct store_token_new *what,
                                      char token[STORE_TOKEN_SIZE], struct error *err) MUST_CHECK;

/* Whose token is it? OK and the account, NONE when unknown or expired, FAILED. */
enum store_result store_tokens_check(struct database *db, struct span token, int64_t now_ms,
                                     struct store_account *account, struct error *err) MUST_CHECK;

#endif
