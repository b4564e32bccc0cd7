/* The values of all settings from every source: flag over variable over file over default. Each
 * value remembers where it came from. The one place that reads the environment. */
#ifndef CULVERT_CONFIG_SOURCES_H
#define CULVERT_CONFIG_SOURCES_H

#include "culvert/base/buf.h"
#include "culvert/config/settings.h"
#include "culvert/config/yaml.h"

/* Variables, from the process or from a test. */
struct environment {
    const char *(*find)(const char *name, void *arg); /* NULL: not set */
    void *arg;
    /* All of them as "NAME=VALUE", NULL behind the last one; NULL: nobody knows. */
    char *const *(*all)(void *arg);
};

/* The process's own. Static. */
const struct environment *environment_process(void);

/* The value of a variable; NULL when it is not set or empty. */
const char *environment_get(const struct environment *environment, const char *name);

enum { SOURCES_PLACE_MAX = 160 }; /* where a value comes from, in words; what is longer is cut */

enum source { SOURCE_DEFAULT, SOURCE_FILE, SOURCE_VARIABLE, SOURCE_FLAG };

struct sources;

/* Values of the options of one command and of the settings all commands know, all at their
 * defaults. `own` is kept. The caller frees it; secrets are wiped. NULL: out of memory. */
struct sources *sources_new(const struct setting *own, size_t own_count, struct error *err);
void sources_free(struct sources *sources); /* NULL is allowed */

/* An option of the command by name or alias; NULL: it has none so called. */
const struct setting *sources_find_own(const struct sources *sources, struct span name);

/* One flag of the command line; `setting` is of the own options or of the common table. A list
 * grows, anything else is replaced. False: not of its kind, `err` names the flag. */
bool sources_set_flag(struct sources *sources, const struct setting *setting, struct span value,
                      struct error *err) MUST_CHECK;

/* Each variable of each setting. An empty one is set, to nothing, where a text is wanted; else
 * it only keeps the file's value away. False: one is not of its kind, `err` names it. */
bool sources_read_environment(struct sources *sources, const struct environment *environment,
                              struct error *err) MUST_CHECK;

/* Tells of each variable whose name looks as if it was meant to be one of a setting, and that one.
 */
void sources_suspect_variables(const struct sources *sources, const struct environment *environment,
                               void (*suspect)(void *arg, struct span name, const char *meant),
                               void *arg);

/* The keys of a file that are settings, strictly by their YAML type; null and an empty text are not
 * set. Call it last.
 * `unread` (NULL: none, else ends in NULL): keys that are passed over. False: another type, `err`
 * names the place. */
bool sources_read_file(struct sources *sources, const struct yml_node *root,
                       const char *const *unread, struct error *err) MUST_CHECK;

/* The value under `name`, which must be in one of the tables and of that kind. An own option comes
 * before a common setting of the same name, but a flag before all. Texts are borrowed and end in a
 * NUL; an absent one is "". Durations are nanoseconds. */
const char *sources_text(const struct sources *sources, const char *name);
bool sources_bool(const struct sources *sources, const char *name);
int64_t sources_int(const struct sources *sources, const char *name);
int64_t sources_duration(const struct sources *sources, const char *name);
size_t sources_list_count(const struct sources *sources, const char *name);
const char *sources_list_at(const struct sources *sources, const char *name, size_t index);

/* The text of the common setting, whatever the command's own option of that name says. */
const char *sources_common_text(const struct sources *sources, const char *name);

/* Where the value comes from, and in words for messages: "--url", "TUNNEL_URL", "config.yml:3:6",
 * "the default". */
enum source sources_where(const struct sources *sources, const char *name);
void sources_describe(const struct sources *sources, const char *name, char *out, size_t size);

/* From another place than the default? */
bool sources_is_set(const struct sources *sources, const char *name);

/* The `index`th common setting as it was spelled, lists joined by ",", appended to `out`. False: it
 * has its default, is a secret, or `out` is full. */
bool sources_spell(const struct sources *sources, size_t index, struct buf *out) MUST_CHECK;

#endif
