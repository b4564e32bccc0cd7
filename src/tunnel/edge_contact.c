/* The member "culvert" as data and back. */
#include "culvert/tunnel/edge_contact.h"

#include "culvert/base/ip.h"

bool edge_contact_is_empty(const struct edge_contact *contact)
{
    return !contact->api && !contact->ca && contact->edge_count == 0;
}

static bool keep(char **where, struct span text, struct error *err)
{
    *where = span_dup(text);
    return *where || error_memory(err);
}

static bool read_api(struct edge_contact *contact, const struct doc *member, struct error *err)
{
    struct span api = SPAN_NONE;
    if (!doc_read_text(member, "api", &api, err))
        return false;
    if (!api.data)
        return true;
    bool web = span_starts(api, SPAN("http://")) || span_starts(api, SPAN("https://"));
    if (!web || api.len > EDGE_CONTACT_API_MAX)
        return error_set(err, ERROR_INVALID, 0, "\"api\" must be an http or https URL");
    for (size_t i = 0; i < api.len; i++)
        if (api.data[i] <= ' ' || api.data[i] == 0x7f)
            return error_set(err, ERROR_INVALID, 0, "\"api\" has a blank or control character");
    return keep(&contact->api, api, err);
}

static bool is_address(struct span text)
{
    struct span host;
    uint16_t port = 0;
    return text.len <= EDGE_CONTACT_ADDRESS_MAX && ip_split_host_port(text, &host, &port) &&
           host.len > 0 && port != 0;
}

static bool read_edges(struct edge_contact *contact, const struct doc *member, struct error *err)
{
    const struct doc *edges = doc_get(member, "edge");
    if (!edges || doc_kind(edges) == DOC_NULL)
        return true;
    if (doc_kind(edges) != DOC_ARRAY || doc_count(edges) > EDGE_CONTACT_EDGES_MAX)
        return error_set(err, ERROR_INVALID, 0, "\"edge\" must be a list of at most %d addresses",
                         EDGE_CONTACT_EDGES_MAX);
    for (size_t i = 0; i < doc_count(edges); i++) {
        struct span text;
        if (!doc_as_text(doc_at(edges, i), &text) || !is_address(text))
            return error_set(err, ERROR_INVALID, 0, "\"edge\"[%zu] must be a text host:port", i);
        if (!keep(&contact->edges[i], text, err))
            return false;
        contact->edge_count++;
    }
    return true;
}

static bool read_ca(struct edge_contact *contact, const struct doc *member, struct error *err)
{
    struct span ca = SPAN_NONE;
    if (!doc_read_text(member, "ca", &ca, err))
        return false;
    if (!ca.data)
        return true;
    if (ca.len > EDGE_CONTACT_CA_MAX || !strstr(ca.data, "-----BEGIN CERTIFICATE-----"))
        return error_set(err, ERROR_INVALID, 0,
                         "\"ca\" must be PEM certificates of at most %d bytes",
                         EDGE_CONTACT_CA_MAX);
    return keep(&contact->ca, ca, err);
}

bool edge_contact_read(struct edge_contact *contact, const struct doc *root, struct error *err)
{
    const struct doc *member = doc_get(root, "culvert");
    if (!member || doc_kind(member) == DOC_NULL)
        return true;
    if (doc_kind(member) != DOC_OBJECT)
        return error_set(err, ERROR_INVALID, 0, "\"culvert\" must be an object");
    if (!read_api(contact, member, err) || !read_edges(contact, member, err) ||
        !read_ca(contact, member, err))
        return error_wrap(err, "\"culvert\"");
    return true;
}

static bool put_edges(const struct edge_contact *contact, struct doc *member)
{
    struct doc *edges = doc_array();
    for (size_t i = 0; edges && i < contact->edge_count; i++) {
        if (!doc_append(edges, doc_text(span_of(contact->edges[i])))) {
            doc_free(edges);
            return false;
        }
    }
    return doc_put(member, "edge", edges);
}

bool edge_contact_put(const struct edge_contact *contact, struct doc *root)
{
    if (edge_contact_is_empty(contact))
        return true;
    struct doc *member = doc_object();
    bool ok = member != NULL;
    if (contact->api)
        ok = ok && doc_put_text(member, "api", span_of(contact->api));
    if (contact->edge_count > 0)
        ok = ok && put_edges(contact, member);
    if (contact->ca)
        ok = ok && doc_put_text(member, "ca", span_of(contact->ca));
    if (!ok) {
        doc_free(member);
        return false;
    }
    return doc_put(root, "culvert", member);
}

bool edge_contact_copy(struct edge_contact *copy, const struct edge_contact *contact)
{
    bool ok = !contact->api || keep(&copy->api, span_of(contact->api), NULL);
    ok = ok && (!contact->ca || keep(&copy->ca, span_of(contact->ca), NULL));
    for (size_t i = 0; ok && i < contact->edge_count; i++, copy->edge_count++)
        ok = keep(&copy->edges[i], span_of(contact->edges[i]), NULL);
    if (!ok)
        edge_contact_release(copy);
    return ok;
}

void edge_contact_release(struct edge_contact *contact)
{
    free(contact->api);
    free(contact->ca);
    for (size_t i = 0; i < ARRAY_LEN(contact->edges); i++)
        free(contact->edges[i]);
    *contact = (struct edge_contact){0};
}
