/* Attacks whatever listens, for benchmarks and for curiosity:
 *
 *     culvert-attack --list
 *     culvert-attack NAME ADDRESS:PORT [SECONDS [CONNECTIONS [AUTHORITY [tls]]]]
 *
 * An attacker that is cut off comes again. Prints one line of figures at the end: connections,
 * those that were cut off, GOAWAYs and resets heard, bytes that were sent. */
#include "support/attacker.h"
#include "support/attacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS_MAX = 1024, SECONDS_MAX = 24 * 3600 };

struct figures {
    uint64_t connections, cut_off, goaways, resets, answers, sent;
};

static void list_all(void)
{
    for (size_t i = 0; attacks_at(i); i++)
        printf("%-28s %s\n", attacks_at(i)->name,
               attacks_at(i)->limit ? attacks_at(i)->limit : "-");
}

static void add_up(struct figures *figures, struct attacker *attacker)
{
    figures->cut_off += attacker_is_ended(attacker) ? 1 : 0;
    figures->goaways += attacker->heard_goaway ? 1 : 0;
    figures->resets += attacker->resets;
    figures->answers += attacker->answers;
    figures->sent += conn_sent(attacker->conn);
    attacker_end(attacker);
}

static bool attack(const struct attack *attack, const struct attacker_options *options,
                   uint64_t seconds, uint64_t count)
{
    static struct attacker attackers[CONNECTIONS_MAX];
    static const struct loop_options loop_options = {0};
    struct figures figures = {0};
    struct loop *loop = loop_new(&loop_options, NULL);
    if (!loop)
        return false;
    for (size_t i = 0; i < count; i++)
        attacker_begin(&attackers[i], loop, attack, options);
    figures.connections = count;
    uint64_t end = loop_now_ms(loop) + seconds * 1000;
    while (loop_now_ms(loop) < end) {
        (void)loop_turn(loop, 10);
        for (size_t i = 0; i < count; i++) {
            attacker_say(&attackers[i]); /* those that drip, or wait for something */
            if (!attacker_is_ended(&attackers[i]))
                continue;
            add_up(&figures, &attackers[i]);
            (void)loop_turn(loop, 0);
            attacker_begin(&attackers[i], loop, attack, options);
            figures.connections++;
        }
    }
    for (size_t i = 0; i < count; i++)
        add_up(&figures, &attackers[i]);
    (void)loop_turn(loop, 0);
    loop_free(loop);
    printf("attack=%s connections=%llu cut_off=%llu goaways=%llu resets=%llu answers=%llu "
           "sent=%llu\n",
           attack->name, (unsigned long long)figures.connections,
           (unsigned long long)figures.cut_off, (unsigned long long)figures.goaways,
           (unsigned long long)figures.resets, (unsigned long long)figures.answers,
           (unsigned long long)figures.sent);
    return true;
}

static bool number(const char *text, uint64_t max, uint64_t *value)
{
    return !text || (span_to_u64(span_of(text), max, value) && *value > 0);
}

int main(int argc, char **argv)
{
    uint64_t seconds = 10;
    uint64_t count = 1;
    struct attacker_options options = {.authority = argc > 5 ? argv[5] : "app.localhost"};
    struct tls_client_options tls = {.no_verify = true, .http2_alpn = true};
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        list_all();
        return 0;
    }
    const struct attack *chosen = argc > 2 ? attacks_find(argv[1]) : NULL;
    if (!chosen || !ip_parse_with_port(span_of(argv[2]), &options.at) ||
        !number(argc > 3 ? argv[3] : NULL, SECONDS_MAX, &seconds) ||
        !number(argc > 4 ? argv[4] : NULL, CONNECTIONS_MAX, &count)) {
        (void)fprintf(stderr, "culvert-attack NAME ADDRESS:PORT [SECONDS [CONNECTIONS [AUTHORITY "
                              "[tls]]]]; --list names the attacks\n");
        return 2;
    }
    if (argc > 6 && strcmp(argv[6], "tls") == 0)
        options.tls = tls_client_new(&tls, NULL);
    bool ok = attack(chosen, &options, seconds, count);
    tls_context_unref(options.tls);
    return ok ? 0 : 1;
}
