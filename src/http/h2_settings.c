/* What the two ends of a session tell each other of themselves (RFC 9113 6.5). */
#include "h2_internal.h"

enum { SETTING_INTERIM = 0xcf03 /* of ours: the client is of ours, and takes interim answers */ };

bool h2_settings_say(struct h2_session *session)
{
    const struct h2_options *options = &session->options;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options->is_server ? options->streams_max : 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, options->head_max},
        /* A server does not speak of push, nor a client of this, nor a server of the last. */
        {options->is_server ? NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL
                            : NGHTTP2_SETTINGS_ENABLE_PUSH,
         options->is_server ? 1 : 0},
        {SETTING_INTERIM, 1},
    };
    size_t usual = ARRAY_LEN(settings) - 2;
    size_t count = options->is_server ? usual + (options->takes_websockets ? 1 : 0)
                                      : usual + 1 + (options->takes_interim ? 1 : 0);
    return nghttp2_submit_settings(session->ng, NGHTTP2_FLAG_NONE, settings, count) == 0 &&
           nghttp2_session_set_local_window_size(session->ng, NGHTTP2_FLAG_NONE, 0,
                                                 H2_CONN_WINDOW) == 0;
}

void h2_settings_read(struct h2_session *session, const nghttp2_settings *settings)
{
    for (size_t i = 0; i < settings->niv; i++)
        if (settings->iv[i].settings_id == SETTING_INTERIM)
            session->peer_takes_interim = settings->iv[i].value != 0;
}
