/* What the two ends of a session tell each other of themselves (RFC 9113 6.5). */
#include "h2_internal.h"

enum {
    SETTING_INTERIM = 0xcf03,      /* of ours: the client is of ours, and takes interim answers */
    VISITOR_LIST_MAX = 256 * 1024, /* fields that a visitor is sent: more than any of them takes */
    LIST_MAX = HEADERS_BYTES_MAX + 64 * 1024, /* anybody else: all that a list of ours holds */
};

bool h2_settings_say(struct h2_session *session)
{
    const struct h2_options *options = &session->options;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options->is_server ? options->streams_max : 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, H2_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, session->head_max},
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

/* An unpacker of nghttp2 (NGHTTP2_HD_MAX_NV) cannot go on behind a string above H2_FIELD_MAX, and
 * it stands behind many clients, which say nothing of it or the wrong thing. Other peers are known,
 * or have said how much they take. */
struct h2_room h2_settings_room(const struct h2_session *session)
{
    const struct h2_options *options = &session->options;
    bool is_visitor = options->is_server && options->is_guarded;
    uint32_t told =
        nghttp2_session_get_remote_settings(session->ng, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE);
    size_t list = is_visitor ? VISITOR_LIST_MAX : LIST_MAX;
    bool takes_long = !is_visitor && (options->sends_long_fields || told != UINT32_MAX);
    if (told < list)
        list = told;
    return (struct h2_room){.field = takes_long ? list : H2_FIELD_MAX, .list = list};
}

void h2_settings_read(struct h2_session *session, const nghttp2_settings *settings)
{
    for (size_t i = 0; i < settings->niv; i++)
        if (settings->iv[i].settings_id == SETTING_INTERIM)
            session->peer_takes_interim = settings->iv[i].value != 0;
}
