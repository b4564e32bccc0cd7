/* The loader's side of libcurl. */
#include "fetch_library.h"

#include "culvert/base/span.h"

#include <dlfcn.h>
#include <stddef.h>

/* The binary interface since 2006; the options in use need 7.85. */
#define LIBRARY_FILE "libcurl.so.4"

#define CALL(name)                                                                                 \
    {                                                                                              \
        "curl_" #name, offsetof(struct fetch_library, name)                                        \
    }

static const struct {
    const char *symbol;
    size_t place;
} calls[] = {
    CALL(easy_init),    CALL(easy_setopt),   CALL(easy_perform), CALL(easy_getinfo),
    CALL(easy_cleanup), CALL(easy_strerror), CALL(slist_append), CALL(slist_free_all),
};

bool fetch_library_load(struct fetch_library *library, struct error *err)
{
    void *handle = dlopen(LIBRARY_FILE, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return error_set(err, ERROR_SYSTEM, 0, "libcurl is needed for this: %s", dlerror());
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        void *found = dlsym(handle, calls[i].symbol);
        if (!found)
            return error_set(err, ERROR_SYSTEM, 0, "libcurl is needed for this: %s", dlerror());
        /* ISO C knows no cast from an object's address to a function's; POSIX has them alike. */
        memcpy((char *)library + calls[i].place, &found, sizeof found);
    }
    return true;
}
