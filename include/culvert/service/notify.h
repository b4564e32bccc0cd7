/* What a service manager wants to hear: readiness by sd_notify's protocol, and a pid file. */
#ifndef CULVERT_SERVICE_NOTIFY_H
#define CULVERT_SERVICE_NOTIFY_H

#include "culvert/base/error.h"

/* Sends `state` ("READY=1") to the socket at `path` (the value of NOTIFY_SOCKET; NULL or "": nobody
 * asked). Nothing is waited for and a failure is no matter. */
void notify_send(const char *path, const char *state);

/* Writes our process id in decimal, without a line end. */
bool pid_file_write(const char *path, struct error *err) MUST_CHECK;

/* Ends the process as the signal's default action does, so that a manager sees why. */
void process_end_by_signal(int signal_number);

#endif
