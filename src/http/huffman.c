/* The code is canonical: codes of one length follow one another in the order of their symbols, and
 * shorter ones stand before longer ones. So a length, the first code of it and the place of that
 * one's symbol are the whole tree. */
#include "culvert/http/huffman.h"

enum { WINDOW = 32, LONGEST = 30 };

/* By their codes. The last code of all, thirty times 1, is the end of a string. */
static const unsigned char symbols[] = {
    48,  49,  50,  97,  99,  101, 105, 111, 115, 116, 32,  37,  45,  46,  47,  51,  52,  53,  54,
    55,  56,  57,  61,  65,  95,  98,  100, 102, 103, 104, 108, 109, 110, 112, 114, 117, 58,  66,
    67,  68,  69,  70,  71,  72,  73,  74,  75,  76,  77,  78,  79,  80,  81,  82,  83,  84,  85,
    86,  87,  89,  106, 107, 113, 118, 119, 120, 121, 122, 38,  42,  44,  59,  88,  90,  33,  34,
    40,  41,  63,  39,  43,  124, 35,  62,  0,   36,  64,  91,  93,  126, 94,  125, 60,  96,  123,
    92,  195, 208, 128, 130, 131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177, 179, 209,
    216, 217, 227, 229, 230, 129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173,
    178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232, 233, 1,   135, 137, 138, 139, 140, 141,
    143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191,
    197, 231, 239, 9,   142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237, 199, 207, 234, 235,
    192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255, 203, 204, 211, 212,
    214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254, 2,   3,   4,   5,
    6,   7,   8,   11,  12,  14,  15,  16,  17,  18,  19,  20,  21,  23,  24,  25,  26,  27,  28,
    29,  30,  31,  127, 220, 249, 10,  13,  22};

static const struct {
    unsigned bits;
    uint32_t first; /* code, leftmost in 32 bits */
    unsigned at;    /* its symbol */
} lengths[] = {
    {5, 0x00000000, 0},    {6, 0x50000000, 10},   {7, 0xb8000000, 36},   {8, 0xf8000000, 68},
    {10, 0xfe000000, 74},  {11, 0xff400000, 79},  {12, 0xffa00000, 82},  {13, 0xffc00000, 84},
    {14, 0xfff00000, 90},  {15, 0xfff80000, 92},  {19, 0xfffe0000, 95},  {20, 0xfffe6000, 98},
    {21, 0xfffee000, 106}, {22, 0xffff4800, 119}, {23, 0xffffb000, 145}, {24, 0xffffea00, 174},
    {25, 0xfffff600, 186}, {26, 0xfffff800, 190}, {27, 0xfffffbc0, 205}, {28, 0xfffffe20, 224},
    {30, 0xfffffff0, 253},
};

/* The length whose codes these bits begin with. */
static size_t length_of(uint32_t window)
{
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(lengths) && window >= lengths[i + 1].first)
        i++;
    return i;
}

/* Takes one symbol off, if its code is there as a whole; -1: it is not, or it is the end. */
static int take_symbol(struct huffman *huffman)
{
    uint32_t window = (uint32_t)(huffman->bits >> WINDOW);
    size_t i = length_of(window);
    size_t at = lengths[i].at + ((window - lengths[i].first) >> (WINDOW - lengths[i].bits));
    if (lengths[i].bits > huffman->count || at >= ARRAY_LEN(symbols))
        return -1;
    huffman->bits <<= lengths[i].bits;
    huffman->count -= lengths[i].bits;
    return symbols[at];
}

enum huffman_verdict huffman_feed(struct huffman *huffman, struct span packed, struct buf *out)
{
    while (packed.len > 0) {
        uint64_t byte = (unsigned char)packed.data[0];
        packed = span_skip(packed, 1);
        huffman->bits |= byte << (2 * WINDOW - 8 - huffman->count);
        huffman->count += 8;
        for (int symbol = take_symbol(huffman); symbol >= 0; symbol = take_symbol(huffman))
            if (!buf_put_char(out, (char)symbol))
                return HUFFMAN_FULL;
        if (huffman->count >= LONGEST)
            return HUFFMAN_BAD;
    }
    return HUFFMAN_GOOD;
}

bool huffman_is_whole(const struct huffman *huffman)
{
    return huffman->count < 8 &&
           huffman->bits >> (2 * WINDOW - 8) == (0xffu & ~(0xffu >> huffman->count));
}
