/* The soft limit is what a shell or a service manager begins with; the hard one is what may be. */
#include "culvert/service/descriptors.h"

#include <sys/resource.h>

enum { USUAL = 1024 };

size_t descriptors_raise(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == -1)
        return USUAL;
    rlim_t before = files.rlim_cur;
    files.rlim_cur = files.rlim_max;
    if (before != files.rlim_max && setrlimit(RLIMIT_NOFILE, &files) == -1)
        files.rlim_cur = before;
    return (size_t)files.rlim_cur;
}
