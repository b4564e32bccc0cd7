/* What a request to the REST interface asks for: method, path, query, bearer and body, taken apart
 * by tables. Pure: no I/O, no store, no clock. Answers are made by api_run. */
#ifndef CULVERT_EDGE_API_REQUEST_H
#define CULVERT_EDGE_API_REQUEST_H

#include "culvert/base/doc.h"
#include "culvert/store/tunnels.h"

enum {
    API_BODY_MAX = 64 * 1024, /* of a request; the longest has a name and a secret */
    API_BEARER_MAX = 1024,    /* of a token; ours have 43 characters */
    API_QUERY_MAX = 8 * 1024, /* of a query string */
    API_TEXT_MAX = 200,       /* of a sentence about what is wrong */
    API_PER_PAGE = 100,       /* tunnels in an answer, unless the caller asks for another number */
};

/* The number in an error: for programs. 10000 is what clients of the field know. */
enum api_code {
    API_CODE_INTERNAL = 1000,
    API_CODE_BAD_FIELD = 1001,
    API_CODE_BAD_QUERY = 1002,
    API_CODE_NO_TUNNEL = 1003,
    API_CODE_NO_ZONE = 1004,
    API_CODE_BUSY = 1005,
    API_CODE_LIMIT = 1006,
    API_CODE_NAME_TAKEN = 1013,
    API_CODE_CONNECTED = 1022,
    API_CODE_HAS_ROUTES = 1023,
    API_CODE_ROUTE_TAKEN = 1024,
    API_CODE_BAD_JSON = 6003,
    API_CODE_NO_PATH = 7003,
    API_CODE_AUTH = 10000,
};

struct api_refusal {
    int status; /* 0: nothing is wrong */
    enum api_code code;
    char text[API_TEXT_MAX];
};

enum api_action {
    API_NOTHING, /* no such path: the refusal is the answer */
    API_TUNNEL_CREATE,
    API_TUNNEL_LIST,
    API_TUNNEL_GET,
    API_TUNNEL_DELETE,
    API_TUNNEL_TOKEN,
    API_CONNECTIONS_LIST,
    API_CONNECTIONS_DROP,
    API_ROUTE_PUT,
};

/* A call with all its parameters in memory of its own, so that it may go to another thread. It
 * points into itself: not to be copied. */
struct api_call {
    enum api_action action;
    struct api_refusal refusal; /* told only to who has the right bearer */
    char bearer[API_BEARER_MAX + 1];
    char owner[STORE_ID_SIZE]; /* the account or zone of the path; "" when it cannot be one */
    struct uuid tunnel_id;     /* of the path */

    struct store_tunnel_filter filter; /* API_TUNNEL_LIST; without the account */
    struct uuid wanted_id;             /* what filter.id points to */
    bool cascade;                      /* API_TUNNEL_DELETE */
    bool has_client;                   /* API_CONNECTIONS_DROP: only of this client */
    struct uuid client_id;

    struct span name;     /* API_TUNNEL_CREATE */
    struct buf secret;    /* the same, decoded */
    struct span hostname; /* API_ROUTE_PUT: as the user wrote it */
    bool overwrite;

    /* What only the loop knows, put in before api_run: an object of tunnel id -> array of
     * connectors with "conns". NULL: nobody is connected. Owned. */
    struct doc *connections;

    struct buf query; /* what the spans of the filter point into */
    struct doc *body; /* what name and hostname point into */
};

struct api_request {
    struct span method;
    struct span target;        /* path and query, raw */
    struct span authorization; /* the field's value; "" when absent */
    struct span body;
};

/* Is this path one of the API, under "" or "/client/v4"? For sharing a listener with others. */
bool api_is_path(struct span target);

/* Fills `call` in every case; what is wrong with the request stands in its refusal. */
void api_call_parse(struct api_call *call, const struct api_request *request);
void api_call_release(struct api_call *call);

#endif
