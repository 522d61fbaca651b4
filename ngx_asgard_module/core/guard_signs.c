/* The signs of a text, by tables that scripts/sign-table writes. */
#include "core/guard_signs.h"

typedef struct {
    uint32_t from, to;
} range_t;

typedef struct {
    uint32_t from, to;
    uint32_t step;
    int32_t by;
} fold_t;

static const range_t parts[] = {
#define PART(from, to)  {from, to},
#define ALONE(from, to)
#define FOLD(from, to, step, by)
#include "core/guard_signs.def"
#undef PART
#undef ALONE
};

static const range_t alone[] = {
#define PART(from, to)
#define ALONE(from, to) {from, to},
#include "core/guard_signs.def"
#undef ALONE
#undef FOLD
};

static const fold_t folds[] = {
#define ALONE(from, to)
#define FOLD(from, to, step, by) {from, to, step, by},
#include "core/guard_signs.def"
#undef PART
#undef ALONE
#undef FOLD
};

#define COUNT(table)  (sizeof(table) / sizeof(*(table)))

static bool is_in(const range_t *table, size_t n, uint32_t point)
{
    size_t low = 0;

    while (low < n) {
        size_t middle = low + (n - low) / 2;

        if (point < table[middle].from) {
            n = middle;
        } else if (point > table[middle].to) {
            low = middle + 1;
        } else {
            return true;
        }
    }
    return false;
}

/* The signs of n bytes begin at `least`. */
static size_t tail(const uint8_t *p, size_t n, uint32_t first, uint32_t least,
    uint32_t *point)
{
    uint32_t found = first;

    for (size_t i = 1; i < n; i++) {
        if (!asg_sign_is_tail((char) p[i])) {
            return 1;
        }
        found = found << 6 | (p[i] & 0x3f);
    }
    if (found < least || found > 0x10ffff
        || (found >= 0xd800 && found <= 0xdfff))
    {
        return 1;
    }
    *point = found;
    return n;
}

size_t asg_sign_read(const uint8_t *p, const uint8_t *end, uint32_t *point)
{
    size_t left = (size_t) (end - p);

    *point = UINT32_MAX;
    if (*p < 0x80) {
        *point = *p;
        return 1;
    }
    if (*p >= 0xf0 && left >= 4) {
        return *p < 0xf8 ? tail(p, 4, *p & 7u, 0x10000, point) : 1;
    }
    if (*p >= 0xe0 && *p < 0xf0 && left >= 3) {
        return tail(p, 3, *p & 15u, 0x800, point);
    }
    if (*p >= 0xc2 && *p < 0xe0 && left >= 2) {
        return tail(p, 2, *p & 31u, 0x80, point);
    }
    return 1;
}

asg_sign_t asg_sign_kind(uint32_t point)
{
    if (point < 0x80) {
        uint32_t lower = point | 0x20;

        return (lower >= 'a' && lower <= 'z') || (point >= '0' && point <= '9')
            || point == '_' ? ASG_SIGN_PART : ASG_SIGN_NONE;
    }
    if (is_in(alone, COUNT(alone), point)) {
        return ASG_SIGN_ALONE;
    }
    return is_in(parts, COUNT(parts), point) ? ASG_SIGN_PART : ASG_SIGN_NONE;
}

uint32_t asg_sign_fold(uint32_t point)
{
    size_t low = 0, n = COUNT(folds);

    if (point < 0x80) {
        return point >= 'A' && point <= 'Z' ? point | 0x20 : point;
    }
    while (low < n) {
        size_t middle = low + (n - low) / 2;
        const fold_t *row = &folds[middle];

        if (point < row->from) {
            n = middle;
        } else if (point > row->to) {
            low = middle + 1;
        } else {
            return (point - row->from) % row->step == 0
                ? (uint32_t) ((int32_t) point + row->by) : point;
        }
    }
    return point;
}

asg_str_t asg_sign_whole(asg_str_t text)
{
    size_t n = 0, wants;
    uint8_t lead;

    while (n < 3 && n < text.len
           && asg_sign_is_tail(text.data[text.len - 1 - n]))
    {
        n++;
    }
    if (n == text.len) {
        return text;
    }
    lead = (uint8_t) text.data[text.len - 1 - n];
    wants = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 1;
    text.len -= wants > n + 1 ? n + 1 : 0;
    return text;
}
