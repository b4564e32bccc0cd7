/* Where a configuration file, certificates and credentials may lie: ~/.cloudflared,
 * ~/.cloudflare-warp, ~/cloudflare-warp, /etc/cloudflared, /usr/local/etc/cloudflared. */
#ifndef CULVERT_CONFIG_SEARCH_H
#define CULVERT_CONFIG_SEARCH_H

#include "culvert/base/buf.h"

enum { SEARCH_PATH_MAX = 4096 };

/* The first file of the name in the directories that can be opened; its path replaces what `path`
 * holds. `home` NULL or "": only the last two are searched. False: there is none. */
bool search_file(const char *home, const char *name, struct buf *path) MUST_CHECK;

/* The first configuration file: in each directory config.yml before config.yaml. */
bool search_config(const char *home, struct buf *path) MUST_CHECK;

/* Puts the path into `out`, a leading "~" or "~/" replaced by `home`. False: there is no home, or
 * `out` is full. */
bool search_expand_home(const char *home, struct span path, struct buf *out) MUST_CHECK;

#endif
