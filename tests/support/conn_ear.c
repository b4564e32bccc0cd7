/* See the header. */
#include "support/conn_ear.h"

#include <stdlib.h>
#include <string.h>

enum { HEARD_MAX = 64 * 1024 * 1024 };

static void note(struct conn_ear *ear, char letter)
{
    size_t len = strlen(ear->diary);
    if (len + 1 < sizeof ear->diary)
        ear->diary[len] = letter;
    if (ear->done)
        ear->after_close++;
}

static void act(struct conn_ear *ear, char letter)
{
    if (ear->act)
        ear->act(ear, letter);
}

static void on_open(void *arg)
{
    struct conn_ear *ear = arg;
    note(ear, 'o');
    ear->opened++;
    act(ear, 'o');
}

static size_t on_bytes(void *arg, const unsigned char *data, size_t len)
{
    struct conn_ear *ear = arg;
    size_t taken = ear->take_most > 0 && len > ear->take_most ? ear->take_most : len;
    note(ear, 'b');
    ear->calls++;
    if (!buf_put(&ear->got, data, taken))
        abort();
    act(ear, 'b');
    /* Whatever was done to the connection: the bytes are the caller's until we return. */
    if (taken > 0 && memcmp(ear->got.data + ear->got.len - taken, data, taken) != 0)
        abort();
    return taken;
}

static void on_end(void *arg)
{
    struct conn_ear *ear = arg;
    note(ear, 'e');
    ear->ended++;
    act(ear, 'e');
}

static void on_room(void *arg)
{
    struct conn_ear *ear = arg;
    note(ear, 'r');
    ear->rooms++;
    act(ear, 'r');
}

static void on_lost(void *arg, const struct error *why)
{
    struct conn_ear *ear = arg;
    note(ear, 'l');
    ear->lost++;
    ear->why = *why;
    act(ear, 'l');
}

const struct conn_events conn_ear_events = {on_open, on_bytes, on_end, on_room, on_lost};

void conn_ear_init(struct conn_ear *ear, struct conn *conn)
{
    *ear = (struct conn_ear){.conn = conn, .got = BUF_LIMIT(HEARD_MAX)};
}

void conn_ear_open(struct conn_ear *ear, struct loop *loop, int fd)
{
    conn_ear_init(ear, NULL);
    ear->conn = conn_new(loop, fd, &conn_ear_events, ear, NULL);
    if (!ear->conn)
        abort();
}

void conn_ear_release(struct conn_ear *ear)
{
    conn_close(ear->conn);
    ear->conn = NULL;
    buf_release(&ear->got);
}
