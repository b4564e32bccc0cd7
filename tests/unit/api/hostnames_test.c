#include "culvert/api/hostnames.h"

#include "harness.h"
#include "support/scripted_server.h"

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
#define ID   "b0000000-0000-4000-8000-000000000001"

TEST(a_route_says_what_changed_and_the_whole_name)
{
    static const struct {
        const char *result;
        enum api_dns_change change;
        const char *name; /* NULL: refused */
    } cases[] = {
        {"{\"cname\":\"new\",\"name\":\"app.example.com\"}", API_DNS_NEW, "app.example.com"},
        {"{\"cname\":\"updated\",\"name\":\"\"}", API_DNS_UPDATED, "app"},
        {"{\"cname\":\"unchanged\"}", API_DNS_UNCHANGED, "app"},
        {"{\"cname\":\"odd\"}", API_DNS_UNKNOWN, "app"},
        {"{}", API_DNS_UNKNOWN, "app"},
        {"null", API_DNS_UNKNOWN, NULL},
        {"{\"cname\":5}", API_DNS_UNKNOWN, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char answer[300];
        (void)snprintf(answer, sizeof answer, HEAD "{\"success\":true,\"result\":%s}",
                       cases[i].result);
        const char *const answers[] = {answer};
        struct scripted_server *server = scripted_server_new(answers, 1);
        struct origin_cert *cert = origin_cert_new(SPAN("zone"), SPAN(""), SPAN("token"));
        struct api_client_options options = {.url = scripted_server_url(server), .cert = cert};
        struct api_client *client = api_client_new(&options, NULL);
        struct api_dns_route_new what = {.hostname = SPAN("app"), .overwrite = i == 1};
        struct api_dns_route route = {.name = ""};
        struct error err = {0};
        CHECK(uuid_parse(SPAN(ID), &what.tunnel_id));
        bool ok = api_hostnames_route(client, &what, &route, &err);
        CHECK_CASE(ok == (cases[i].name != NULL), "%s: %s", cases[i].result, err.text);
        CHECK_CASE(ok || span_starts(span_of(err.text), SPAN("API: add route app: unexpected")),
                   "%s", err.text);
        if (ok && cases[i].name) {
            CHECK(route.change == cases[i].change);
            CHECK_TEXT(route.name, cases[i].name);
        }
        const char *seen = scripted_server_request(server, 0);
        CHECK(strncmp(seen, "PUT /zones/zone/tunnels/" ID "/routes HTTP", 50) == 0);
        CHECK(strstr(seen, i == 1 ? "{\"type\":\"dns\",\"user_hostname\":\"app\","
                                    "\"overwrite_existing\":true}"
                                  : "\"overwrite_existing\":false}") != NULL);
        api_client_free(client);
        origin_cert_free(cert);
        scripted_server_free(server);
    }
}
