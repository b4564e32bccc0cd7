/* Routes of host names to tunnels over the REST interface. */
#ifndef CULVERT_API_HOSTNAMES_H
#define CULVERT_API_HOSTNAMES_H

#include "culvert/api/client.h"
#include "culvert/base/uuid.h"

enum { API_HOSTNAME_SIZE = 1024 }; /* UTF-8 names may be longer than their 253 bytes of ASCII */

enum api_dns_change {
    API_DNS_UNKNOWN, /* a word that this version does not know, or none */
    API_DNS_NEW,
    API_DNS_UPDATED,
    API_DNS_UNCHANGED,
};

struct api_dns_route {
    enum api_dns_change change;
    char name[API_HOSTNAME_SIZE]; /* the whole name; as it was asked for when the API is silent */
};

struct api_dns_route_new {
    struct uuid tunnel_id;
    struct span hostname; /* as typed */
    bool overwrite;       /* may take the name from another record */
};

/* Routes a host name to a tunnel. It blocks; errors begin with "API: ". */
bool api_hostnames_route(const struct api_client *client, const struct api_dns_route_new *what,
                         struct api_dns_route *route, struct error *err) MUST_CHECK;

#endif
