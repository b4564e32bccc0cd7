/* See the header. The names are the linker's (--wrap). */
#include "support/scarce_memory.h"

#include <event2/event.h>
#include <jansson.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local bool is_armed;
static _Thread_local size_t pauses;
static _Thread_local size_t first, famine; /* numbers first ... first + famine - 1 fail */
static _Thread_local size_t asked;

static bool fails(void)
{
    if (!is_armed || pauses > 0)
        return false;
    size_t number = asked++;
    return number >= first && number - first < famine;
}

/* A library that asks for such a name must not miss it. */
#pragma GCC visibility push(default)
/* NOLINTBEGIN(bugprone-reserved-identifier) */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_reallocarray(void *memory, size_t count, size_t size);
char *__real_strdup(const char *text);
int __real_nghttp2_option_new(nghttp2_option **option);
int __real_nghttp2_session_callbacks_new(nghttp2_session_callbacks **callbacks);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_reallocarray(void *memory, size_t count, size_t size);
char *__wrap_strdup(const char *text);
int __wrap_nghttp2_option_new(nghttp2_option **option);
int __wrap_nghttp2_session_callbacks_new(nghttp2_session_callbacks **callbacks);
int __wrap_nghttp2_session_server_new2(nghttp2_session **session,
                                       const nghttp2_session_callbacks *callbacks, void *arg,
                                       const nghttp2_option *option);
int __wrap_nghttp2_session_client_new2(nghttp2_session **session,
                                       const nghttp2_session_callbacks *callbacks, void *arg,
                                       const nghttp2_option *option);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_reallocarray(void *memory, size_t count, size_t size)
{
    return fails() ? NULL : __real_reallocarray(memory, count, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

/* ---- nghttp2 ---- */

static void *ng_malloc(size_t size, void *arg)
{
    (void)arg;
    return __wrap_malloc(size);
}

static void *ng_calloc(size_t count, size_t size, void *arg)
{
    (void)arg;
    return __wrap_calloc(count, size);
}

static void *ng_realloc(void *memory, size_t size, void *arg)
{
    (void)arg;
    return __wrap_realloc(memory, size);
}

static void ng_free(void *memory, void *arg)
{
    (void)arg;
    free(memory);
}

static nghttp2_mem memory_of_ng = {NULL, ng_malloc, ng_free, ng_calloc, ng_realloc};

int __wrap_nghttp2_session_server_new2(nghttp2_session **session,
                                       const nghttp2_session_callbacks *callbacks, void *arg,
                                       const nghttp2_option *option)
{
    return nghttp2_session_server_new3(session, callbacks, arg, option, &memory_of_ng);
}

int __wrap_nghttp2_session_client_new2(nghttp2_session **session,
                                       const nghttp2_session_callbacks *callbacks, void *arg,
                                       const nghttp2_option *option)
{
    return nghttp2_session_client_new3(session, callbacks, arg, option, &memory_of_ng);
}

int __wrap_nghttp2_option_new(nghttp2_option **option)
{
    return fails() ? NGHTTP2_ERR_NOMEM : __real_nghttp2_option_new(option);
}

int __wrap_nghttp2_session_callbacks_new(nghttp2_session_callbacks **callbacks)
{
    return fails() ? NGHTTP2_ERR_NOMEM : __real_nghttp2_session_callbacks_new(callbacks);
}
/* NOLINTEND(bugprone-reserved-identifier) */

#pragma GCC visibility pop

/* ---- libraries with one allocator for all, set before their first call ---- */

__attribute__((constructor)) static void set_allocators(void)
{
    json_set_alloc_funcs(malloc, free);
    event_set_mem_functions(malloc, realloc, free);
}

/* ---- the test's ---- */

void scarce_memory_begin(size_t n)
{
    scarce_memory_begin_many(n, 1);
}

void scarce_memory_begin_many(size_t n, size_t count)
{
    is_armed = true;
    pauses = 0;
    first = n;
    famine = count;
    asked = 0;
}

bool scarce_memory_end(void)
{
    is_armed = false;
    return asked > first;
}

void scarce_memory_pause(void)
{
    pauses++;
}

void scarce_memory_go_on(void)
{
    pauses--;
}

size_t scarce_memory_count(void)
{
    return asked;
}
