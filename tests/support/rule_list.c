/* Words, and lists of rules made of them. */
#include "support/rule_list.h"

#include <stdio.h>

/* xorshift64*: the same everywhere, unlike rand(). */
static uint64_t draw(uint64_t *seed, uint64_t below)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (*seed * UINT64_C(0x2545F4914F6CDD1D) >> 33) % below;
}

static const char *const labels[] = {
    "a", "b", "app", "b\303\274cher", "A", "xn--bcher-kva", "x-y", "\303\204", "1.2.3", ""};
static const char *const ends[] = {
    "example.com",           "example",     "Corp.Test", "stra\303\237e.example",
    "xn--strae-oqa.example", "example.com."};

static const char *word(const char *const *words, size_t count, uint64_t *seed)
{
    return words[draw(seed, count)];
}

/* Up to three labels and an end. */
static void write_name(char *out, size_t size, uint64_t *seed)
{
    size_t at = 0;
    out[0] = '\0';
    for (uint64_t i = draw(seed, 4); i > 0 && at < size; i--)
        at += (size_t)snprintf(out + at, size - at, "%s.", word(labels, ARRAY_LEN(labels), seed));
    if (at < size)
        (void)snprintf(out + at, size - at, "%s", word(ends, ARRAY_LEN(ends), seed));
}

void rule_list_host(char *out, size_t size, uint64_t *seed)
{
    size_t skipped = draw(seed, 8) == 0 ? 1 : 0; /* ".a.example.com" now and then */
    out[0] = '.';
    write_name(out + skipped, size - skipped, seed);
}

static const char *const paths[] = {"^/a", "^/a/b", "/admin", "\\\\.php$", "^/$", "(x|y)/z"};
static const char *const targets[] = {"/",       "/a",     "/a/b?q", "/x/admin/",
                                      "/i.php",  "/q/y/z", "/a%2Fb", "/%61dmin",
                                      "/s/../a", "/s/./b", "//a/b",  "/none/of/them"};

const char *rule_list_path(uint64_t *seed)
{
    return word(targets, ARRAY_LEN(targets), seed);
}

static bool write_rule(struct buf *out, size_t index, uint64_t *seed)
{
    char name[256];
    bool ok = buf_printf(out, "  - service: http://h:%zu\n", index % 40000 + 1);
    uint64_t kind = draw(seed, 10);
    bool has_path = kind == 0 || draw(seed, 3) == 0;
    write_name(name, sizeof name, seed);
    if (ok && kind > 0)
        ok = buf_printf(out, "    hostname: \"%s%s\"\n", kind < 4 ? "*." : "", name);
    if (ok && has_path)
        ok = buf_printf(out, "    path: \"%s\"\n", word(paths, ARRAY_LEN(paths), seed));
    return ok;
}

bool rule_list_write(struct buf *out, size_t count, uint64_t seed)
{
    bool ok = buf_put_span(out, SPAN("ingress:\n"));
    seed = seed * 2 + 1;
    for (size_t i = 0; ok && i < count; i++)
        ok = write_rule(out, i, &seed);
    return ok && buf_put_span(out, SPAN("  - service: http_status:404\n"));
}
