/* Log events on stdout, as TAP comments, when TEST_LOG is set. */
#ifndef CULVERT_TESTS_SUPPORT_LOG_PRINT_H
#define CULVERT_TESTS_SUPPORT_LOG_PRINT_H

#include "culvert/base/log.h"

void log_print_if_asked(struct log *log);

#endif
