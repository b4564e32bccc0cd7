/* The tunnels of the account with the connections that serve them. */
#include "commands.h"
#include "culvert/api/tunnels.h"
#include "session.h"
#include "tunnel_doc.h"

enum { LIST_TEXT_MAX = 256 * 1024 * 1024, CELL_MAX = 64 * 1024 };

static const struct setting options[] = {
    {.name = "output",
     .aliases = {"o"},
     .kind = SETTING_TEXT,
     .argument = "FORMAT",
     .help = "json or yaml instead of a table"},
    {.name = "show-deleted", .aliases = {"d"}, .kind = SETTING_BOOL, .help = "deleted ones, too"},
    {.name = "name",
     .aliases = {"n"},
     .kind = SETTING_TEXT,
     .argument = "NAME",
     .help = "only the one of this name"},
    {.name = "name-prefix",
     .aliases = {"np"},
     .kind = SETTING_TEXT,
     .argument = "TEXT",
     .help = "only those whose names begin so"},
    {.name = "exclude-name-prefix",
     .aliases = {"enp"},
     .kind = SETTING_TEXT,
     .argument = "TEXT",
     .help = "only those whose names do not begin so"},
    {.name = "when",
     .aliases = {"w"},
     .kind = SETTING_TEXT,
     .argument = "TIME",
     .help = "only those that existed at this time (RFC 3339)"},
    {.name = "id",
     .aliases = {"i"},
     .kind = SETTING_TEXT,
     .argument = "UUID",
     .help = "only the one with this id"},
    {.name = "show-recently-disconnected",
     .aliases = {"rd"},
     .kind = SETTING_BOOL,
     .help = "connections that were lost lately, too"},
    {.name = "sort-by",
     .variables = {"TUNNEL_LIST_SORT_BY"},
     .kind = SETTING_TEXT,
     .fallback = "name",
     .argument = "KEY",
     .help = "name, id, createdAt, deletedAt or numConnections"},
    {.name = "invert-sort",
     .variables = {"TUNNEL_LIST_INVERT_SORT"},
     .kind = SETTING_BOOL,
     .help = "the other way round"},
};

static const char *const settings[] = {"origincert", "api-url",        "cacert",
                                       "config",     "max-fetch-size", NULL};

/* ---- the order ---- */

static int by_name(const struct api_tunnel *a, const struct api_tunnel *b)
{
    return span_compare(a->name, b->name);
}

static int by_id(const struct api_tunnel *a, const struct api_tunnel *b)
{
    return memcmp(a->id.bytes, b->id.bytes, UUID_SIZE);
}

/* Whole seconds; never comes first. */
static int compare_times(const struct api_time *a, const struct api_time *b)
{
    if (a->never || b->never)
        return (int)b->never - (int)a->never;
    return (a->seconds > b->seconds) - (a->seconds < b->seconds);
}

static int by_created(const struct api_tunnel *a, const struct api_tunnel *b)
{
    return compare_times(&a->created_at, &b->created_at);
}

static int by_deleted(const struct api_tunnel *a, const struct api_tunnel *b)
{
    return compare_times(&a->deleted_at, &b->deleted_at);
}

static int by_connections(const struct api_tunnel *a, const struct api_tunnel *b)
{
    return (a->connections.count > b->connections.count) -
           (a->connections.count < b->connections.count);
}

struct order {
    const char *key;
    int (*compare)(const struct api_tunnel *a, const struct api_tunnel *b);
};

static const struct order orders[] = {{"name", by_name},
                                      {"id", by_id},
                                      {"createdAt", by_created},
                                      {"deletedAt", by_deleted},
                                      {"numConnections", by_connections}};

/* A tunnel and where it stood, so that equal ones keep their order. */
struct place_in_list {
    const struct api_tunnel *tunnel;
    size_t index;
    const struct order *order;
    bool inverted;
};

static int compare_places(const void *a, const void *b)
{
    const struct place_in_list *left = a;
    const struct place_in_list *right = b;
    int result = left->order->compare(left->tunnel, right->tunnel);
    if (result == 0)
        result = (left->index > right->index) - (left->index < right->index);
    return left->inverted ? -result : result;
}

static const struct order *find_order(struct cli_call *call)
{
    const char *key = sources_text(call->sources, "sort-by");
    for (size_t i = 0; i < ARRAY_LEN(orders); i++)
        if (strcmp(key, orders[i].key) == 0)
            return &orders[i];
    fprintf(call->world->err, "The sort key \"%s\" is not valid: sorted by name\n", key);
    return &orders[0];
}

/* The tunnels in the order asked for; the caller frees the array. */
static struct place_in_list *sort(struct cli_call *call, const struct api_tunnels *tunnels)
{
    const struct order *order = find_order(call);
    struct place_in_list *places = calloc(tunnels->count + 1, sizeof *places);
    for (size_t i = 0; places && i < tunnels->count; i++)
        places[i] = (struct place_in_list){&tunnels->items[i], i, order,
                                           sources_bool(call->sources, "invert-sort")};
    if (places && tunnels->count > 1)
        qsort(places, tunnels->count, sizeof *places, compare_places);
    return places;
}

/* ---- printing ---- */

static int compare_spans(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

/* "1xams02, 2xlhr01": how many connections end where. */
static bool put_connections(const struct api_connections *connections, bool with_lost,
                            struct buf *cell)
{
    struct span *names = calloc(connections->count + 1, sizeof *names);
    size_t count = 0;
    bool ok = names != NULL;
    for (size_t i = 0; ok && i < connections->count; i++)
        if (with_lost || !connections->items[i].is_pending_reconnect)
            names[count++] = connections->items[i].colo_name;
    if (ok && count > 1)
        qsort(names, count, sizeof *names, compare_spans);
    for (size_t i = 0; ok && i < count;) {
        size_t same = 1;
        while (i + same < count && span_equal(names[i], names[i + same]))
            same++;
        ok = buf_printf(cell, "%s%zux%.*s", i ? ", " : "", same, SPAN_ARG(names[i]));
        i += same;
    }
    free(names);
    return ok;
}

static bool put_row(struct output_table *table, const struct api_tunnel *tunnel, bool with_lost)
{
    struct buf cell = BUF_LIMIT(CELL_MAX);
    char id[UUID_TEXT_SIZE];
    char created[API_TIME_SIZE];
    uuid_format(&tunnel->id, id);
    api_time_format(&tunnel->created_at, API_TIME_SECONDS, created);
    bool ok = put_connections(&tunnel->connections, with_lost, &cell) &&
              output_table_add(table, span_of(id)) && output_table_add(table, tunnel->name) &&
              output_table_add(table, span_of(created)) && output_table_add(table, buf_span(&cell));
    buf_release(&cell);
    return ok;
}

static bool put_table(struct cli_call *call, const struct place_in_list *places, size_t count,
                      struct buf *out)
{
    static const char *const titles[] = {"ID", "NAME", "CREATED", "CONNECTIONS"};
    struct output_table table = {.columns = ARRAY_LEN(titles)};
    bool with_lost = sources_bool(call->sources, "show-recently-disconnected");
    bool ok = true;
    if (count == 0)
        return buf_put_span(out, SPAN("No tunnels were found. \"culvert tunnel create NAME\" makes "
                                      "one.\n"));
    for (size_t i = 0; ok && i < ARRAY_LEN(titles); i++)
        ok = output_table_add(&table, span_of(titles[i]));
    for (size_t i = 0; ok && i < count; i++)
        ok = put_row(&table, places[i].tunnel, with_lost);
    ok = ok &&
         buf_put_span(out, SPAN("All that is known of each tunnel is printed by "
                                "\"culvert tunnel list --output json\".\n")) &&
         output_table_put(&table, out);
    output_table_release(&table);
    return ok;
}

static bool put_list(const struct place_in_list *places, size_t count, enum output_format format,
                     struct buf *out)
{
    struct doc *list = doc_array();
    bool ok = list != NULL;
    for (size_t i = 0; ok && i < count; i++)
        ok = doc_append(list, tunnel_to_doc(places[i].tunnel, format));
    ok = ok && output_put_doc(out, list, format);
    doc_free(list);
    return ok;
}

static int print(struct cli_call *call, const struct api_tunnels *tunnels,
                 enum output_format format)
{
    struct buf out = BUF_LIMIT(LIST_TEXT_MAX);
    struct error err = {0};
    struct place_in_list *places = sort(call, tunnels);
    bool ok = places && (format == OUTPUT_TEXT ? put_table(call, places, tunnels->count, &out)
                                               : put_list(places, tunnels->count, format, &out));
    if (ok)
        fputs(buf_text(&out), call->world->out);
    else
        error_memory(&err);
    free(places);
    buf_release(&out);
    return ok ? CLI_OK : cli_fail(call, &err);
}

/* ---- the question ---- */

static struct span text_or_none(const struct sources *sources, const char *name)
{
    const char *text = sources_text(sources, name);
    return text[0] ? span_of(text) : SPAN_NONE;
}

static bool make_filter(struct cli_call *call, struct api_tunnel_filter *filter, struct uuid *id,
                        struct error *err)
{
    const struct sources *sources = call->sources;
    int64_t per_page = sources_int(sources, "max-fetch-size");
    struct api_time time;
    *filter = (struct api_tunnel_filter){
        .include_deleted = sources_bool(sources, "show-deleted"),
        .name = text_or_none(sources, "name"),
        .name_prefix = text_or_none(sources, "name-prefix"),
        .exclude_prefix = text_or_none(sources, "exclude-name-prefix"),
        .existed_at = text_or_none(sources, "when"),
        .per_page = per_page > 0 ? (uint64_t)per_page : 0,
    };
    if (filter->existed_at.data && !api_time_parse(filter->existed_at, &time))
        return error_set(err, ERROR_INVALID, 0,
                         "--when: \"%.40s\" is no time such as 2026-11-20T09:00:00Z",
                         filter->existed_at.data);
    struct span text = text_or_none(sources, "id");
    if (text.data && !uuid_parse(text, id))
        return error_set(err, ERROR_INVALID, 0, "--id: \"%.40s\" is no UUID", text.data);
    filter->id = text.data ? id : NULL;
    return true;
}

static int run(struct cli_call *call)
{
    struct cli_config config = {0};
    struct cli_account account = {0};
    struct api_tunnels tunnels = {0};
    struct api_tunnel_filter filter;
    enum output_format format;
    struct uuid id;
    struct error err = {0};
    bool ok = cli_config_load(call, &config, &err) && make_filter(call, &filter, &id, &err) &&
              cli_account_open(call, &account, &err) &&
              api_tunnels_list(account.client, &filter, &tunnels, &err) &&
              output_format_parse(sources_text(call->sources, "output"), &format, &err);
    int status = ok ? print(call, &tunnels, format) : cli_fail(call, &err);
    api_tunnels_release(&tunnels);
    cli_account_release(&account);
    cli_config_release(&config);
    return status;
}

const struct cli_command cli_tunnel_list = {
    .path = "tunnel list",
    .summary = "list the tunnels of the account",
    .options = options,
    .option_count = ARRAY_LEN(options),
    .settings = settings,
    .operands_max = CLI_OPERANDS_ANY,
    .run = run,
};
