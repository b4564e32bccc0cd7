/* Which DNS servers the configuration of a system's resolver names (resolv.conf(5)). No I/O. */
#ifndef CULVERT_NET_NAME_SERVERS_H
#define CULVERT_NET_NAME_SERVERS_H

#include "culvert/base/ip.h"

enum { NAME_SERVERS_MAX = 3 }; /* the system's own resolver reads no more either */

/* The servers in their order, with port 53; returns how many. One is there always: where none is
 * named it is the one of this machine, 127.0.0.1. Lines that mean nothing are passed over. */
size_t name_servers_parse(struct span text, struct ip_address servers[NAME_SERVERS_MAX]);

#endif
