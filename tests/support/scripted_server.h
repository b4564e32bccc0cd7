/* An HTTP server on loopback that gives prepared answers in their order, one on each connection,
 * and keeps what it was asked. It has a thread of its own, for code that blocks. */
#ifndef CULVERT_TESTS_SUPPORT_SCRIPTED_SERVER_H
#define CULVERT_TESTS_SUPPORT_SCRIPTED_SERVER_H

#include "culvert/base/span.h"

struct scripted_server;

/* Answers: whole HTTP/1.1 responses, borrowed; NULL: none comes until the server is freed. Aborts
 * when it cannot listen. */
struct scripted_server *scripted_server_new(const char *const *answers, size_t count);
void scripted_server_free(struct scripted_server *server);

/* "http://127.0.0.1:<port>". */
const char *scripted_server_url(const struct scripted_server *server);

/* The request that got the answer `index`: head and body; "" when there was none. */
const char *scripted_server_request(struct scripted_server *server, size_t index);

/* How many requests came. */
size_t scripted_server_count(struct scripted_server *server);

#endif
