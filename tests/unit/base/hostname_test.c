#include "culvert/base/hostname.h"

#include "harness.h"

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

TEST(names_come_to_one_form)
{
    static const char *const cases[][2] = {
        {"app.example.com", "app.example.com"},
        {"App.EXAMPLE.com.", "app.example.com"},
        {"app", "app"},
        {"*.example.com", "*.example.com"},
        {"*", "*"},
        {"_dmarc.a-b.example", "_dmarc.a-b.example"},
        {"12.34", "12.34"},
        {"b\xc3\xbc"
         "cher.example",
         "xn--bcher-kva.example"},
        {"*.B\xc3\x9c"
         "CHER.example",
         "*.xn--bcher-kva.example"},
        {"XN--bcher-kva.example", "xn--bcher-kva.example"},
        {L63 "." L63 "." L63 "." L63, NULL},
        {L63 "." L63 "." L63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         L63 "." L63 "." L63 ".aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(300);
        struct error err = {0};
        bool ok = hostname_read(span_of(cases[i][0]), &out, &err);
        CHECK_CASE(ok == (cases[i][1] != NULL), "%s: %s", cases[i][0], err.text);
        CHECK_TEXT(buf_text(&out), cases[i][1] ? cases[i][1] : "");
        buf_release(&out);
    }
}

TEST(what_is_no_host_name_is_refused_with_its_reason)
{
    static const char *const cases[][2] = {
        {"", "it is empty"},
        {".", "it is empty"},
        {"a..b", "a label is empty"},
        {".a", "a label is empty"},
        {"a.b..", "a label is empty"},
        {"a.*.example.com", "* may only be the first label"},
        {"a*.example.com", "* may only be a label of its own"},
        {"-a.example", "a label begins or ends with -"},
        {"a-.example", "a label begins or ends with -"},
        {"ab--c.example", "a label has -- at its places 3 and 4"},
        {"a" L63 ".example", "a label is longer than 63 bytes"},
        {"a b.example", "only letters"},
        {"a/b", "only letters"},
        {"a:80", "only letters"},
        {"[::1]", "only letters"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(300);
        struct error err = {0};
        CHECK_CASE(!hostname_read(span_of(cases[i][0]), &out, &err), "%s", cases[i][0]);
        CHECK_CASE(err.kind == ERROR_INVALID && strstr(err.text, cases[i][1]), "%s: %s",
                   cases[i][0], err.text);
        CHECK_CASE(strstr(err.text, "is not a valid hostname: ") != NULL, "%s", err.text);
        CHECK_SIZE(out.len, 0);
        buf_release(&out);
    }
}
