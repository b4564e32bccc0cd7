/* The table of all settings: what each is called on the command line, in the environment and in the
 * file, of which kind it is, and what it is for. Commands describe options of their own with the
 * same struct. Nothing here knows a value: that is config/sources. */
#ifndef CULVERT_CONFIG_SETTINGS_H
#define CULVERT_CONFIG_SETTINGS_H

#include "culvert/base/span.h"

enum setting_kind {
    SETTING_BOOL,
    SETTING_TEXT,
    SETTING_INT,
    SETTING_DURATION,
    SETTING_LIST, /* a flag may be repeated; a variable is split at commas */
};

enum setting_trait {
    SETTING_FILE = 1u << 0,     /* may stand in config.yml under its name */
    SETTING_HIDDEN = 1u << 1,   /* not in the help */
    SETTING_INERT = 1u << 2,    /* accepted for the sake of old unit files, never has an effect */
    SETTING_SECRET = 1u << 3,   /* never printed */
    SETTING_REPORTED = 1u << 4, /* told to the edge with the local configuration */
    /* Known, but about what this version does not have: who gives one is told. */
    SETTING_QUIC = 1u << 5,
    SETTING_ICMP = 1u << 6,
    SETTING_MANAGEMENT = 1u << 7, /* the service that answers for the connector itself */
    SETTING_AT_ONCE = 1u << 8,    /* tunnels that are made and run by one command */
};

enum { SETTING_NAMES_MAX = 2 };

struct setting {
    const char *name;                         /* long name, without dashes; the key in the file */
    const char *aliases[SETTING_NAMES_MAX];   /* other spellings of the flag; NULL at the end */
    const char *variables[SETTING_NAMES_MAX]; /* the first one that is set counts */
    enum setting_kind kind;
    unsigned traits;
    const char *fallback; /* spelled as in a flag; NULL: false, 0, "" or an empty list */
    const char *argument; /* what the help calls its value: PATH; NULL for kind BOOL */
    const char *help;     /* one line, no full stop */
};

/* The settings that every command knows: the `index`th one; NULL behind the last one. */
const struct setting *settings_at(size_t index);
size_t settings_count(void);

/* By name or alias; NULL: there is none. */
const struct setting *settings_find(struct span name);

/* Why `tunnel run` makes no use of it, a sentence without a full stop; NULL: it does, or nobody
 * needs to know. */
const char *setting_why_idle(const struct setting *setting);

/* Is it the name or an alias? */
bool setting_is_called(const struct setting *setting, struct span name);

#endif
