/* libcurl, loaded when the first request is made: with what it brings along it is a third of the
 * memory of a connector that never needs it. */
#ifndef CULVERT_NET_FETCH_LIBRARY_H
#define CULVERT_NET_FETCH_LIBRARY_H

#include "culvert/base/error.h"

#include <curl/curl.h>

/* The calls that fetch needs, under the names of <curl/curl.h> without "curl_". */
struct fetch_library {
    CURL *(*easy_init)(void);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_perform)(CURL *);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    void (*easy_cleanup)(CURL *);
    const char *(*easy_strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
};

/* Finds the library and fills the table. It stays loaded to the end of the process. False: `err`
 * names what is missing. */
bool fetch_library_load(struct fetch_library *library, struct error *err) MUST_CHECK;

#endif
