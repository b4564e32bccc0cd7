/* Which addresses and ports a client may be connected to: the ipRules of a rule, judged. */
#ifndef CULVERT_ORIGIN_IP_POLICY_H
#define CULVERT_ORIGIN_IP_POLICY_H

#include "culvert/base/ip.h"
#include "culvert/config/origin_request.h"

struct ip_policy;

/* The caller owns it. An entry that cannot be read denies all that reaches it: nothing is opened by
 * a slip of the pen. NULL: memory. */
struct ip_policy *ip_policy_new(const struct ip_rule *rules, size_t count, struct error *err);
void ip_policy_free(struct ip_policy *policy); /* NULL is allowed */

/* The first entry whose prefix and ports fit decides; without one the answer is no. An unspecified
 * address (0.0.0.0, ::) needs it twice: for itself, and for the loopback that it connects to; an
 * IPv4 address in IPv6's clothes is an IPv4 address. For dial_target.permits. */
bool ip_policy_permits(const void *policy, const struct ip_address *address);

#endif
