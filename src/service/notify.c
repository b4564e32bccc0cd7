/* One datagram to systemd, one small file. */
#include "culvert/service/notify.h"

#include "culvert/base/file.h"

#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void notify_send(const char *path, const char *state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return;
    const void *address = &to;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    (void)close(fd);
}

bool pid_file_write(const char *path, struct error *err)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%ld", (long)getpid());
    return file_replace(path, span_of(text), 0644, err) ? true : error_wrap(err, "pid file");
}

void process_end_by_signal(int signal_number)
{
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    (void)sigaction(signal_number, &usual, NULL);
    (void)raise(signal_number);
}
