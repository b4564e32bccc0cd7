/* Character classes of an expression: "[...]", "\pN", "\d" and their kin. */
#include "pattern_scan.h"

/* Unicode classes that RE2 knows: general categories and scripts. */
static const char categories[] = " C Cc Cf Cn Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd "
                                 "Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs Any ";
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

/* Longer names of categories, and what is none. Negated: the other column. */
static const struct {
    const char *name, *members, *others; /* the latter two as members of a class */
} aliases[] = {
    {"ASCII", "\\x{0}-\\x{7F}", "\\x{80}-\\x{10FFFF}"},
    {"Assigned", "\\P{Cn}", "\\p{Cn}"},
    {"LC", "\\p{L&}", "\\P{L&}"},
    {"Cased_Letter", "\\p{L&}", "\\P{L&}"},
    {"Close_Punctuation", "\\p{Pe}", "\\P{Pe}"},
    {"Cntrl", "\\p{Cc}", "\\P{Cc}"},
    {"Combining_Mark", "\\p{M}", "\\P{M}"},
    {"Connector_Punctuation", "\\p{Pc}", "\\P{Pc}"},
    {"Control", "\\p{Cc}", "\\P{Cc}"},
    {"Currency_Symbol", "\\p{Sc}", "\\P{Sc}"},
    {"Dash_Punctuation", "\\p{Pd}", "\\P{Pd}"},
    {"Decimal_Number", "\\p{Nd}", "\\P{Nd}"},
    {"Digit", "\\p{Nd}", "\\P{Nd}"},
    {"Enclosing_Mark", "\\p{Me}", "\\P{Me}"},
    {"Final_Punctuation", "\\p{Pf}", "\\P{Pf}"},
    {"Format", "\\p{Cf}", "\\P{Cf}"},
    {"Initial_Punctuation", "\\p{Pi}", "\\P{Pi}"},
    {"Letter", "\\p{L}", "\\P{L}"},
    {"Letter_Number", "\\p{Nl}", "\\P{Nl}"},
    {"Line_Separator", "\\p{Zl}", "\\P{Zl}"},
    {"Lowercase_Letter", "\\p{Ll}", "\\P{Ll}"},
    {"Mark", "\\p{M}", "\\P{M}"},
    {"Math_Symbol", "\\p{Sm}", "\\P{Sm}"},
    {"Modifier_Letter", "\\p{Lm}", "\\P{Lm}"},
    {"Modifier_Symbol", "\\p{Sk}", "\\P{Sk}"},
    {"Nonspacing_Mark", "\\p{Mn}", "\\P{Mn}"},
    {"Number", "\\p{N}", "\\P{N}"},
    {"Open_Punctuation", "\\p{Ps}", "\\P{Ps}"},
    {"Other", "\\p{C}", "\\P{C}"},
    {"Other_Letter", "\\p{Lo}", "\\P{Lo}"},
    {"Other_Number", "\\p{No}", "\\P{No}"},
    {"Other_Punctuation", "\\p{Po}", "\\P{Po}"},
    {"Other_Symbol", "\\p{So}", "\\P{So}"},
    {"Paragraph_Separator", "\\p{Zp}", "\\P{Zp}"},
    {"Private_Use", "\\p{Co}", "\\P{Co}"},
    {"Punct", "\\p{P}", "\\P{P}"},
    {"Punctuation", "\\p{P}", "\\P{P}"},
    {"Separator", "\\p{Z}", "\\P{Z}"},
    {"Space_Separator", "\\p{Zs}", "\\P{Zs}"},
    {"Spacing_Mark", "\\p{Mc}", "\\P{Mc}"},
    {"Surrogate", "\\p{Cs}", "\\P{Cs}"},
    {"Symbol", "\\p{S}", "\\P{S}"},
    {"Titlecase_Letter", "\\p{Lt}", "\\P{Lt}"},
    {"Unassigned", "\\p{Cn}", "\\P{Cn}"},
    {"Uppercase_Letter", "\\p{Lu}", "\\P{Lu}"},
};

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
    {'W', "\\W"}, /* not ranges: where case does not count they would have k and s among them */
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

/* Names compare without case, blanks, "_" and "-". */
static bool is_same_name(struct span a, struct span b)
{
    size_t i = 0;
    size_t k = 0;
    for (;;) {
        while (i < a.len && strchr(" _-", a.data[i]))
            i++;
        while (k < b.len && strchr(" _-", b.data[k]))
            k++;
        if (i == a.len || k == b.len)
            return i == a.len && k == b.len;
        if (!span_equal_nocase(span_make(a.data + i++, 1), span_make(b.data + k++, 1)))
            return false;
    }
}

/* The word of a list that `name` means; empty: none. */
static struct span find_name(const char *list, struct span name)
{
    struct span rest = span_of(list);
    struct span word;
    while (span_cut(&rest, ' ', &word))
        if (word.len > 0 && is_same_name(word, name))
            return word;
    return SPAN("");
}

/* Writes the class that `name` means, or what it leaves out, as a member of a class. */
static bool put_named(struct scanner *s, struct span name, bool negated)
{
    char text[80];
    for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
        if (is_same_name(span_of(aliases[i].name), name))
            return scan_put(s, negated ? aliases[i].others : aliases[i].members);
    struct span category = find_name(categories, name);
    struct span script = find_name(scripts, name);
    if (category.len == 0 && script.len == 0)
        return scan_refuse(s, "a \\p with the name of no category and no script");
    (void)snprintf(text, sizeof text, "\\%c{%s%.*s}", negated ? 'P' : 'p',
                   category.len > 0 ? "" : "sc:", SPAN_ARG(category.len > 0 ? category : script));
    return scan_put(s, text);
}

bool scan_unicode_class(struct scanner *s, bool is_alone)
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
    scan_skip(s, used);
    if (!is_alone)
        return put_named(s, name, negated);
    /* Where case does not count, what is negated as a whole leaves out both cases. */
    return scan_put(s, negated ? "[^" : "[") && put_named(s, name, false) && scan_put(s, "]");
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
        return scan_unicode_class(s, false);
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
