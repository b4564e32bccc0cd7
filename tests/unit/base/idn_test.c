#include "culvert/base/idn.h"

#include "harness.h"

TEST(names_become_a_labels_or_are_refused)
{
    static const struct {
        struct span name;
        const char *ascii; /* NULL: refused */
        const char *why;
    } cases[] = {
        {SPAN_INIT("b\xC3\xBC"
                   "cher.example"),
         "xn--bcher-kva.example", "a letter beyond ASCII"},
        {SPAN_INIT("B\xC3\x9C"
                   "CHER.example"),
         "xn--bcher-kva.example", "upper case is mapped"},
        {SPAN_INIT("stra\xC3\x9F"
                   "e.example"),
         "xn--strae-oqa.example", "non-transitional"},
        {SPAN_INIT("\xE2\x98\x95.example"), "xn--53h.example", "a picture"},
        {SPAN_INIT("I\xE2\x9D\xA4.ws"), "xn--i-7iq.ws", "a letter and a picture"},
        {SPAN_INIT("i\xE2\x9D\xA4\xEF\xB8\x8F.ws"), "xn--i-7iq.ws",
         "how it is drawn does not count"},
        {SPAN_INIT("\xF0\x9F\x98\x80.b\xC3\xBC.example."), "xn--e28h.xn--b-eha.example.",
         "beside other labels"},
        {SPAN_INIT("-\xE2\x98\x95.example"), NULL, "a hyphen at the edge of a picture"},
        {SPAN_INIT("_\xE2\x98\x95.example"), NULL, "an underscore beside a picture"},
        {SPAN_INIT("\xE2\x98\x95.-a"), NULL, "a bad label behind a picture"},
        {SPAN_INIT("A.Example.COM"), "a.example.com", "ASCII in upper case"},
        {SPAN_INIT("a.example.com."), "a.example.com.", "a dot at the end stays"},
        {SPAN_INIT("xn--bcher-kva.example"), "xn--bcher-kva.example", "an A-label"},
        {SPAN_INIT("xn--a.example"), NULL, "an A-label that says nothing"},
        {SPAN_INIT("_a.example.com"), NULL, "an underscore, which must not vanish"},
        {SPAN_INIT("*.example.com"), NULL, "a star, which must not vanish"},
        {SPAN_INIT("a b.example"), NULL, "a blank, which must not vanish"},
        {SPAN_INIT("-a.x"), NULL, "a hyphen at the edge"},
        {SPAN_INIT("ab--c.x"), NULL, "hyphens at the third and fourth place"},
        {SPAN_INIT("a\0b"), NULL, "a NUL"},
        {SPAN_INIT("\xFF.example"), NULL, "no UTF-8"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_LIMIT(256);
        struct error err = {0};
        bool ok = idn_to_ascii(cases[i].name, &out, &err);
        CHECK_CASE(ok == (cases[i].ascii != NULL), "%s: %s", cases[i].why, err.text);
        if (ok && cases[i].ascii)
            CHECK_TEXT(buf_text(&out), cases[i].ascii);
        else
            CHECK_SIZE(out.len, 0);
        buf_release(&out);
    }
}

TEST(a_name_longer_than_the_bound_is_refused)
{
    char name[IDN_NAME_MAX + 1];
    memset(name, 'a', sizeof name);
    struct buf out = BUF_LIMIT(4096);
    CHECK(!idn_to_ascii(span_make(name, sizeof name), &out, NULL));
    buf_release(&out);
}
