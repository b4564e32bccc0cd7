#include "culvert/base/error.h"
#include "harness.h"

TEST(a_kept_error_says_the_same_after_the_first_is_gone)
{
    struct error first = {0};
    error_set(&first, ERROR_TIMEOUT, 7, "no answer");
    const struct error *kept = error_keep(&first);
    error_set(&first, ERROR_NETWORK, 0, "something else");
    CHECK(kept->kind == ERROR_TIMEOUT && kept->cause == 7);
    CHECK_TEXT(kept->text, "no answer");
    error_drop(kept);
    error_drop(NULL);
}
