/* Distance between two network namespaces: a tun device in each, every packet that enters one
 * leaves the other later. For kernels without netem. Needs root.
 *
 *   bench-relay [--delay-ms N] [--rate-mbit N] [--queue BYTES] [--loss-permille N] DEVICE NS-A NS-B
 *
 * A packet waits for its turn on the line (only with --rate-mbit), then --delay-ms. At most --queue
 * bytes wait in each direction; what comes on top is lost. Says "ready" when both devices are
 * there: their addresses are given by who started it. */
#include "culvert/base/span.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { PACKET_MAX = 64 * 1024, READS_PER_TURN = 256, NS_PER_MS = 1000 * 1000 };

struct packet {
    struct packet *next;
    uint64_t due_ns;
    size_t len;
    unsigned char bytes[];
};

/* One way: in order, since all wait for the same time. */
struct way {
    int from, to;
    struct packet *first, **last;
    uint64_t free_ns; /* when the line has sent what came so far */
    size_t queued;
    uint64_t packets, lost;
};

struct relay {
    uint64_t delay_ns, queue, rate_mbit, loss_permille;
    uint64_t chance; /* state of the generator that --loss-permille asks */
    const char *device;
    struct way ways[2];
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static uint64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

/* xorshift: the same losses in each run. */
static bool is_unlucky(struct relay *relay)
{
    relay->chance ^= relay->chance << 13;
    relay->chance ^= relay->chance >> 7;
    relay->chance ^= relay->chance << 17;
    return relay->chance % 1000 < relay->loss_permille;
}

static void enqueue(struct relay *relay, struct way *way, const void *bytes, size_t len)
{
    uint64_t now = now_ns();
    way->packets++;
    struct packet *packet = way->queued + len <= relay->queue && !is_unlucky(relay)
                                ? malloc(sizeof *packet + len)
                                : NULL;
    if (!packet) {
        way->lost++;
        return;
    }
    if (way->free_ns < now)
        way->free_ns = now;
    if (relay->rate_mbit > 0)
        way->free_ns += len * 8 * 1000 / relay->rate_mbit;
    packet->due_ns = way->free_ns + relay->delay_ns;
    packet->next = NULL;
    packet->len = len;
    memcpy(packet->bytes, bytes, len);
    way->queued += len;
    *way->last = packet;
    way->last = &packet->next;
}

static void take_in(struct relay *relay, struct way *way)
{
    static unsigned char bytes[PACKET_MAX];
    for (int i = 0; i < READS_PER_TURN; i++) {
        ssize_t n = read(way->from, bytes, sizeof bytes);
        if (n <= 0)
            return;
        enqueue(relay, way, bytes, (size_t)n);
    }
}

static void let_out(struct way *way, uint64_t now)
{
    while (way->first && way->first->due_ns <= now) {
        struct packet *packet = way->first;
        if (write(way->to, packet->bytes, packet->len) == -1)
            way->lost++;
        way->queued -= packet->len;
        way->first = packet->next;
        if (!way->first)
            way->last = &way->first;
        free(packet);
    }
}

static void wait(struct relay *relay)
{
    struct pollfd fds[2];
    uint64_t now = now_ns();
    uint64_t due = now + 100 * NS_PER_MS;
    for (int i = 0; i < 2; i++) {
        struct way *way = &relay->ways[i];
        fds[i] = (struct pollfd){.fd = way->from, .events = POLLIN};
        if (way->first && way->first->due_ns < due)
            due = way->first->due_ns > now ? way->first->due_ns : now;
    }
    const struct timespec patience = {.tv_nsec = (long)(due - now)};
    (void)ppoll(fds, 2, &patience, NULL);
}

static void run(struct relay *relay)
{
    while (!stopped) {
        wait(relay);
        for (int i = 0; i < 2; i++) {
            take_in(relay, &relay->ways[i]);
            let_out(&relay->ways[i], now_ns());
        }
    }
    for (int i = 0; i < 2; i++)
        (void)fprintf(stderr, "way %d: %llu packets, %llu lost\n", i,
                      (unsigned long long)relay->ways[i].packets,
                      (unsigned long long)relay->ways[i].lost);
}

/* Enters the namespace, in which the process then stays: a device belongs to where it was made. */
static int open_tun(const char *namespace, const char *device, struct error *err)
{
    char path[256];
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    (void)snprintf(path, sizeof path, "/run/netns/%s", namespace);
    int space = open(path, O_RDONLY | O_CLOEXEC);
    if (space == -1 || setns(space, CLONE_NEWNET) == -1) {
        error_errno(err, "enter %s", path);
        return -1;
    }
    (void)close(space);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    span_copy(span_of(device), request.ifr_name, sizeof request.ifr_name);
    if (fd == -1 || ioctl(fd, TUNSETIFF, &request) == -1) {
        error_errno(err, "make %s in %s", device, namespace);
        return -1;
    }
    return fd;
}

static bool read_option(struct relay *relay, int name, const char *text)
{
    uint64_t value;
    if (!text || !span_to_u64(span_of(text), UINT32_MAX, &value))
        return false;
    switch (name) {
    case 'd':
        relay->delay_ns = value * NS_PER_MS;
        return true;
    case 'r':
        relay->rate_mbit = value;
        return true;
    case 'q':
        relay->queue = value;
        return true;
    case 'l':
        relay->loss_permille = value;
        return true;
    default:
        return false;
    }
}

static bool read_options(struct relay *relay, int argc, char **argv)
{
    static const struct option options[] = {
        {"delay-ms", required_argument, NULL, 'd'},
        {"rate-mbit", required_argument, NULL, 'r'},
        {"queue", required_argument, NULL, 'q'},
        {"loss-permille", required_argument, NULL, 'l'},
        {NULL, 0, NULL, 0},
    };
    int name;
    while ((name = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!read_option(relay, name, optarg))
            return false;
    return argc - optind == 3;
}

static bool open_both(struct relay *relay, char **names, struct error *err)
{
    int a = open_tun(names[1], names[0], err);
    int b = a == -1 ? -1 : open_tun(names[2], names[0], err);
    if (b == -1)
        return false;
    relay->ways[0] = (struct way){.from = a, .to = b, .last = &relay->ways[0].first};
    relay->ways[1] = (struct way){.from = b, .to = a, .last = &relay->ways[1].first};
    return true;
}

int main(int argc, char **argv)
{
    struct error err;
    struct relay relay = {.delay_ns = 50 * (uint64_t)NS_PER_MS,
                          .queue = 64 * 1024 * 1024,
                          .chance = 88172645463325252};
    if (!read_options(&relay, argc, argv)) {
        (void)fprintf(stderr, "usage: bench-relay [--delay-ms N] [--rate-mbit N] [--queue BYTES] "
                              "[--loss-permille N] DEVICE NS-A NS-B\n");
        return 2;
    }
    if (!open_both(&relay, argv + optind, &err)) {
        (void)fprintf(stderr, "bench-relay: %s\n", err.text);
        return 1;
    }
    (void)signal(SIGTERM, stop);
    (void)signal(SIGINT, stop);
    (void)puts("ready");
    (void)fflush(stdout);
    run(&relay);
    return 0;
}
