/* The tables of attacks, one behind the other. */
#include "support/attacks.h"

#include "support/h1_attacks.h"
#include "support/h2_attacks.h"

static const struct attack *(*const tables[])(size_t *count) = {h1_attacks, h2_attacks};

const struct attack *attacks_at(size_t index)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        size_t count;
        const struct attack *attacks = tables[i](&count);
        if (index < count)
            return &attacks[index];
        index -= count;
    }
    return NULL;
}

const struct attack *attacks_find(const char *name)
{
    const struct attack *attack;
    for (size_t i = 0; (attack = attacks_at(i)); i++)
        if (strcmp(attack->name, name) == 0)
            return attack;
    return NULL;
}
