/* A configuration file: parsed, each scalar taken as whatever it may be, its typed part read, its
 * rules judged. */
#include "culvert/ingress/rules.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VISITS_MAX = 10 * 1000, WAITING_MAX = 1000 };

/* A number is one number, however it is asked for; only what spells one is one. */
static void check_scalar(const struct yml_node *node)
{
    int64_t number = 0;
    uint64_t plain = 0;
    bool truth = false;
    enum yml_kind kind = yml_kind(node);
    bool is_int = yml_to_int(node, &number);
    bool is_uint = yml_to_uint(node, &plain);
    assert((!is_int && !is_uint) || kind == YML_INT || kind == YML_FLOAT);
    assert(!is_int || !is_uint || (uint64_t)number == plain);
    if (yml_to_bool(node, true, &truth))
        assert(kind == YML_BOOL || kind == YML_TEXT);
    assert(kind != YML_DATE || yml_text(node).len >= strlen("2020-1-2"));
}

static void check_node(const struct yml_node *node)
{
    struct span text = yml_text(node);
    assert(yml_line(node) > 0 && yml_column(node) > 0);
    assert(text.data[text.len] == '\0');
    check_scalar(node);
}

/* All of it, what comes last first. */
static void check_tree(const struct yml_node *root)
{
    const struct yml_node *todo[WAITING_MAX];
    size_t count = 0;
    todo[count++] = root;
    for (size_t visits = 0; count > 0 && visits < VISITS_MAX; visits++) {
        const struct yml_node *node = todo[--count];
        check_node(node);
        for (size_t i = 0; i < yml_count(node) && count < WAITING_MAX; i++) {
            if (yml_kind(node) == YML_MAP)
                check_node(yml_key(node, i));
            todo[count++] = yml_at(node, i);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    struct notes notes = {0};
    struct yml *file = yml_parse(span_make(data, size), "config.yml", &err);
    if (file && yml_root(file))
        check_tree(yml_root(file));
    struct ingress_spec *spec =
        file ? ingress_spec_read(value_of_yml(yml_root(file)), &notes, &err) : NULL;
    struct rules *rules = spec ? rules_new(spec, &notes, &err) : NULL;
    if (!rules && err.text[0] == '\0')
        abort(); /* a refusal without words */
    rules_free(rules);
    ingress_spec_free(spec);
    yml_free(file);
    notes_release(&notes);
    return 0;
}
