#include "culvert/http/body.h"

#include "harness.h"

static bool begins_with_x(struct header field, void *arg)
{
    (void)arg;
    return span_starts(field.name, SPAN("x"));
}

TEST(trailers_that_may_stay_become_the_bodys)
{
    static const struct {
        const char *name;
        bool plain, owner; /* stays without, and with an owner who does not want names with x */
    } cases[] = {
        {"grpc-status", true, true},
        {"server-timing", true, true},
        {"x-sum", true, false},
        {"authorization", false, false},
        {"Content-Length", false, false},
        {"cookie", false, false},
        {"transfer-encoding", false, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct body body = {0};
        struct headers came = {0};
        for (int with_owner = 0; with_owner < 2; with_owner++) {
            bool stays = with_owner ? cases[i].owner : cases[i].plain;
            body.unwanted = with_owner ? begins_with_x : NULL;
            CHECK(headers_add(&came, span_of(cases[i].name), SPAN("v"), NULL));
            body_take_trailers(&body, &came);
            CHECK_CASE(body.trailers.count == (stays ? 1 : 0), "%s, owner %d", cases[i].name,
                       with_owner);
            CHECK_SIZE(came.count, 0);
        }
        headers_release(&body.trailers);
        headers_release(&came);
    }
}
