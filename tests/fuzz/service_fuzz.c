/* What a rule points at, as text. The parts of a URL put together again are the URL; names become
 * A-labels that stay what they are; a service that is taken has nothing in it that could end a
 * line. */
#include "culvert/base/idn.h"
#include "culvert/base/url.h"
#include "culvert/ingress/service.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TEXT_MAX = 1 << 20 };

static void put(struct buf *out, struct span part)
{
    bool ok = buf_put_span(out, part);
    assert(ok);
}

static void put_authority(struct buf *out, const struct url *url)
{
    put(out, SPAN("//"));
    put(out, url->userinfo);
    put(out, url->has_userinfo ? SPAN("@") : SPAN(""));
    put(out, url->host_is_literal ? SPAN("[") : SPAN(""));
    put(out, url->host);
    put(out, url->host_is_literal ? SPAN("]") : SPAN(""));
    put(out, url->has_port ? SPAN(":") : SPAN(""));
    put(out, url->port);
}

/* An empty fragment leaves no trace. */
static void check_parts(struct span text, const struct url *url)
{
    struct buf whole = BUF_LIMIT(TEXT_MAX);
    put(&whole, url->scheme);
    put(&whole, url->scheme.len > 0 ? SPAN(":") : SPAN(""));
    if (url->has_authority)
        put_authority(&whole, url);
    put(&whole, url->path);
    put(&whole, url->has_query ? SPAN("?") : SPAN(""));
    put(&whole, url->query);
    bool has_hash = whole.len < text.len;
    put(&whole, has_hash ? SPAN("#") : SPAN(""));
    put(&whole, url->fragment);
    assert(span_equal(buf_span(&whole), text));
    buf_release(&whole);
}

static void check_name(struct span name)
{
    struct buf once = BUF_LIMIT(IDN_NAME_MAX);
    struct buf twice = BUF_LIMIT(IDN_NAME_MAX);
    struct error err = {0};
    if (idn_to_ascii(name, &once, &err)) {
        for (size_t i = 0; i < once.len; i++)
            assert(strchr("abcdefghijklmnopqrstuvwxyz0123456789-.", once.data[i]));
        if (idn_to_ascii(buf_span(&once), &twice, NULL))
            assert(span_equal(buf_span(&once), buf_span(&twice)));
    } else {
        assert(err.text[0] != '\0' && once.len == 0);
    }
    buf_release(&once);
    buf_release(&twice);
}

static void check_url(struct span text)
{
    struct url url;
    struct error err = {0};
    struct buf host = BUF_LIMIT(TEXT_MAX);
    uint16_t port = 0;
    if (!url_parse(text, &url, &err)) {
        assert(err.text[0] != '\0');
        return;
    }
    check_parts(text, &url);
    assert(url.port.len > 0 || (url_port(&url, 7, &port) && port == 7));
    bool ok = url_decode_host(&url, &host);
    assert(ok);
    check_name(buf_span(&host));
    buf_release(&host);
}

static void check_text(const char *text)
{
    for (; text && *text; text++)
        assert((unsigned char)*text >= 0x20 && *text != 0x7F);
}

static void check_service(struct service *service)
{
    bool is_net = service->kind == SERVICE_HTTP || service->kind == SERVICE_TCP;
    assert(service->text[0] != '\0');
    assert(service->kind != SERVICE_STATUS || (service->status >= 100 && service->status <= 999));
    assert(service->kind != SERVICE_HTTP || !span_ends(span_of(service->prefix), SPAN("/")));
    if (is_net) {
        check_text(service->text);
        check_text(service->host);
        check_text(service->prefix);
    }
    service_release(service);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make(data, size);
    struct service service;
    struct error err = {0};
    check_url(text);
    check_name(text);
    for (unsigned options = 0; options <= (SERVICE_BASTION_MODE | SERVICE_WITH_PATH); options++) {
        if (service_parse(text, options, &service, &err))
            check_service(&service);
        else
            assert(err.text[0] != '\0');
    }
    if (service_parse_url_flag(text, &service, &err))
        check_service(&service);
    return 0;
}
