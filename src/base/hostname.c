/* Host names by RFC 1035 2.3.4 and RFC 5891 4.2.3.1, with "_" and wildcards as DNS has them. */
#include "culvert/base/hostname.h"

#include "culvert/base/idn.h"

enum { LABEL_MAX = 63 };

static bool is_ascii(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] > 0x7f)
            return false;
    return true;
}

static bool is_label_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* What is wrong with a label in lower case; NULL: nothing. */
static const char *label_fault(struct span label, bool is_first)
{
    if (label.len == 0)
        return "a label is empty";
    if (label.len > LABEL_MAX)
        return "a label is longer than 63 bytes";
    if (span_equal(label, SPAN("*")))
        return is_first ? NULL : "* may only be the first label";
    for (size_t i = 0; i < label.len; i++)
        if (!is_label_char(label.data[i]))
            return label.data[i] == '*' ? "* may only be a label of its own"
                                        : "only letters, digits, - and _ are allowed";
    if (label.data[0] == '-' || label.data[label.len - 1] == '-')
        return "a label begins or ends with -";
    bool marked = label.len >= 4 && label.data[2] == '-' && label.data[3] == '-';
    return marked && !span_starts(label, SPAN("xn--")) ? "a label has -- at its places 3 and 4"
                                                       : NULL;
}

static const char *name_fault(struct span name)
{
    struct span rest = name;
    struct span label;
    bool is_first = true;
    if (name.len == 0)
        return "it is empty";
    if (name.len > HOSTNAME_MAX)
        return "it is longer than 253 bytes";
    while (span_cut(&rest, '.', &label)) {
        const char *fault = label_fault(label, is_first);
        if (fault)
            return fault;
        is_first = false;
    }
    return NULL;
}

/* Appends the ASCII form in lower case, whatever the name is. */
static bool put_ascii(struct span name, struct buf *out, struct error *err)
{
    bool wild = span_starts(name, SPAN("*."));
    if (wild && !buf_put_span(out, SPAN("*.")))
        return error_memory(err);
    name = span_skip(name, wild ? 2 : 0);
    if (!is_ascii(name))
        return idn_to_ascii(name, out, err);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        if (!buf_put_char(out, (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c)))
            return error_memory(err);
    }
    return true;
}

bool hostname_read(struct span name, struct buf *out, struct error *err)
{
    struct buf ascii = BUF_LIMIT(IDN_NAME_MAX);
    struct span asked = name;
    if (name.len > IDN_NAME_MAX)
        return error_set(err, ERROR_INVALID, 0, "not a valid hostname: longer than %d bytes",
                         IDN_NAME_MAX);
    if (span_ends(name, SPAN(".")))
        name.len--;
    bool ok = put_ascii(name, &ascii, err);
    const char *fault = ok ? name_fault(buf_span(&ascii)) : NULL;
    if (fault)
        ok = error_set(err, ERROR_INVALID, 0, "%s", fault);
    if (ok && !buf_put_span(out, buf_span(&ascii)))
        ok = error_set(err, ERROR_LIMIT, 0, "no room for it");
    buf_release(&ascii);
    return ok || error_wrap(err, "%.*s is not a valid hostname", SPAN_ARG(asked));
}
