/* The corridor between fakes: every order of events ends it once and closes each side once. */
#include "culvert/proxy/exchange.h"
#include "harness.h"
#include "support/scarce_memory.h"
#include "support/turned_loop.h"

#include <stdlib.h>

/* What the two sides do, one letter each:
 *   i  an interim answer comes          a  the inbound has sent the whole answer
 *   H  an answer's head, a body follows x  the inbound was aborted
 *   N  an answer's head, no body        c  the exchange is cut from outside
 *   D  the outbound is done             .  the loop turns
 *   F  the outbound failed              5  half a second passes
 *   U  101, bytes go both ways          w  as long passes as nothing may move
 *   Z  one direction of it ended        q  the same but for a second
 *   E  the visitor's direction ended    m  a byte comes and goes
 *   t  the answer's bytes are taken
 * and what the exchange did, in order:
 *   u  told the outbound of the upgrade
 *   i  informed   h  answered the inbound   f  asked the hooks to answer   r  reset the inbound
 *   o  closed the outbound   n  closed the inbound   e  ended */
struct stage {
    struct turned_loop turned;
    struct opener opener;
    struct inbound in;
    struct outbound out;
    struct body request, answer;
    struct exchange *exchange;
    struct exchange_report report;
    char did[64];
    bool in_closed, out_closed, out_open, in_reset;
    bool opens_not;     /* the opener fails at once */
    bool adapts_not;    /* the hooks refuse the answer's head */
    bool refuses_first; /* the inbound cannot write the first head */
    bool fails_mute;    /* the hooks reset instead of answering */
    size_t wrong;       /* calls that must not have come */
};

static void did(struct stage *stage, char letter)
{
    size_t len = strlen(stage->did);
    if (len + 1 < sizeof stage->did)
        stage->did[len] = letter;
}

/* ---- the fakes ---- */

static struct stage *stage_of_in(struct inbound *in)
{
    return CONTAINER_OF(in, struct stage, in);
}

static bool in_answer(struct inbound *in, const struct response_head *head, struct body *body,
                      struct error *err)
{
    struct stage *stage = stage_of_in(in);
    (void)head;
    (void)body;
    stage->wrong += stage->in_closed || stage->in_reset;
    if (stage->refuses_first) {
        stage->refuses_first = false;
        return error_set(err, ERROR_INVALID, 0, "it cannot be written");
    }
    did(stage, 'h');
    return true;
}

static void in_inform(struct inbound *in, const struct response_head *head)
{
    (void)head;
    stage_of_in(in)->wrong += stage_of_in(in)->in_closed;
    did(stage_of_in(in), 'i');
}

static void in_reset(struct inbound *in, const struct error *why)
{
    (void)why;
    stage_of_in(in)->wrong += stage_of_in(in)->in_closed;
    stage_of_in(in)->in_reset = true;
    did(stage_of_in(in), 'r');
}

static void in_close(struct inbound *in)
{
    struct stage *stage = stage_of_in(in);
    stage->wrong += stage->in_closed;
    stage->in_closed = true;
    did(stage, 'n');
}

static const struct inbound_ops in_ops = {in_answer, in_inform, in_reset, in_close};

static void out_close(struct outbound *out)
{
    struct stage *stage = CONTAINER_OF(out, struct stage, out);
    stage->wrong += stage->out_closed;
    stage->out_closed = true;
    did(stage, 'o');
}

static void out_upgraded(struct outbound *out)
{
    struct stage *stage = CONTAINER_OF(out, struct stage, out);
    stage->wrong += stage->out_closed;
    did(stage, 'u');
}

static const struct outbound_ops out_ops = {out_close, out_upgraded};

static struct outbound *fake_open(struct opener *opener, const struct request_head *head,
                                  struct body *body, const struct outbound_events *events,
                                  void *arg, struct error *err)
{
    struct stage *stage = CONTAINER_OF(opener, struct stage, opener);
    (void)head;
    stage->wrong += body != &stage->request;
    if (stage->opens_not) {
        error_set(err, ERROR_NETWORK, 0, "it cannot be opened");
        return NULL;
    }
    stage->out = (struct outbound){&out_ops, events, arg};
    stage->out_open = true;
    return &stage->out;
}

static const struct opener_ops opener_ops = {fake_open};

/* ---- the hooks ---- */

static bool adapt(void *arg, struct response_head *head, struct error *err)
{
    struct stage *stage = arg;
    if (stage->adapts_not)
        return error_set(err, ERROR_PROTOCOL, 0, "it does not fit");
    return headers_add(&head->fields, SPAN("x-adapted"), SPAN("1"), err);
}

static int fail(void *arg, struct inbound *in, const struct error *why)
{
    struct stage *stage = arg;
    struct response_head head;
    CHECK(why->kind != ERROR_NONE);
    did(stage, 'f');
    if (stage->fails_mute) {
        inbound_reset(in, why);
        return 0;
    }
    response_head_init(&head);
    head.status = 502;
    head.ends_here = true;
    CHECK(inbound_answer(in, &head, NULL, NULL));
    response_head_release(&head);
    return 502;
}

static void ended(void *arg, const struct exchange_report *report)
{
    struct stage *stage = arg;
    stage->report = *report;
    stage->exchange = NULL;
    did(stage, 'e');
}

static const struct exchange_hooks hooks = {adapt, fail, ended};

/* ---- the play ---- */

static void answer(struct stage *stage, int status, bool has_body)
{
    struct response_head head;
    response_head_init(&head);
    head.status = status;
    head.ends_here = !has_body;
    if (status < 200 && status != 101)
        stage->out.events->on_inform(stage->out.arg, &head);
    else
        stage->out.events->on_answer(stage->out.arg, &head, has_body ? &stage->answer : NULL);
    response_head_release(&head);
}

/* Time and bytes; false: the letter is not of these. */
static bool step_quietly(struct stage *stage, char letter)
{
    char byte;
    if (letter == '.')
        turned_loop_settle(&stage->turned);
    else if (letter == '5')
        turned_loop_pass(&stage->turned, 500);
    else if (letter == 'w')
        turned_loop_pass(&stage->turned, EXCHANGE_HALF_CLOSED_MS);
    else if (letter == 'q')
        turned_loop_pass(&stage->turned, EXCHANGE_HALF_CLOSED_MS - 1000);
    else if (letter == 'E')
        channel_end(stage->request.bytes);
    else if (letter == 't')
        channel_drop(stage->answer.bytes, channel_len(stage->answer.bytes));
    else if (letter == 'm')
        return channel_put(stage->answer.bytes, "m", 1) ==
               channel_take(stage->answer.bytes, &byte, 1);
    else
        return false;
    return true;
}

static void step(struct stage *stage, char letter)
{
    static const struct error broken = {.kind = ERROR_NETWORK, .text = "it broke"};
    bool out_speaks = stage->out_open && !stage->out_closed;
    bool in_speaks = !stage->in_closed && !stage->in_reset;
    if (step_quietly(stage, letter))
        return;
    if (letter == 'c' && stage->exchange)
        exchange_cut(stage->exchange, &broken);
    else if (letter == 'a' && in_speaks)
        stage->in.events->on_answered(stage->in.arg);
    else if (letter == 'x' && in_speaks)
        stage->in.events->on_aborted(stage->in.arg, &broken);
    else if (letter == 'D' && out_speaks)
        stage->out.events->on_done(stage->out.arg);
    else if (letter == 'F' && out_speaks)
        stage->out.events->on_failed(stage->out.arg, &broken);
    else if ((letter == 'H' || letter == 'N') && out_speaks)
        answer(stage, 200, letter == 'H');
    else if (letter == 'U' && out_speaks)
        answer(stage, 101, true);
    else if (letter == 'Z' && out_speaks)
        stage->out.events->on_half_closed(stage->out.arg);
    else if (letter == 'i' && out_speaks)
        answer(stage, 103, false);
}

static void stage_begin(struct stage *stage)
{
    turned_loop_init(&stage->turned);
    stage->opener.ops = &opener_ops;
    stage->in = (struct inbound){.ops = &in_ops, .body = &stage->request};
    request_head_init(&stage->in.head);
    stage->request.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    stage->answer.bytes = channel_new(CHANNEL_LOW, CHANNEL_LIMIT, NULL, NULL);
    REQUIRE(stage->request.bytes && stage->answer.bytes);
    CHECK_SIZE(channel_put(stage->request.bytes, "request", 7), 7);
    CHECK_SIZE(channel_put(stage->answer.bytes, "the answer", 10), 10);
    struct exchange *exchange =
        exchange_start(stage->turned.loop, &stage->in, &stage->opener, NULL, &hooks, stage);
    CHECK(exchange != NULL && strchr(stage->did, 'e') == NULL);
    stage->exchange = exchange;
}

static void stage_end(struct stage *stage)
{
    turned_loop_settle(&stage->turned);
    channel_free(stage->request.bytes);
    channel_free(stage->answer.bytes);
    request_head_release(&stage->in.head);
    turned_loop_release(&stage->turned);
}

struct play {
    const char *steps;
    const char *did; /* what must have happened, in this order */
    int status;
    bool by_origin, cut, peer_left, failed;
    const char *reason;
};

static void check_report(const struct stage *stage, const struct play *play)
{
    const struct exchange_report *report = &stage->report;
    CHECK_CASE(report->status == play->status, "%s: status %d", play->reason, report->status);
    CHECK_CASE(report->by_origin == play->by_origin, "%s: by origin", play->reason);
    CHECK_CASE(report->cut == play->cut, "%s: cut", play->reason);
    CHECK_CASE(report->peer_left == play->peer_left, "%s: peer left", play->reason);
    CHECK_CASE((report->failure.kind != ERROR_NONE) == play->failed, "%s: failure %s", play->reason,
               report->failure.text);
    CHECK_CASE(report->bytes_in == 7, "%s: bytes in", play->reason);
}

static void perform(struct stage *stage, const struct play *play)
{
    stage_begin(stage);
    for (const char *letter = play->steps; *letter; letter++)
        step(stage, *letter);
    turned_loop_settle(&stage->turned);
    CHECK_CASE(strcmp(stage->did, play->did) == 0, "%s: it did \"%s\", not \"%s\"", play->reason,
               stage->did, play->did);
    CHECK_CASE(stage->wrong == 0, "%s: called what was closed", play->reason);
    if (strchr(play->did, 'e'))
        check_report(stage, play);
    stage_end(stage);
}

TEST(every_order_of_events_ends_the_exchange_once)
{
    static const struct play plays[] = {
        {"HDa", "hnoe", 200, true, false, false, false, "done before answered"},
        {"HaD", "hnoe", 200, true, false, false, false, "answered before done"},
        {"H.a.D.", "hnoe", 200, true, false, false, false, "answered before done, in turns"},
        {"NDa", "hnoe", 200, true, false, false, false, "no body"},
        {"iiHDa", "iihnoe", 200, true, false, false, false, "interim answers"},
        {"F.a", "ofh", 502, false, false, false, true, "the outbound fails"},
        {"iF.a", "iofh", 502, false, false, false, true, "it fails behind an interim answer"},
        {"F.x", "ofh", 502, false, false, true, true, "the peer leaves before the failure is told"},
        {"x", "noe", 0, false, false, true, true, "the peer leaves first"},
        {"xHDa", "noe", 0, false, false, true, true, "the peer leaves, then all goes well"},
        {"xF", "noe", 0, false, false, true, true, "the peer leaves, then the outbound fails"},
        {"Hx", "hnoe", 200, true, false, true, true, "the peer leaves within the answer"},
        {"HDx", "hnoe", 200, true, false, true, true, "the peer leaves before its end"},
        {"HFt5", "hrnoe", 200, true, true, false, true, "the answer is cut"},
        {"HF55555", "hrnoe", 200, true, true, false, true, "the answer is cut, nobody takes it"},
        {"HFx", "hnoe", 200, true, false, false, true, "the answer is cut, the peer left"},
        {"HFc", "hrnoe", 200, true, true, false, true, "it is cut within the failure"},
        {"NaF", "hnoe", 200, true, false, false, false, "it fails when all was said"},
        {"Hi.Da", "hnoe", 200, true, false, false, false, "an interim answer too late"},
        {"HHDa", "hnoe", 200, true, false, false, false, "two heads"},
        {"c.a", "ofh", 502, false, false, false, true, "cut from outside before the head"},
        {"Hc", "hrnoe", 200, true, true, false, true, "cut from outside within the answer"},
        {"Hac", "hnoe", 200, true, false, false, false, "cut from outside when all was said"},
        {"HDc", "hrnoe", 200, true, true, false, true,
         "cut from outside before the last bytes left"},
        {"Fc", "ofhrne", 502, false, true, false, true, "cut from outside within the failure"},
        {"xc", "noe", 0, false, false, true, true, "cut from outside when the peer left"},
        {"Hcc", "hrnoe", 200, true, true, false, true, "cut twice"},
    };
    for (size_t i = 0; i < ARRAY_LEN(plays); i++) {
        struct stage stage = {0};
        struct play play = plays[i];
        char want[32];
        /* A failure's end is the same for all: once it was answered, or the peer left. */
        bool ends_late = strcmp(play.did + strlen(play.did) - 1, "h") == 0 && play.status == 502;
        (void)snprintf(want, sizeof want, "%s%s", play.did, ends_late ? "ne" : "");
        play.did = want;
        perform(&stage, &play);
    }
}

TEST(an_upgrade_ends_when_both_of_its_directions_ended_or_one_failed)
{
    static const struct play plays[] = {
        {"UEDa", "uhnoe", 101, true, false, false, false, "both ended"},
        {"UZa.ED", "uhnoe", 101, true, false, false, false, "the origin ended first"},
        {"UEZ.Da", "uhnoe", 101, true, false, false, false, "the visitor ended first"},
        {"UwDa", "uhnoe", 101, true, false, false, false, "it rests for long before either ends"},
        {"UZw", "uhrnoe", 101, true, true, false, true, "one ended, the other stands still"},
        {"UZaw", "uhrnoe", 101, true, true, false, true, "the visitor never ends its side"},
        {"UEZaw", "uhnoe", 101, true, false, false, false, "nobody is left to be told"},
        {"UZqmqmqmDa", "uhnoe", 101, true, false, false, false, "one ended, the other goes on"},
        {"UZqmww", "uhrnoe", 101, true, true, false, true, "and then stands still"},
        {"UZZDa", "uhnoe", 101, true, false, false, false, "told twice"},
        {"Ux", "uhnoe", 101, true, false, true, true, "the visitor leaves"},
        {"UZax", "uhnoe", 101, true, false, true, true,
         "it leaves when only its own end is missing"},
        {"UFt5", "uhrnoe", 101, true, true, false, true, "the origin fails"},
        {"UF55555", "uhrnoe", 101, true, true, false, true, "which nobody takes"},
        {"UFx", "uhnoe", 101, true, false, false, true, "the visitor leaves behind them"},
        {"UFc", "uhrnoe", 101, true, true, false, true, "it is cut behind them"},
        {"UZaF", "uhrnoe", 101, true, true, false, true,
         "it fails when the visitor has got all, and goes on speaking"},
        {"UEZaF", "uhnoe", 101, true, false, false, false, "it fails when all was said"},
        {"Uc", "uhrnoe", 101, true, true, false, true, "cut from outside"},
        {"UZac", "uhrnoe", 101, true, true, false, true, "cut from outside, one ended"},
    };
    for (size_t i = 0; i < ARRAY_LEN(plays); i++) {
        struct stage stage = {0};
        perform(&stage, &plays[i]);
        CHECK(stage.report.upgraded);
    }
    struct stage stage = {0};
    perform(&stage, &(struct play){"HZwDa", "hnoe", 200, true, false, false, false, "no upgrade"});
    CHECK(!stage.report.upgraded);
}

TEST(what_came_last_leaves_before_an_answer_is_cut)
{
    static const char *const begins[][2] = {{"HF5", "h"}, {"UF5", "uh"}};
    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        struct stage stage = {0};
        stage_begin(&stage);
        for (const char *letter = begins[i][0]; *letter; letter++)
            step(&stage, *letter);
        CHECK_TEXT(stage.did, begins[i][1]); /* nobody has taken it */
        step(&stage, 't');
        step(&stage, '.');
        CHECK_TEXT(stage.did, begins[i][1]); /* it was taken, and may lie in the output */
        step(&stage, '5');
        CHECK(strcmp(stage.did + strlen(begins[i][1]), "rnoe") == 0);
        CHECK(stage.report.cut && stage.report.bytes_out == 10);
        stage_end(&stage);
    }
}

TEST(who_takes_last_words_slowly_gets_them_all)
{
    struct stage stage = {0};
    stage_begin(&stage);
    step(&stage, 'H');
    step(&stage, 'F');
    for (size_t left = 10; left > 0; left--) {
        turned_loop_pass(&stage.turned, EXCHANGE_LAST_WORDS_MS - 500);
        CHECK_TEXT(stage.did, "h");
        channel_drop(stage.answer.bytes, 1);
    }
    step(&stage, '5');
    CHECK_TEXT(stage.did, "hrnoe");
    stage_end(&stage);
}

TEST(an_exchange_whose_opener_fails_at_once_answers_in_its_place)
{
    static const struct play plays[] = {
        {"a", "fhne", 502, false, false, false, true, "answered"},
        {"x", "fhne", 502, false, false, true, true, "the peer leaves"},
        {"c", "fhrne", 502, false, true, false, true, "cut from outside"},
    };
    for (size_t i = 0; i < ARRAY_LEN(plays); i++) {
        struct stage stage = {.opens_not = true};
        perform(&stage, &plays[i]);
    }
}

TEST(hooks_that_reset_instead_of_answering_end_the_exchange)
{
    static const struct play plays[] = {
        {"F", "ofrne", 0, false, false, false, true, "the outbound fails"},
        {"c", "ofrne", 0, false, false, false, true, "cut from outside"},
    };
    for (size_t i = 0; i < ARRAY_LEN(plays); i++) {
        struct stage stage = {.fails_mute = true};
        perform(&stage, &plays[i]);
    }
    struct stage stage = {.fails_mute = true, .opens_not = true};
    perform(&stage, &(struct play){"", "frne", 0, false, false, false, true, "it never opened"});
}

TEST(an_answer_that_cannot_be_given_on_is_replaced)
{
    struct stage stage = {.adapts_not = true};
    perform(&stage, &(struct play){"Ha", "ofhne", 502, false, false, false, true, "not adapted"});
    stage = (struct stage){.refuses_first = true};
    perform(&stage, &(struct play){"Ha", "ofhne", 502, false, false, false, true, "not written"});
}

TEST(without_memory_the_request_is_reset_and_the_exchange_over)
{
    struct stage stage = {.opener = {&opener_ops}, .in = {.ops = &in_ops, .body = &stage.request}};
    turned_loop_init(&stage.turned);
    scarce_memory_begin(0);
    CHECK(exchange_start(stage.turned.loop, &stage.in, &stage.opener, NULL, &hooks, &stage) ==
          NULL);
    CHECK(scarce_memory_end());
    CHECK_TEXT(stage.did, "rne");
    CHECK(stage.report.status == 0 && stage.report.failure.kind == ERROR_SYSTEM);
    turned_loop_release(&stage.turned);
}

TEST(the_report_tells_times_and_bytes)
{
    struct stage stage = {0};
    perform(&stage, &(struct play){"5H5Da", "hnoe", 200, true, false, false, false, "in time"});
    CHECK_SIZE(stage.report.headed_ms - stage.report.started_ms, 500);
    CHECK_SIZE(stage.report.ended_ms - stage.report.started_ms, 1000);
    CHECK_SIZE(stage.report.bytes_out, 10);
}
