/* Plays one recorded case of tests/vectors/origin: a raw edge asks, a connector serves by rules,
 * origins follow the case's script; what each side saw can then be compared. */
#ifndef CULVERT_TESTS_SUPPORT_ORIGIN_PLAY_H
#define CULVERT_TESTS_SUPPORT_ORIGIN_PLAY_H

#include "culvert/base/doc.h"
#include "culvert/connector/connector.h"
#include "support/fake_origin.h"
#include "support/place.h"
#include "support/raw_edge.h"
#include "support/tls_pair.h"
#include "support/turned_clock.h"

enum { PLAY_ORIGINS = 8, PLAY_NAMES_MAX = 8 };

/* The origins' certificates: made once, for they take longer than a case. */
struct play_certificates {
    struct tls_fixture self, ca;
    struct tls_identity *named, *local; /* of the CA: origin.test, app.example.com; localhost */
};
void play_certificates_make(struct play_certificates *certificates);
void play_certificates_release(struct play_certificates *certificates);

struct origin_play {
    const struct play_certificates *certificates;
    struct turned_clock clock;
    struct memory_sockets memory;
    struct loop *loop;
    struct log log;
    struct resolver *resolver;
    struct raw_edge edge;
    struct fake_origin origins[PLAY_ORIGINS];
    struct tls_context *contexts[PLAY_ORIGINS];
    char sni[256];                  /* of the last handshake of an origin */
    char names[PLAY_NAMES_MAX][64]; /* of the first handshakes */
    size_t handshakes;
    struct test_place place;
    struct fake_script script;
    struct buf texts[FAKE_STEPS_MAX]; /* of the script */
    struct credentials *credentials;
    struct snapshot *snapshot;
    struct connector_options options; /* the connector borrows them */
    struct connector *connector;
    uint64_t asked_ms;
    struct raw_answer *answer;
    uint64_t patience_ms; /* for an answer */
};

/* The world with the rules of `config`, a member of configs.json; `certificates` are borrowed.
 * Aborts when it cannot. */
void origin_play_open(struct origin_play *play, const struct play_certificates *certificates,
                      const char *config);

/* The same with the rules of a text, in which "{run}" is a directory, "{ca.pem}" a file in it with
 * the roots of the origins "ca" and "lo", "{run}/self.pem" one with those of "self". */
void origin_play_open_text(struct origin_play *play, const struct play_certificates *certificates,
                           struct span yaml);

/* Asks as the case says and lets turned time pass until all is over. */
void origin_play_run(struct origin_play *play, const struct doc *test);

/* A request by hand; what is NULL is not there. */
struct play_request {
    const char *method, *host, *path; /* NULL: GET and / */
    const char *field, *value;
    const char *body; /* of a length that is not told */
    bool stays_open;  /* bytes may follow: raw_edge_put */
};

/* Sends it, waits for nothing. The answer lives as long as the play. */
struct raw_answer *origin_play_send(struct origin_play *play, const struct play_request *request);

/* Turns until that answer is over, or the play's patience. */
void origin_play_await(struct origin_play *play, struct raw_answer *answer);

/* The value of a series of the connector's metrics; -1: there is none. */
double origin_play_metric(struct origin_play *play, const char *series);

/* The text of a case with its long middle grown again: "aaa...(1000 bytes)" is 1000 bytes. A head
 * that was shortened within a value gets its end again. */
void origin_play_grow(struct span text, struct buf *out);

/* Is `got` the recorded text, whose middle may be left out? */
bool origin_play_equal(struct span got, struct span recorded);

/* What an origin, named as in the cases, was asked; NULL: nobody of that name. */
struct fake_origin *origin_play_origin(struct origin_play *play, const char *name);

void origin_play_close(struct origin_play *play);

#endif
