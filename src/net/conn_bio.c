/* A BIO that reads and writes through the socket seam, so that tests without a kernel socket and
 * tests of short writes reach TLS too. */
#include "conn_bio.h"
#include "culvert/base/error.h"

#include <errno.h>

static bool should_retry(void)
{
    return errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
}

/* Into the buffer of a turn, or behind what waits: a session that answers while it reads must not
 * be told to try again. */
static bool keep(struct conn_bio *seam, const char *data, size_t len)
{
    if (!seam->gathered)
        return outqueue_put(&seam->rest, NULL, data, len);
    if (len > conn_bio_room(seam))
        return false;
    memcpy(seam->gathered + seam->gathered_len, data, len);
    seam->gathered_len += len;
    return true;
}

static int seam_write(BIO *bio, const char *data, size_t len, size_t *written)
{
    struct conn_bio *seam = BIO_get_data(bio);
    if (seam->gathered || seam->ahead || seam->rest.len > 0) {
        BIO_clear_retry_flags(bio);
        *written = len;
        errno = ENOMEM;
        return keep(seam, data, len);
    }
    /* writev takes its bytes as mutable, though it never writes to them. */
    struct iovec vector = {(void *)(uintptr_t)data, len};
    ssize_t n = seam->sockets->write(seam->sockets, seam->fd, &vector, 1);
    BIO_clear_retry_flags(bio);
    if (n >= 0) {
        seam->written += (size_t)n;
        *written = (size_t)n;
        return 1;
    }
    if (should_retry())
        BIO_set_retry_write(bio);
    return 0;
}

/* As a read, from what one read brought; there is only one in a turn. */
static ssize_t read_ahead(struct conn_bio *seam, char *to, size_t len)
{
    if (seam->ahead_at == seam->ahead_len && seam->asked) {
        errno = EAGAIN;
        return -1;
    }
    if (!seam->asked) {
        ssize_t n = seam->sockets->read(seam->sockets, seam->fd, seam->ahead, seam->ahead_size);
        if (n <= 0)
            return n;
        seam->asked = true;
        seam->ahead_len = (size_t)n;
    }
    if (len > seam->ahead_len - seam->ahead_at)
        len = seam->ahead_len - seam->ahead_at;
    memcpy(to, seam->ahead + seam->ahead_at, len);
    seam->ahead_at += len;
    return (ssize_t)len;
}

static int seam_read(BIO *bio, char *to, size_t len, size_t *got)
{
    struct conn_bio *seam = BIO_get_data(bio);
    if (seam->cut && *seam->cut != CONN_CUT_NONE) {
        BIO_clear_retry_flags(bio);
        return 0;
    }
    ssize_t n = seam->ahead ? read_ahead(seam, to, len)
                            : seam->sockets->read(seam->sockets, seam->fd, to, len);
    BIO_clear_retry_flags(bio);
    if (n > 0) {
        *got = (size_t)n;
        return 1;
    }
    if (n == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    else if (should_retry())
        BIO_set_retry_read(bio);
    return 0;
}

static long seam_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    if (command == BIO_CTRL_FLUSH)
        return 1;
    if (command == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return 0;
}

static int seam_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

/* The library asks for a method object; one a connection keeps it out of globals. */
static BIO_METHOD *new_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "culvert conn");
    if (!method)
        return NULL;
    if (BIO_meth_set_write_ex(method, seam_write) && BIO_meth_set_read_ex(method, seam_read) &&
        BIO_meth_set_ctrl(method, seam_ctrl) && BIO_meth_set_create(method, seam_create))
        return method;
    BIO_meth_free(method);
    return NULL;
}

BIO *conn_bio_new(struct conn_bio *seam, const struct sockets *sockets, int fd)
{
    seam->sockets = sockets;
    seam->fd = fd;
    seam->method = new_method();
    if (!seam->method)
        return NULL;
    BIO *bio = BIO_new(seam->method);
    if (bio)
        BIO_set_data(bio, seam);
    return bio;
}

void conn_bio_release(struct conn_bio *seam)
{
    BIO_meth_free(seam->method);
    seam->method = NULL;
    outqueue_release(&seam->rest, NULL);
}

void conn_bio_begin_reading(struct conn_bio *seam, unsigned char *buffer, size_t size)
{
    seam->ahead = buffer;
    seam->ahead_size = size;
    seam->ahead_at = seam->ahead_len = 0;
    seam->asked = false;
}

bool conn_bio_end_reading(struct conn_bio *seam)
{
    seam->ahead = NULL;
    return seam->ahead_len == seam->ahead_size;
}

void conn_bio_begin_writing(struct conn_bio *seam, unsigned char *buffer, size_t size)
{
    seam->gathered = buffer;
    seam->gathered_size = size;
    seam->gathered_len = 0;
}

size_t conn_bio_room(const struct conn_bio *seam)
{
    return seam->gathered_size - seam->gathered_len;
}

struct span conn_bio_end_writing(struct conn_bio *seam)
{
    struct span gathered = span_make(seam->gathered, seam->gathered_len);
    seam->gathered = NULL;
    return gathered;
}
