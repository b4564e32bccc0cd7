/* Sends the visitors of a public host name to a tunnel. */
#include "commands.h"
#include "culvert/api/hostnames.h"
#include "culvert/base/hostname.h"
#include "select.h"

static const struct setting options[] = {
    {.name = "overwrite-dns",
     .aliases = {"f"},
     .variables = {"TUNNEL_FORCE_PROVISIONING_DNS"},
     .kind = SETTING_BOOL,
     .help = "take the name from another tunnel or record"},
};

static const char *const settings[] = {"origincert", "api-url", "cacert", "config", NULL};

/* One line about what has changed, as a log event: results for programs are none. */
static bool report(struct cli_call *call, const struct api_dns_route *route, const struct uuid *id,
                   struct error *err)
{
    static const char *const messages[] = {
        [API_DNS_UNKNOWN] = "The name is routed to the tunnel",
        [API_DNS_NEW] = "The name is new and routed to the tunnel",
        [API_DNS_UPDATED] = "The name had another target and is now routed to the tunnel",
        [API_DNS_UNCHANGED] = "The name was already routed to the tunnel",
    };
    struct cli_log log = {0};
    char text[UUID_TEXT_SIZE];
    uuid_format(id, text);
    bool ok = cli_log_open(call, &log, err);
    if (ok)
        log_info(&log.log, messages[route->change], LOG_TEXT("hostname", route->name),
                 LOG_TEXT("tunnelID", text));
    cli_log_release(&log);
    return ok;
}

static int run(struct cli_call *call)
{
    struct cli_config config = {0};
    struct cli_account account = {0};
    struct api_dns_route route;
    struct uuid id = {0};
    struct buf checked = BUF_LIMIT(HOSTNAME_MAX + 1);
    struct error err = {0};
    const char *name = call->operands[1];
    bool ok = cli_config_load(call, &config, &err) && cli_account_open(call, &account, &err) &&
              cli_select_tunnel(call, &config, &account, call->operands[0], &id, &err);
    ok = ok && hostname_read(span_of(name), &checked, &err);
    const struct api_dns_route_new what = {
        .tunnel_id = id,
        .hostname = span_of(name),
        .overwrite = sources_bool(call->sources, "overwrite-dns"),
    };
    ok = ok && api_hostnames_route(account.client, &what, &route, &err) &&
         report(call, &route, &id, &err);
    buf_release(&checked);
    cli_account_release(&account);
    cli_config_release(&config);
    return ok ? CLI_OK : cli_fail(call, &err);
}

const struct cli_command cli_tunnel_route_dns = {
    .path = "tunnel route dns",
    .summary = "route a host name to a tunnel",
    .operands = "TUNNEL HOSTNAME",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .settings = settings,
    .operands_min = 2,
    .operands_max = 2,
    .run = run,
};
