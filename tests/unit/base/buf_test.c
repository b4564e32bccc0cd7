#include "culvert/base/buf.h"

#include "harness.h"

TEST(a_buffer_takes_up_to_its_limit_and_nothing_of_what_does_not_fit)
{
    struct buf b = BUF_LIMIT(8);
    CHECK(buf_put_span(&b, SPAN("12345")));
    CHECK(!buf_put_span(&b, SPAN("6789")));
    CHECK_SPAN(buf_span(&b), SPAN("12345"));
    CHECK(buf_printf(&b, "%d", 678));
    CHECK_TEXT(buf_text(&b), "12345678");
    buf_drop(&b, 6);
    CHECK_TEXT(buf_text(&b), "78");
    buf_release(&b);
    CHECK_TEXT(buf_text(&b), "");
}
