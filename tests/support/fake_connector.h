/* A connector in the test's own loop that does what it is told: registers with what it is given,
 * answers by a script, and leaves in every way there is. The second party for what an edge does
 * when connectors are not kind. */
#ifndef CULVERT_TESTS_SUPPORT_FAKE_CONNECTOR_H
#define CULVERT_TESTS_SUPPORT_FAKE_CONNECTOR_H

#include "culvert/http/h2_session.h"
#include "culvert/rpc/registration_client.h"
#include "support/both_ends.h"
#include "support/rpc_faults.h"

enum { FAKE_CALLS_MAX = 64, FAKE_CALL_BYTES_MAX = 16 * 1024 * 1024 };

enum fake_reply_kind {
    FAKE_REPLY_WHOLE,   /* head, body, end */
    FAKE_REPLY_BEGUN,   /* head and body, no end */
    FAKE_REPLY_SILENCE, /* nothing; the test may say more later */
    FAKE_REPLY_RESET,   /* RST_STREAM INTERNAL_ERROR */
    FAKE_REPLY_REFUSED, /* RST_STREAM REFUSED_STREAM */
    FAKE_REPLY_HANG_UP, /* the connection ends behind what was said */
};

/* What a request gets as soon as its head is there. */
struct fake_reply {
    enum fake_reply_kind kind;
    int status;         /* 0: 200 */
    const char *meta;   /* who answered; NULL: the origin; "": the field is missing */
    const char *packed; /* the visitor's fields as they travel; NULL: packed from `fields` */
    const char *fields; /* "Name: value\nName: value"; NULL: none */
    const char *body;   /* NULL: none */
    int64_t length;     /* what the head says; 0: nothing */
    size_t crowd;       /* plain fields besides the two of the tunnel */
    bool informs;       /* says 100 before anything else */
    bool waits;         /* until the request's body is whole */
};

struct fake_call {
    struct fake_connector *fake;
    struct inbound *in; /* NULL: let go */
    const struct fake_reply *reply;
    struct request_head head; /* as it came */
    struct buf body;          /* what was taken of the request's */
    struct headers trailers;
    bool whole;    /* the request's body ended */
    bool replied;  /* the script was followed */
    bool answered; /* the whole answer left */
    bool aborted;  /* the edge cancelled it, or is gone */
    struct body out;
};

struct fake_connector_options {
    struct span account, secret;
    struct uuid tunnel_id, client_id;
    uint8_t index, attempts;
    bool replaces;                 /* asks to replace an equal connection */
    uint32_t streams_max;          /* that it announces; 0: 100 */
    bool mute;                     /* never registers */
    const struct rpc_fault *fault; /* said before it registers; NULL: none */
    bool holds_control;            /* leaves its control stream open whatever the edge says */
};

struct fake_connector {
    struct both_ends *ends;
    struct fake_connector_options options;
    const struct fake_reply *replies; /* one a request, the last for all further */
    size_t reply_count;
    bool leaves_bodies;         /* takes nothing of requests' bodies */
    struct h2_session *session; /* NULL: over */
    struct task hang_up;
    struct inbound *control;
    struct registration_client *rpc;
    struct body out; /* what it says on its control stream */
    uint64_t dialed_ms, over_ms;
    bool registered, refused, unregistered;
    bool control_ended; /* by the edge */
    bool leaving;       /* for a test's own use */
    bool heard_goaway;
    bool over; /* the edge ended the connection, or the test did */
    char cause[256];
    bool should_retry;
    int64_t retry_after_ns;
    struct uuid connection_id;
    struct fake_call calls[FAKE_CALLS_MAX];
    size_t call_count;
};

/* Credentials of tunnel 1 and a client id of its own. */
struct fake_connector_options fake_connector_of(const struct both_ends *ends, uint8_t index);

/* Dials the edge and registers; each request gets 200 until fake_connector_follow. */
void fake_connector_dial(struct fake_connector *fake, struct both_ends *ends,
                         const struct fake_connector_options *options);
void fake_connector_follow(struct fake_connector *fake, const struct fake_reply *replies,
                           size_t count);

/* Turns until the edge has said yes or no, or closed. Returns whether it said yes. */
bool fake_connector_is_taken(struct fake_connector *fake);
/* Turns until the edge has closed the connection. */
bool fake_connector_sees_end(struct fake_connector *fake);
/* Turns until `count` requests came, or the number is in vain. */
bool fake_connector_is_asked(struct fake_connector *fake, size_t count);

/* More of a call that is in hand. */
void fake_call_say(struct fake_call *call, const char *bytes);
void fake_call_end(struct fake_call *call);
void fake_call_reset(struct fake_call *call);

/* Says something odd on its control stream. */
void fake_connector_say(struct fake_connector *fake, const struct rpc_fault *fault);

/* Ways to leave. */
void fake_connector_unregister(struct fake_connector *fake);
void fake_connector_abort(struct fake_connector *fake);
void fake_connector_end_control(struct fake_connector *fake);
void fake_connector_goaway(struct fake_connector *fake);
void fake_connector_stop_reading(struct fake_connector *fake);
void fake_connector_hang_up(struct fake_connector *fake);

/* Hangs up and frees everything. */
void fake_connector_close(struct fake_connector *fake);

#endif
