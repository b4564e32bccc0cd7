/* Counters, gauges and histograms with labels. A registry belongs to one worker; increments go
 * through pointers that are looked up once. What cannot be registered for want of memory is NULL,
 * and every function takes NULL and does nothing: a lost figure never stops a request. */
#ifndef CULVERT_OBSERVE_METRICS_H
#define CULVERT_OBSERVE_METRICS_H

#include "culvert/base/span.h"

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum {
    METRIC_LABELS_MAX = 4,
    METRIC_LABEL_BYTES = 128, /* of a value; longer ones are cut */
    METRIC_BOUNDS_MAX = 16,
    METRIC_SERIES_DEFAULT = 64,
};

/* A family of series: static const, kept by its address. */
struct metric_desc {
    const char *name;
    const char *help;
    enum metric_kind kind;
    const char *labels[METRIC_LABELS_MAX]; /* in alphabetical order; NULL: no more */
    size_t series_max;                     /* most label sets; 0: METRIC_SERIES_DEFAULT */
    double bounds[METRIC_BOUNDS_MAX];      /* upper ends of a histogram's buckets, rising */
    size_t bound_count;
};

struct metrics;
struct metric_family;
struct metric;

/* The caller owns the registry and all that is in it. NULL: out of memory. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics); /* NULL is allowed */

/* Registers the family, or finds it when it is there. One without labels has its series, with the
 * value 0, from now on; the others are shown from the first use of a label set. */
struct metric_family *metrics_family(struct metrics *metrics, const struct metric_desc *desc);

/* The series with these label values, one for each label of the family, in their order. Beyond
 * series_max it is the one whose values are all "other". Valid as long as the registry. */
struct metric *metric_with(struct metric_family *family, const struct span *values);

/* The series of a family without labels. */
struct metric *metrics_single(struct metrics *metrics, const struct metric_desc *desc);

/* Counters only grow; gauges also take negative amounts. */
void metric_add(struct metric *metric, double amount);

/* For gauges, and for counters whose count is kept elsewhere. */
void metric_set(struct metric *metric, double value);

/* For histograms: one observation. */
void metric_observe(struct metric *metric, double value);

/* The value; of a histogram the sum. 0 for NULL. */
double metric_value(const struct metric *metric);

/* Adds all figures of `from`, for the sum over registries that count apart: values of gauges too,
 * and of histograms the buckets. Families and series that `into` lacks are made, within series_max.
 * False: out of memory, `into` lacks some. */
bool metrics_merge(struct metrics *into, const struct metrics *from) MUST_CHECK;

#endif
