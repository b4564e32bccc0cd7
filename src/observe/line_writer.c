/* poll(2) first, so that a descriptor that others left blocking does not block us: where it says
 * there is room, a line of a pipe's atomic size fits. */
#include "line_writer.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* How long the first line waits for a reader who is merely slow; those behind it do not wait. */
enum { PATIENCE_MS = 50 };

static bool has_room(const struct line_writer *writer)
{
    struct pollfd ready = {.fd = writer->fd, .events = POLLOUT};
    int n;
    do
        n = poll(&ready, 1, writer->stuck ? 0 : PATIENCE_MS);
    while (n == -1 && errno == EINTR);
    return n > 0 && (ready.revents & POLLOUT);
}

bool line_writer_put(struct line_writer *writer, struct span line)
{
    bool written = false;
    if (has_room(writer)) {
        ssize_t n;
        do
            n = write(writer->fd, line.data, line.len);
        while (n == -1 && errno == EINTR);
        /* Part of a line cannot be taken back: it counts as written. */
        written = n > 0;
    }
    writer->stuck = !written;
    if (!written)
        line_writer_drop(writer);
    return written;
}

void line_writer_drop(struct line_writer *writer)
{
    writer->dropped++;
    writer->untold++;
}

bool line_writer_report(struct line_writer *writer, struct log_line *report)
{
    if (writer->untold == 0)
        return false;
    *report = (struct log_line){"Log lines were dropped because nobody reads them",
                                LOG_INT("count", writer->untold)};
    writer->untold = 0;
    return true;
}
