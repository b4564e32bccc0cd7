/* A BIO that reads and writes through the socket seam, so that tests without a kernel socket and
 * tests of short writes reach TLS too. */
#include "conn_bio.h"
#include "culvert/base/error.h"

#include <errno.h>

static bool should_retry(void)
{
    return errno == EAGAIN || errno == EINTR || errno == ENOBUFS;
}

static int seam_write(BIO *bio, const char *data, size_t len, size_t *written)
{
    struct conn_bio *seam = BIO_get_data(bio);
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

static int seam_read(BIO *bio, char *to, size_t len, size_t *got)
{
    struct conn_bio *seam = BIO_get_data(bio);
    if (seam->cut && *seam->cut != CONN_CUT_NONE) {
        BIO_clear_retry_flags(bio);
        return 0;
    }
    ssize_t n = seam->sockets->read(seam->sockets, seam->fd, to, len);
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
}
