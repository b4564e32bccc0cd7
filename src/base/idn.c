/* libidn2 with the one set of flags that everybody here uses. */
#include "culvert/base/idn.h"

#include <idn2.h>

/* Letters, digits, hyphens and dots. libidn2's own flag for this drops other characters silently
 * and so makes one name of two. */
static bool is_host_name(struct span ascii)
{
    for (size_t i = 0; i < ascii.len; i++) {
        char c = ascii.data[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
        if (!fine)
            return false;
    }
    return true;
}

bool idn_to_ascii(struct span name, struct buf *out, struct error *err)
{
    char text[IDN_NAME_MAX + 1];
    if (name.len > IDN_NAME_MAX || span_find(name, '\0') < name.len)
        return error_set(err, ERROR_INVALID, 0, "too long for a host name, or a NUL in it");
    memcpy(text, name.data ? name.data : "", name.len);
    text[name.len] = '\0';
    char *ascii = NULL;
    int rc = idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK)
        return error_set(err, ERROR_INVALID, rc, "%s", idn2_strerror(rc));
    bool ok = true;
    if (!is_host_name(span_of(ascii)))
        ok = error_set(err, ERROR_INVALID, 0, "a character that host names may not have");
    else if (!buf_put_span(out, span_of(ascii)))
        ok = error_set(err, ERROR_LIMIT, 0, "too long for a host name");
    idn2_free(ascii);
    return ok;
}
