/* What choosing a rule costs: bench-rules [RULES], 1,000 if not given. One line for each way in
 * which a host is named: the time of rules_match, and beside it of a walk over the rules, which is
 * what others do. */
#include "culvert/ingress/rules.h"
#include "culvert/base/idn.h"
#include "culvert/base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ASKED = 1 << 10, ROUNDS = 7, TEXT_LIMIT = 64 * 1024 * 1024, NAME_SIZE = 64 };

static const struct {
    const char *name, *rule, *host, *target;
    const char *path; /* NULL: none */
} ways[] = {
    {"exact name", "app%zu.example.com", "app%zu.example.com", "/index.html", NULL},
    {"exact name, others look at the path", "app%zu.example.com", "app%zu.example.com",
     "/index.html", "^/admin"},
    {"wildcard", "*.app%zu.example.com", "www.app%zu.example.com", "/index.html", NULL},
    {"wildcard, four labels below", "*.app%zu.example.com", "a.b.c.d.app%zu.example.com",
     "/index.html", NULL},
    {"name in A-labels", "b\303\274cher%zu.example", "b\303\274cher%zu.example", "/index.html",
     NULL},
    {"no rule: the last one", "app%zu.example.com", "none%zu.example.org", "/index.html", NULL},
};

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A rule with `path` stands in front: it makes every request be looked at for its path. */
static struct rules *make(size_t way, size_t count)
{
    struct buf text = BUF_LIMIT(TEXT_LIMIT);
    struct error err = {0};
    bool ok = buf_put_span(&text, SPAN("ingress:\n"));
    if (ok && ways[way].path)
        ok = buf_printf(&text, "  - {hostname: other.example, path: %s, service: 'http://h:1'}\n",
                        ways[way].path);
    for (size_t i = 0; ok && i < count; i++) {
        char name[NAME_SIZE];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(name, sizeof name, ways[way].rule, i);
#pragma GCC diagnostic pop
        ok = buf_printf(&text, "  - {hostname: '%s', service: 'http://h:1'}\n", name);
    }
    ok = ok && buf_put_span(&text, SPAN("  - service: http_status:404\n"));
    struct yml *file = ok ? yml_parse(buf_span(&text), "config.yml", &err) : NULL;
    struct ingress_spec *spec =
        file ? ingress_spec_read(value_of_yml(yml_root(file)), NULL, &err) : NULL;
    struct rules *rules = spec ? rules_new(spec, NULL, &err) : NULL;
    if (!rules)
        fprintf(stderr, "%s\n", err.text);
    ingress_spec_free(spec);
    yml_free(file);
    buf_release(&text);
    return rules;
}

static size_t walk(const struct rules *rules, struct span authority, struct span path)
{
    char text[HOST_MAX];
    struct span host = span_make(text, host_normalise(authority, text));
    for (size_t i = 0; i + 1 < rules_count(rules); i++) {
        const struct rule *rule = rules_at(rules, i);
        if (host_pattern_matches(rule->host_pattern, host) &&
            (!rule->path_pattern || path_pattern_match(rule->path_pattern, path) == PATH_MATCHES))
            return i;
    }
    return rules_count(rules) - 1;
}

static size_t choose(const struct rules *rules, struct span host, struct span path)
{
    struct rules_verdict verdict;
    if (!rules_match(rules, host, path, &verdict))
        abort();
    return verdict.index;
}

static int compare(const void *a, const void *b)
{
    const double *left = a;
    const double *right = b;
    return (*left > *right) - (*left < *right);
}

/* Nanoseconds for one choice: the median round. */
static double measure(const struct rules *rules, char (*hosts)[NAME_SIZE], const char *path,
                      size_t (*find)(const struct rules *, struct span, struct span), size_t times)
{
    double rounds[ROUNDS];
    size_t sum = 0;
    for (size_t r = 0; r < ROUNDS; r++) {
        double begin = now();
        for (size_t n = 0; n < times; n++)
            for (size_t i = 0; i < ASKED; i++)
                sum += find(rules, span_of(hosts[i]), span_of(path));
        rounds[r] = (now() - begin) / (double)(ASKED * times);
    }
    if (sum == 1) /* so that the choices are made */
        puts("");
    qsort(rounds, ROUNDS, sizeof rounds[0], compare);
    return rounds[ROUNDS / 2];
}

/* As visitors send it. */
static void write_host(size_t way, size_t number, char host[NAME_SIZE])
{
    struct buf ascii = BUF_LIMIT(NAME_SIZE - 1);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(host, NAME_SIZE, ways[way].host, number);
#pragma GCC diagnostic pop
    if (idn_to_ascii(span_of(host), &ascii, NULL))
        span_copy(buf_span(&ascii), host, NAME_SIZE);
    buf_release(&ascii);
}

int main(int argc, char **argv)
{
    static char hosts[ASKED][NAME_SIZE];
    size_t count = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 1000;
    printf("| %zu rules, host named by | hash, ns | walk, ns |\n|---|---|---|\n", count);
    for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
        struct rules *rules = make(way, count);
        if (!rules)
            return 1;
        for (size_t i = 0; i < ASKED; i++)
            write_host(way, (size_t)random_below(count), hosts[i]);
        printf("| %s | %.0f | %.0f |\n", ways[way].name,
               measure(rules, hosts, ways[way].target, choose, 100),
               measure(rules, hosts, ways[way].target, walk, 1));
        rules_free(rules);
    }
    return 0;
}
