/* See the header. */
#include "support/h2_attacks.h"

#include <stdlib.h>

/* ---- broken framing ---- */

static void send_garbage(struct attacker *attacker)
{
    const struct wire_frame frame = {WIRE_DATA, 0, 0, SPAN("of no stream")};
    wire_put(&attacker->out, &frame);
}

static const struct attack attacks[] = {
    {.name = "h2-garbage", .limit = "h2_protocol", .h2 = true, .begin = send_garbage},
};

const struct attack *h2_attacks(size_t *count)
{
    *count = sizeof attacks / sizeof *attacks;
    return attacks;
}
