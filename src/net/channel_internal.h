/* What a conn may do to a channel; nobody else includes it. */
#ifndef CULVERT_NET_CHANNEL_INTERNAL_H
#define CULVERT_NET_CHANNEL_INTERNAL_H

#include "culvert/net/channel.h"

#include "block.h"

/* Takes the first of what lies there, which is channel_peek, with its block; the caller's now. Not
 * of an empty channel. */
struct block *channel_take_block(struct channel *ch);

#endif
