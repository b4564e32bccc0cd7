/* An opener of bytes between a client played by hand, who speaks WebSocket or raw bytes, and
 * origins played by hand. */
#ifndef CULVERT_TESTS_SUPPORT_BYTE_SCENE_H
#define CULVERT_TESTS_SUPPORT_BYTE_SCENE_H

#include "culvert/net/resolver.h"
#include "culvert/origin/tcp_origin.h"
#include "support/heard_frames.h"
#include "support/turned_loop.h"

enum { BYTE_SCENE_ORIGINS_MAX = 4 };

struct byte_scene {
    struct turned_loop turned;
    struct resolver *resolver;
    struct tcp_origin *origin;
    struct request_head head; /* change it before byte_scene_ask */
    struct body request;
    struct outbound *out; /* NULL: not opened, or closed */
    struct body *answer;  /* NULL: none yet */
    int status;
    struct buf fields; /* of the answer, "name: value\n" */
    bool done, failed, half_closed;
    struct error why;
    bool is_raw;                /* the answer has no frames */
    struct heard_frames frames; /* what the client hears */
    struct raw_peer peers[BYTE_SCENE_ORIGINS_MAX];
    size_t peer_count;
};

/* The opener; its loop, resolver and budget are filled in. Names: "localhost" is 127.0.0.1,
 * "both.test" 10.0.0.1 and 127.0.0.1, "turned.test" 10.0.0.1; others are not known. */
void byte_scene_open(struct byte_scene *scene, const struct tcp_origin_options *options);
void byte_scene_close(struct byte_scene *scene);

/* Serves `at` by a peer for each connection. */
void byte_scene_serve(struct byte_scene *scene, const char *at);

/* Opens an outbound and settles. False: it failed at once, scene->why. */
bool byte_scene_ask(struct byte_scene *scene);

/* The client's raw bytes; a frame of its, masked; the end of its body. */
void byte_scene_say(struct byte_scene *scene, struct span bytes);
void byte_scene_frame(struct byte_scene *scene, enum ws_opcode opcode, struct span payload);
void byte_scene_end(struct byte_scene *scene);

/* What the client has heard so far: see heard_frames, or raw bytes; "[end]" for the end of the
 * answer's body. */
const char *byte_scene_hear(struct byte_scene *scene);

/* What the `index`th origin got so far. */
struct span byte_scene_got(struct byte_scene *scene, size_t index);

/* Lets go of the outbound. */
void byte_scene_let_go(struct byte_scene *scene);

#endif
