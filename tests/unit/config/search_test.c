#include "culvert/config/search.h"

#include "culvert/base/file.h"

#include "harness.h"

#include <sys/stat.h>
#include <unistd.h>

static void put(const char *home, const char *path)
{
    char whole[512];
    (void)snprintf(whole, sizeof whole, "%s/%s", home, path);
    char *slash = strrchr(whole, '/');
    *slash = '\0';
    CHECK(file_make_directory(whole, 0700, NULL));
    *slash = '/';
    CHECK(file_replace(whole, SPAN("x"), 0600, NULL));
}

TEST(directories_are_searched_in_order_and_yml_before_yaml)
{
    char home[] = "/tmp/culvert-search-XXXXXX";
    char want[128];
    struct buf path = BUF_LIMIT(SEARCH_PATH_MAX);
    REQUIRE(mkdtemp(home));
    put(home, "cloudflare-warp/config.yml");
    put(home, ".cloudflared/config.yaml");
    CHECK(search_config(home, &path));
    (void)snprintf(want, sizeof want, "%s/.cloudflared/config.yaml", home);
    CHECK_TEXT(buf_text(&path), want);
    put(home, ".cloudflared/config.yml");
    CHECK(search_config(home, &path));
    (void)snprintf(want, sizeof want, "%s/.cloudflared/config.yml", home);
    CHECK_TEXT(buf_text(&path), want);
    CHECK(!search_file(home, "no-such-file", &path));
    CHECK_SIZE(path.len, 0);
    put(home, ".cloudflare-warp/cert.pem");
    CHECK(search_file(home, "cert.pem", &path));
    buf_release(&path);
    char command[128];
    static const char *const files[] = {"cloudflare-warp/config.yml", ".cloudflared/config.yaml",
                                        ".cloudflared/config.yml", ".cloudflare-warp/cert.pem"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)snprintf(command, sizeof command, "%s/%s", home, files[i]);
        CHECK(unlink(command) == 0);
    }
    static const char *const made[] = {"cloudflare-warp", ".cloudflared", ".cloudflare-warp"};
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        (void)snprintf(command, sizeof command, "%s/%s", home, made[i]);
        CHECK(rmdir(command) == 0);
    }
    CHECK(rmdir(home) == 0);
}

TEST(a_tilde_is_the_home)
{
    struct buf path = BUF_LIMIT(64);
    CHECK(search_expand_home("/h", SPAN("~/x"), &path));
    CHECK_TEXT(buf_text(&path), "/h/x");
    CHECK(search_expand_home("/h", SPAN("~x"), &path));
    CHECK_TEXT(buf_text(&path), "~x");
    CHECK(search_expand_home(NULL, SPAN("/x"), &path));
    CHECK(!search_expand_home(NULL, SPAN("~/x"), &path));
    buf_release(&path);
}
