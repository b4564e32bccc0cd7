/* What a registry looks like inside, for the two files that must know: metrics and exposition. */
#ifndef CULVERT_SRC_OBSERVE_METRIC_TABLES_H
#define CULVERT_SRC_OBSERVE_METRIC_TABLES_H

#include "culvert/base/list.h"
#include "culvert/base/map.h"
#include "culvert/observe/metrics.h"

enum { METRIC_FAMILIES_MAX = 128 };

struct metric {
    struct link link;
    const struct metric_desc *desc;
    double value;                          /* of a histogram: the sum */
    uint64_t count;                        /* of a histogram: all observations */
    uint64_t *counts;                      /* of a histogram: for each bound, not yet added up */
    struct span labels[METRIC_LABELS_MAX]; /* values, in `text` */
    char text[];
};

struct metric_family {
    const struct metric_desc *desc;
    struct list series;
    struct map *by_labels; /* values, each with a byte behind it that no value holds */
    struct metric *other;
};

struct metrics {
    struct metric_family families[METRIC_FAMILIES_MAX];
    size_t count;
};

/* How many labels the family has. */
size_t metric_label_count(const struct metric_desc *desc);

#endif
