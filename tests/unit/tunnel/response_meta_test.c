#include "culvert/tunnel/response_meta.h"

#include "harness.h"

TEST(what_is_written_is_read_back)
{
    static const enum response_source sources[] = {RESPONSE_FROM_ORIGIN, RESPONSE_FROM_CONNECTOR,
                                                   RESPONSE_FLOW_LIMITED, RESPONSE_TIMED_OUT};
    for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
        enum response_source source = RESPONSE_FROM_ORIGIN;
        CHECK(response_meta_parse(response_meta_text(sources[i]), &source));
        CHECK_CASE(source == sources[i], "source %zu", i);
    }
    CHECK_SPAN(response_meta_text(RESPONSE_FROM_ORIGIN), SPAN("{\"src\":\"origin\"}"));
    CHECK_SPAN(response_meta_text(RESPONSE_FROM_CONNECTOR), SPAN("{\"src\":\"cloudflared\"}"));
    CHECK_SPAN(response_meta_text(RESPONSE_FLOW_LIMITED),
               SPAN("{\"src\":\"cloudflared\",\"flow_rate_limited\":true}"));
}

TEST(other_spellings_of_the_value_are_read_and_other_values_refused)
{
    static const struct {
        const char *text;
        bool ok;
        enum response_source source;
        const char *why;
    } cases[] = {
        {" { \"src\" : \"origin\" } ", true, RESPONSE_FROM_ORIGIN, "white space"},
        {"{\"src\":\"origin\",\"new\":[1]}", true, RESPONSE_FROM_ORIGIN, "an unknown member"},
        {"{\"flow_rate_limited\":true,\"src\":\"cloudflared\"}", true, RESPONSE_FLOW_LIMITED,
         "another order"},
        {"{\"src\":\"cloudflared\",\"flow_rate_limited\":false}", true, RESPONSE_FROM_CONNECTOR,
         "not limited"},
        {"{\"src\":\"cloudflared\",\"timed_out\":true}", true, RESPONSE_TIMED_OUT, "too late"},
        {"{\"src\":\"cloudflared\",\"timed_out\":1}", false, RESPONSE_FROM_ORIGIN, "no truth"},
        {"{\"src\":\"Origin\"}", false, RESPONSE_FROM_ORIGIN, "other case"},
        {"{\"src\":1}", false, RESPONSE_FROM_ORIGIN, "a number"},
        {"{}", false, RESPONSE_FROM_ORIGIN, "no source"},
        {"[]", false, RESPONSE_FROM_ORIGIN, "no object"},
        {"", false, RESPONSE_FROM_ORIGIN, "empty"},
        {"{\"src\":\"origin\"", false, RESPONSE_FROM_ORIGIN, "cut short"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum response_source source = RESPONSE_FROM_ORIGIN;
        bool ok = response_meta_parse(span_of(cases[i].text), &source);
        CHECK_CASE(ok == cases[i].ok && (!ok || source == cases[i].source), "%s", cases[i].why);
    }
}
