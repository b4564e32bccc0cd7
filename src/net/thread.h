/* Starting a thread of ours. Only files of net do; everyone else uses jobs and workers. */
#ifndef CULVERT_NET_THREAD_H
#define CULVERT_NET_THREAD_H

#include "culvert/base/error.h"

#include <pthread.h>

/* A thread that takes no signals: those are the main loop's. False: the system has none left. */
bool thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg,
                  struct error *err) MUST_CHECK;

#endif
