#include "culvert/base/digest.h"
#include "culvert/base/encode.h"

#include "harness.h"

static void check_hex(const unsigned char *bytes, size_t len, const char *want)
{
    struct buf text = BUF_LIMIT(64);
    CHECK(hex_encode(span_make(bytes, len), &text));
    CHECK_TEXT(buf_text(&text), want);
    buf_release(&text);
}

TEST(digests_have_their_published_values)
{
    unsigned char out[SHA256_SIZE];
    CHECK(digest_sha256(SPAN("abc"), out));
    check_hex(out, SHA256_SIZE, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(digest_sha256(SPAN_NONE, out));
    check_hex(out, SHA256_SIZE, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(equal_means_equal_length_and_bytes)
{
    CHECK(digest_equal(SPAN("abc"), SPAN("abc")));
    CHECK(digest_equal(SPAN_NONE, SPAN("")));
    CHECK(!digest_equal(SPAN("abc"), SPAN("abd")));
    CHECK(!digest_equal(SPAN("abc"), SPAN("abcd")));
}

TEST(sha_1_has_its_published_value)
{
    unsigned char out[SHA1_SIZE];
    CHECK(digest_sha1(SPAN("abc"), out));
    check_hex(out, SHA1_SIZE, "a9993e364706816aba3e25717850c26c9cd0d89d");
}
