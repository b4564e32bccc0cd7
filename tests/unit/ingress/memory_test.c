/* A configuration whose reading runs out of memory is not read, and is not blamed. */
#include "culvert/ingress/report.h"
#include "culvert/ingress/rules.h"
#include "harness.h"
#include "support/rules_text.h"
#include "support/scarce_memory.h"

enum { ALLOCATIONS_MAX = 10 * 1000 };

static const char text[] = "originRequest:\n"
                           "  connectTimeout: 10s\n"
                           "  httpHostHeader: here.example\n"
                           "ingress:\n"
                           "  - hostname: app.example.com\n"
                           "    path: ^/(a|b)/[0-9]+\n"
                           "    service: http://127.0.0.1:3000\n"
                           "    originRequest:\n"
                           "      noTLSVerify: true\n"
                           "  - hostname: '*.example.com'\n"
                           "    service: https://origin.example:8443\n"
                           "  - hostname: b\xc3\xbc"
                           "cher.example\n"
                           "    service: hello_world\n"
                           "  - service: http_status:404\n";

TEST(rules_are_read_or_memory_is_blamed)
{
    size_t n = 0;
    for (bool failed = true; failed && n < ALLOCATIONS_MAX; n++) {
        struct error err = {0};
        scarce_memory_begin(n);
        struct rules *rules = rules_of_text(text, NULL, &err);
        failed = scarce_memory_end();
        CHECK_CASE(rules || err.kind == ERROR_SYSTEM, "allocation %zu: %s", n, err.text);
        if (rules)
            CHECK_SIZE(rules_count(rules), 4);
        CHECK(rules || failed);
        rules_free(rules);
    }
    CHECK(n > 20 && n < ALLOCATIONS_MAX);
}

TEST(a_report_of_the_rules_is_whole_or_none)
{
    struct error err = {0};
    struct rules *rules = rules_of_text(text, NULL, &err);
    REQUIRE(rules != NULL);
    const struct warp_routing warp = warp_routing_default();
    struct buf whole = BUF_LIMIT(64 * 1024);
    struct doc *doc = report_for_edge(rules, &warp, NULL);
    CHECK(doc && doc_format(doc, DOC_COMPACT, &whole));
    doc_free(doc);
    size_t n = 0;
    for (bool failed = true; failed && n < ALLOCATIONS_MAX; n++) {
        struct buf out = BUF_LIMIT(64 * 1024);
        scarce_memory_begin(n);
        doc = report_for_edge(rules, &warp, NULL);
        bool written = doc && doc_format(doc, DOC_COMPACT, &out);
        failed = scarce_memory_end();
        CHECK_CASE(written || failed, "allocation %zu", n);
        if (written)
            CHECK_SPAN(buf_span(&out), buf_span(&whole));
        doc_free(doc);
        buf_release(&out);
    }
    CHECK(n > 20 && n < ALLOCATIONS_MAX);
    buf_release(&whole);
    rules_free(rules);
}
