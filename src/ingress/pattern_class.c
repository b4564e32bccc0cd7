/* Character classes of an expression: "[...]", "\pN", "\d" and their kin. */
#include "pattern_scan.h"

/* Unicode classes that RE2 knows: general categories and scripts. */
static const char categories[] = " C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe "
                                 "Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs Any ";
static const char scripts[] =
    " Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak "
    "Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian "
    "Caucasian_Albanian Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot "
    "Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs "
    "Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi "
    "Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited "
    "Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kayah_Li "
    "Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A "
    "Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen "
    "Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs "
    "Miao Modi Mongolian Mro Multani Myanmar Nabataean Nandinagari New_Tai_Lue Newa Nko Nushu "
    "Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic "
    "Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya "
    "Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan "
    "Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese "
    "Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut "
    "Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi "
    "Yezidi Yi Zanabazar_Square ";

/* \d, \s, \w as members of a class: ASCII only, and no vertical tab in \s. */
static const struct {
    char letter;
    const char *members;
} perl_classes[] = {
    {'d', "0-9"},
    {'s', "\\t\\n\\f\\r\\x{20}"},
    {'w', "0-9A-Za-z_"},
    {'D', "\\x{0}-\\x{2F}\\x{3A}-\\x{10FFFF}"},
    {'S', "\\x{0}-\\x{8}\\x{B}\\x{E}-\\x{1F}\\x{21}-\\x{10FFFF}"},
    {'W', "\\x{0}-\\x{2F}\\x{3A}-\\x{40}\\x{5B}-\\x{5E}\\x{60}\\x{7B}-\\x{10FFFF}"},
};

static const char posix_classes[] = " alnum alpha ascii blank cntrl digit graph lower print punct "
                                    "space upper word xdigit ";

/* Is `word` one of a list in which blanks stand around each? */
static bool is_listed(const char *list, struct span word)
{
    char padded[64];
    if (word.len == 0 || word.len > sizeof padded - 3 || span_find(word, ' ') < word.len)
        return false;
    (void)snprintf(padded, sizeof padded, " %.*s ", SPAN_ARG(word));
    return strstr(list, padded) != NULL;
}

/* \pN, \p{Greek}, \P{^L}: in a class or outside. */
bool scan_unicode_class(struct scanner *s)
{
    bool negated = scan_peek(s, 1) == 'P';
    struct span name = span_first(span_skip(s->rest, 2), 1);
    size_t used = 3;
    if (scan_peek(s, 2) == '{') {
        name = span_skip(s->rest, 3);
        size_t end = span_find(name, '}');
        if (end == name.len)
            return scan_refuse(s, "a \\p{ without its }");
        name = span_first(name, end);
        used = end + 4;
    }
    if (span_starts(name, SPAN("^"))) {
        negated = !negated;
        name = span_skip(name, 1);
    }
    bool is_script = is_listed(scripts, name);
    if (!is_script && !is_listed(categories, name))
        return scan_refuse(s, "a \\p with the name of no category and no script");
    char text[80];
    (void)snprintf(text, sizeof text, "\\%c{%s%.*s}", negated ? 'P' : 'p', is_script ? "sc:" : "",
                   SPAN_ARG(name));
    scan_skip(s, used);
    return scan_put(s, text);
}

const char *scan_perl_class(char letter)
{
    for (size_t i = 0; i < ARRAY_LEN(perl_classes); i++)
        if (perl_classes[i].letter == letter)
            return perl_classes[i].members;
    return NULL;
}

/* "[:name:]" inside a class; *taken stays false when it is not closed and so is none. */
static bool take_posix_class(struct scanner *s, bool *taken)
{
    struct span inner = span_skip(s->rest, 2);
    size_t end = 0;
    while (end + 1 < inner.len && !(inner.data[end] == ':' && inner.data[end + 1] == ']'))
        end++;
    if (end + 1 >= inner.len)
        return true;
    struct span name = span_first(inner, end);
    bool negated = span_starts(name, SPAN("^"));
    if (!is_listed(posix_classes, negated ? span_skip(name, 1) : name))
        return scan_refuse(s, "a [:name:] that does not exist");
    char text[32];
    (void)snprintf(text, sizeof text, "[:%.*s:]", SPAN_ARG(name));
    scan_skip(s, end + 4);
    *taken = true;
    return scan_put(s, text);
}

static bool take_class_rune(struct scanner *s, unsigned *rune)
{
    if (s->rest.len == 0)
        return scan_refuse(s, "a [ without its ]");
    if (scan_peek(s, 0) == '\\')
        return scan_escape(s, rune);
    *rune = scan_rune(s);
    return true;
}

static bool take_class_range(struct scanner *s)
{
    unsigned low = 0;
    unsigned high;
    if (!take_class_rune(s, &low))
        return false;
    high = low;
    if (scan_peek(s, 0) == '-' && s->rest.len > 1 && scan_peek(s, 1) != ']') {
        scan_skip(s, 1);
        if (!take_class_rune(s, &high))
            return false;
        if (high < low)
            return scan_refuse(s, "a range in the wrong order");
    }
    return scan_put_rune(s, low) && (high == low || (scan_put(s, "-") && scan_put_rune(s, high)));
}

static bool take_class_item(struct scanner *s)
{
    if (scan_peek(s, 0) == '[' && scan_peek(s, 1) == ':') {
        bool taken = false;
        if (!take_posix_class(s, &taken) || taken)
            return taken;
    }
    if (scan_peek(s, 0) == '\\' && (scan_peek(s, 1) == 'p' || scan_peek(s, 1) == 'P'))
        return scan_unicode_class(s);
    const char *members = scan_peek(s, 0) == '\\' ? scan_perl_class(scan_peek(s, 1)) : NULL;
    if (members) {
        scan_skip(s, 2);
        return scan_put(s, members);
    }
    return take_class_range(s);
}

bool scan_class(struct scanner *s)
{
    scan_skip(s, 1);
    bool negated = scan_peek(s, 0) == '^';
    if (negated)
        scan_skip(s, 1);
    if (!scan_put(s, negated ? "[^" : "["))
        return false;
    bool first = true;
    while (scan_peek(s, 0) != ']' || first) {
        first = false;
        if (!take_class_item(s))
            return false;
    }
    scan_skip(s, 1);
    return scan_put(s, "]");
}
