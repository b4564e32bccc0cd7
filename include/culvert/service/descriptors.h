/* Open files of this process. */
#ifndef CULVERT_SERVICE_DESCRIPTORS_H
#define CULVERT_SERVICE_DESCRIPTORS_H

#include <stddef.h>

/* As many descriptors as the system allows; each visitor, stream and origin takes one. Twice is
 * fine. Returns how many there may be. */
size_t descriptors_raise(void);

#endif
