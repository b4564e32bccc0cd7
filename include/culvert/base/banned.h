/* Turns unsafe calls of the C library into compile errors. Included by error.h, so by everyone. */
#ifndef CULVERT_BASE_BANNED_H
#define CULVERT_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#pragma GCC poison strcpy strcat strncpy strncat strtok sprintf vsprintf gets
#pragma GCC poison atoi atol atoll atof localtime gmtime asctime ctime

#endif
