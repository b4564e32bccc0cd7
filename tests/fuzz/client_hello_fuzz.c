/* What is read of a whole is never taken back by a part of it: a part says the same, or that more
 * is wanted. A name is a text of its length. */
#include "culvert/edge/client_hello.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char whole[CLIENT_HELLO_NAME_SIZE];
    char part[CLIENT_HELLO_NAME_SIZE];
    enum client_hello said = client_hello_read(span_make(data, size), whole);
    size_t len = strnlen(whole, sizeof whole);
    assert(len < sizeof whole && (len > 0) == (said == CLIENT_HELLO_NAMED));
    size_t step = size / 64 + 1;
    for (size_t i = 0; i < size; i += step) {
        enum client_hello now = client_hello_read(span_make(data, i), part);
        assert(now == CLIENT_HELLO_MORE || now == said);
        assert(now != CLIENT_HELLO_NAMED || strcmp(part, whole) == 0);
    }
    return 0;
}
