/* The rules of a tunnel whose file has no `ingress`: one origin, named by a flag, a variable or a
 * top-level key (--hello-world, --bastion, --url, --unix-socket). */
#ifndef CULVERT_INGRESS_SINGLE_ORIGIN_H
#define CULVERT_INGRESS_SINGLE_ORIGIN_H

#include "culvert/config/sources.h"
#include "culvert/ingress/rules.h"

/* `spec` (NULL: no file) gives the file's originRequest, which stands below the flags. *configured:
 * an origin was named; else every request gets 503. The caller frees the rules. NULL: the URL is
 * none, or memory; `err` names where the setting comes from. */
struct rules *single_origin_rules(const struct sources *sources, const struct ingress_spec *spec,
                                  bool *configured, struct error *err);

#endif
