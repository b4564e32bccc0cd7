/* A server for code that blocks. */
#include "scripted_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUESTS_MAX = 16, REQUEST_MAX = 8192, QUEUE = 8 };

struct scripted_server {
    const char *const *answers;
    size_t answer_count;
    int listener;
    int stop[2]; /* readable: the thread ends */
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    size_t count;
    char requests[REQUESTS_MAX][REQUEST_MAX];
};

/* False: the server is to stop. */
static bool wait_readable(const struct scripted_server *server, int fd)
{
    struct pollfd ready[] = {{server->stop[0], POLLIN, 0}, {fd, POLLIN, 0}};
    if (poll(ready, 2, -1) < 1)
        abort();
    return ready[0].revents == 0;
}

/* Is head and body there? */
static bool is_whole(const char *text)
{
    const char *end = strstr(text, "\r\n\r\n");
    const char *length = strcasestr(text, "\r\ncontent-length:");
    if (!end)
        return false;
    return !length || length > end || strlen(end + 4) >= strtoul(length + 17, NULL, 10);
}

static bool read_request(const struct scripted_server *server, int fd, char text[REQUEST_MAX])
{
    size_t len = 0;
    text[0] = '\0';
    while (!is_whole(text)) {
        if (!wait_readable(server, fd))
            return false;
        ssize_t n = read(fd, text + len, REQUEST_MAX - 1 - len);
        if (n <= 0)
            return true;
        len += (size_t)n;
        text[len] = '\0';
    }
    return true;
}

/* False: the server is to stop. */
static bool serve(struct scripted_server *server, int fd)
{
    char text[REQUEST_MAX];
    if (!read_request(server, fd, text))
        return false;
    pthread_mutex_lock(&server->lock);
    size_t index = server->count;
    if (index < REQUESTS_MAX)
        memcpy(server->requests[server->count++], text, sizeof text);
    pthread_mutex_unlock(&server->lock);
    const char *answer = index < server->answer_count ? server->answers[index] : "";
    if (!answer)
        return wait_readable(server, server->stop[0]);
    ssize_t sent = send(fd, answer, strlen(answer), MSG_NOSIGNAL);
    (void)sent; /* who does not want the answer may go */
    return true;
}

static void *run(void *arg)
{
    struct scripted_server *server = arg;
    bool going = true;
    while (going && wait_readable(server, server->listener)) {
        int fd = accept(server->listener, NULL, NULL);
        if (fd == -1)
            abort();
        going = serve(server, fd);
        close(fd);
    }
    return NULL;
}

static void listen_on_loopback(struct scripted_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (server->listener == -1 ||
        bind(server->listener, (struct sockaddr *)&address, sizeof address) == -1 ||
        listen(server->listener, QUEUE) == -1 ||
        getsockname(server->listener, (struct sockaddr *)&address, &len) == -1)
        abort();
    (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u",
                   (unsigned)ntohs(address.sin_port));
}

struct scripted_server *scripted_server_new(const char *const *answers, size_t count)
{
    struct scripted_server *server = calloc(1, sizeof *server);
    if (!server || pipe(server->stop) == -1)
        abort();
    server->answers = answers;
    server->answer_count = count;
    listen_on_loopback(server);
    if (pthread_mutex_init(&server->lock, NULL) != 0 ||
        pthread_create(&server->thread, NULL, run, server) != 0)
        abort();
    return server;
}

void scripted_server_free(struct scripted_server *server)
{
    if (write(server->stop[1], "x", 1) != 1)
        abort();
    pthread_join(server->thread, NULL);
    pthread_mutex_destroy(&server->lock);
    close(server->listener);
    close(server->stop[0]);
    close(server->stop[1]);
    free(server);
}

const char *scripted_server_url(const struct scripted_server *server)
{
    return server->url;
}

const char *scripted_server_request(struct scripted_server *server, size_t index)
{
    pthread_mutex_lock(&server->lock);
    const char *text = index < server->count ? server->requests[index] : "";
    pthread_mutex_unlock(&server->lock);
    return text;
}

size_t scripted_server_count(struct scripted_server *server)
{
    pthread_mutex_lock(&server->lock);
    size_t count = server->count;
    pthread_mutex_unlock(&server->lock);
    return count;
}
