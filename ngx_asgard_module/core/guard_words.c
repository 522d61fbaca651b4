/* Word lists: the table of their entries, and the walk over a text. */
#include "core/guard_words.h"

#include "core/escape.h"
#include "core/guard_signs.h"

_Static_assert(3 * ASG_WORDS_ENTRY + ASG_WORDS_PARTS * ASG_WORDS_GAP
               < ASG_GUARD_REACH, "an entry is found within the reach");

#define MIX  0x9e3779b97f4a7c15u

/* Words in a row as they are kept: a space between, the case as it counts. */
typedef struct {
    uint64_t hash;
    size_t len;
    unsigned parts;
    bool too_long;
    char text[ASG_WORDS_KEY];
} row_t;

typedef struct {
    uint32_t point;
    size_t n;                   /* bytes */
    asg_sign_t kind;
} sign_t;

static const uint8_t ascii_is_part[128] = {
    ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['_'] = 1, ['a' ... 'z'] = 1
};

static inline sign_t sign_at(asg_str_t text, size_t at)
{
    const uint8_t *p = (const uint8_t *) text.data + at;
    sign_t sign = {*p, 1, ASG_SIGN_NONE};

    if (*p < 0x80) {
        sign.kind = ascii_is_part[*p] ? ASG_SIGN_PART : ASG_SIGN_NONE;
        return sign;
    }
    sign.n = asg_sign_read(p, (const uint8_t *) text.data + text.len,
                           &sign.point);
    sign.kind = asg_sign_kind(sign.point);
    return sign;
}

/* Of the sign before `at`. */
static asg_sign_t kind_before(asg_str_t text, size_t at)
{
    size_t from = at;
    sign_t sign;

    while (from > 0 && at - from < 4
           && asg_sign_is_tail(text.data[--from]))
    {
    }
    if (from == at) {
        return ASG_SIGN_NONE;
    }
    sign = sign_at(text, from);
    return from + sign.n == at ? sign.kind : ASG_SIGN_NONE;
}

static inline uint64_t mix(uint64_t hash, uint32_t point)
{
    return (hash << 5 | hash >> 59) ^ point;
}

static void row_put(row_t *row, uint32_t point)
{
    if (row->len + 4 > sizeof(row->text)) {
        row->too_long = true;
        return;
    }
    row->hash = mix(row->hash, point);
    if (point < 0x80) {
        row->text[row->len++] = (char) point;
    } else {
        row->len += asg_escape_utf8(point, (uint8_t *) row->text + row->len);
    }
}

/* The signs of ASCII that a word goes on with; returns where they end. */
static size_t row_ascii(row_t *row, bool caseless, asg_str_t text, size_t at)
{
    uint64_t hash = row->hash;
    size_t len = row->len;

    while (at < text.len && len + 4 <= sizeof(row->text)) {
        uint8_t c = (uint8_t) text.data[at];

        if (c >= 0x80 || !ascii_is_part[c]) {
            break;
        }
        c |= caseless && c >= 'A' && c <= 'Z' ? 0x20 : 0;
        row->text[len++] = (char) c;
        hash = mix(hash, c);
        at++;
    }
    row->hash = hash;
    row->len = len;
    return at;
}

/* The word at `at`, into the row; returns where it ends.  One that is too long
 * to be of a list is left there. */
static size_t row_word(row_t *row, bool caseless, asg_str_t text, size_t at)
{
    sign_t sign = sign_at(text, at);
    bool is_alone = sign.kind == ASG_SIGN_ALONE;

    if (row->parts++ > 0) {
        row_put(row, ' ');
    }
    do {
        row_put(row, caseless ? asg_sign_fold(sign.point) : sign.point);
        at += sign.n;
        if (is_alone) {
            break;
        }
        at = row_ascii(row, caseless, text, at);
        if (at == text.len) {
            break;
        }
        sign = sign_at(text, at);
    } while (sign.kind == ASG_SIGN_PART && !row->too_long);
    return at;
}

/* The next word after a gap that an entry may have; text.len: there is none, or
 * not yet. */
static size_t next_word(asg_str_t text, size_t at)
{
    size_t from = at;

    while (at < text.len) {
        sign_t sign = sign_at(text, at);

        if (sign.kind != ASG_SIGN_NONE) {
            return at;
        }
        at += sign.n;
        if (at - from > ASG_WORDS_GAP) {
            break;
        }
    }
    return text.len;
}

/* --- files --- */

typedef struct {
    asg_str_t rest;
    unsigned line;
} lines_t;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static lines_t lines_of(asg_str_t file)
{
    bool has_mark = file.len >= 3 && memcmp(file.data, "\xef\xbb\xbf", 3) == 0;

    return (lines_t) {{file.data + (has_mark ? 3 : 0),
                       file.len - (has_mark ? 3 : 0)}, 0};
}

/* The next line that says something. */
static bool next_entry(lines_t *lines, asg_str_t *entry)
{
    while (lines->rest.len > 0) {
        const char *p = lines->rest.data;
        const char *stop = memchr(p, '\n', lines->rest.len);
        size_t n = stop != NULL ? (size_t) (stop - p) : lines->rest.len;
        size_t taken = n + (stop != NULL);

        lines->line++;
        lines->rest.data += taken;
        lines->rest.len -= taken;
        while (n > 0 && is_blank(*p)) {
            p++;
            n--;
        }
        while (n > 0 && is_blank(p[n - 1])) {
            n--;
        }
        if (n > 0 && *p != '#') {
            *entry = (asg_str_t) {p, n};
            return true;
        }
    }
    return false;
}

/* NULL: the signs of the entry are good. */
static const char *signs_wrong(asg_str_t entry)
{
    if (entry.len > ASG_WORDS_ENTRY) {
        return "an entry has at most 64 bytes";
    }
    for (size_t at = 0; at < entry.len;) {
        sign_t sign = sign_at(entry, at);

        if (sign.point == UINT32_MAX) {
            return "it is not UTF-8";
        }
        if (sign.point < 0x20 && sign.point != '\t') {
            return "it has a control character";
        }
        at += sign.n;
    }
    return NULL;
}

static row_t row_begin(void)
{
    return (row_t) {.hash = MIX};
}

static size_t row_next(row_t *row, bool caseless, asg_str_t text, size_t at)
{
    at = row->parts > 0 ? next_word(text, at) : at;
    return at < text.len ? row_word(row, caseless, text, at) : at;
}

static const char *entry_wrong(asg_str_t entry)
{
    const char *why = signs_wrong(entry);
    row_t row = row_begin();
    size_t at = 0;

    if (why != NULL) {
        return why;
    }
    if (sign_at(entry, 0).kind == ASG_SIGN_NONE) {
        return "an entry begins with a letter or a digit";
    }
    while (at < entry.len) {
        if (row.parts > 0 && next_word(entry, at) == entry.len) {
            return "an entry ends with a letter or a digit, and has at most 8 "
                   "bytes between its words";
        }
        at = row_next(&row, true, entry, at);
        if (row.too_long || row.parts > ASG_WORDS_PARTS) {
            return "an entry has at most 20 words, of 64 bytes together";
        }
    }
    return NULL;
}

static void count_entry(asg_str_t entry, asg_words_file_t *out)
{
    row_t row = row_begin();
    size_t at = 0;

    while (at < entry.len) {
        at = row_next(&row, true, entry, at);
        out->parts++;
    }
    out->entries++;
    out->bytes += ASG_WORDS_KEY;
}

asg_err_t asg_words_check(asg_str_t file, asg_words_file_t *out)
{
    lines_t lines = lines_of(file);
    asg_str_t entry;

    memset(out, 0, sizeof(*out));
    if (file.len > ASG_WORDS_FILE) {
        out->why = "it has more than 4 MB";
        return ASG_ERR_LIMIT;
    }
    while (next_entry(&lines, &entry)) {
        out->line = lines.line;
        out->why = entry_wrong(entry);
        if (out->why != NULL) {
            return ASG_ERR_SYNTAX;
        }
        if (out->entries == ASG_WORDS_MAX) {
            out->why = "it has more than 65536 entries";
            return ASG_ERR_LIMIT;
        }
        count_entry(entry, out);
    }
    if (out->entries == 0) {
        out->line = lines.line > 0 ? lines.line : 1;
        out->why = "it has no entry";
        return ASG_ERR_SYNTAX;
    }
    return ASG_OK;
}

/* --- the table --- */

size_t asg_words_slots(size_t parts)
{
    size_t n = 16;

    while (n < 2 * parts) {
        n *= 2;
    }
    return n;
}

void asg_words_init(asg_word_table_t *words, bool caseless,
    asg_words_slot_t *slots, size_t nslots, char *storage, size_t size)
{
    *words = (asg_word_table_t) {caseless, slots, nslots, storage, 0, size};
}

/* The slot of the row, or the empty one where it would stand. */
static asg_words_slot_t *slot_of(const asg_word_table_t *words,
    const row_t *row)
{
    size_t i = (row->hash * MIX >> 32) & (words->nslots - 1);

    for (;; i = (i + 1) & (words->nslots - 1)) {
        asg_words_slot_t *slot = &words->slots[i];

        if (slot->len == 0
            || (slot->hash == row->hash && slot->len == row->len
                && memcmp(words->storage + slot->at, row->text, row->len)
                   == 0))
        {
            return slot;
        }
    }
}

/* All beginnings of an entry stand where the entry itself is kept. */
static asg_err_t add_entry(asg_word_table_t *words, asg_str_t entry,
    uint64_t rule)
{
    row_t row = row_begin();
    size_t at = 0, start = words->len;

    while (at < entry.len) {
        asg_words_slot_t *slot;

        at = row_next(&row, words->caseless, entry, at);
        if (row.too_long || start + row.len > words->size) {
            return ASG_ERR_SPACE;
        }
        memcpy(words->storage + start, row.text, row.len);
        slot = slot_of(words, &row);
        if (slot->len == 0) {
            slot->hash = row.hash;
            slot->at = (uint32_t) start;
            slot->len = (uint8_t) row.len;
        }
        slot->goes_on |= at < entry.len;
        slot->rules |= at < entry.len ? 0 : rule;
    }
    words->len = start + row.len;
    return ASG_OK;
}

asg_err_t asg_words_add(asg_word_table_t *words, asg_str_t file, unsigned bit)
{
    lines_t lines = lines_of(file);
    asg_err_t err = ASG_OK;
    asg_str_t entry;

    while (err == ASG_OK && next_entry(&lines, &entry)) {
        err = add_entry(words, entry, UINT64_C(1) << bit);
    }
    return err;
}

/* --- texts --- */

typedef struct {
    uint64_t rules;
    size_t end;
} end_t;

/* The entries that begin with the word at `at`, shortest first; `*first` is the
 * end of that word.  Undecided: the text ends where one may still go on. */
static unsigned walk(const asg_word_table_t *words, asg_str_t text, size_t at,
    bool is_over, size_t *first, end_t ends[ASG_WORDS_PARTS], bool *undecided)
{
    row_t row = row_begin();
    size_t end = row_word(&row, words->caseless, text, at);
    const asg_words_slot_t *slot;
    unsigned n = 0;

    *first = end;
    *undecided = false;
    while (!row.too_long) {
        if (end == text.len && !is_over) {
            *undecided = true;
            break;
        }
        slot = slot_of(words, &row);
        if (slot->len == 0) {
            break;
        }
        if (slot->rules != 0) {
            ends[n++] = (end_t) {slot->rules, end};
        }
        if (!slot->goes_on || end == text.len) {
            break;
        }
        at = next_word(text, end);
        if (at == text.len) {
            *undecided = !is_over && text.len - end <= ASG_WORDS_GAP;
            break;
        }
        end = row_word(&row, words->caseless, text, at);
    }
    return n;
}

/* Of each rule its longest. */
static void tell(const end_t *ends, unsigned n, uint64_t wanted, size_t start,
    uint32_t *next, asg_hit_pt found, void *data)
{
    while (n-- > 0) {
        uint64_t rules = ends[n].rules & wanted;

        wanted &= ~rules;
        for (; rules != 0; rules &= rules - 1) {
            unsigned bit = (unsigned) __builtin_ctzll(rules);
            asg_hit_t hit = {start, ends[n].end,
                             (asg_rule_t) (ASG_RULE_COUNT + bit)};

            if (start >= next[bit]) {
                next[bit] = (uint32_t) hit.end;
                found(data, &hit);
            }
        }
    }
}

void asg_words_find(const asg_word_table_t *words, uint64_t wanted,
    asg_str_t text, size_t from, size_t to, bool is_over, uint32_t *next,
    asg_hit_pt found, void *data)
{
    asg_sign_t before = kind_before(text, from);
    end_t ends[ASG_WORDS_PARTS];
    bool undecided;

    text = is_over ? text : asg_sign_whole(text);
    to = to < text.len ? to : text.len;
    while (from < to) {
        sign_t sign = sign_at(text, from);

        if (sign.kind != ASG_SIGN_NONE
            && (sign.kind == ASG_SIGN_ALONE || before != ASG_SIGN_PART))
        {
            size_t first;
            unsigned n = walk(words, text, from, is_over, &first, ends,
                              &undecided);

            tell(ends, n, wanted, from, next, found, data);
            from = first;
        } else {
            from += sign.n;
        }
        before = sign.kind;
    }
}

size_t asg_words_settled(const asg_word_table_t *words, asg_str_t text,
    size_t least)
{
    size_t from = least;
    asg_sign_t before = kind_before(text, from);
    end_t ends[ASG_WORDS_PARTS];
    bool undecided;

    text = asg_sign_whole(text);
    while (from < text.len) {
        sign_t sign = sign_at(text, from);
        size_t n = sign.n;

        if (sign.kind != ASG_SIGN_NONE
            && (sign.kind == ASG_SIGN_ALONE || before != ASG_SIGN_PART))
        {
            (void) walk(words, text, from, /* is_over */ false, &n, ends,
                        &undecided);
            if (undecided) {
                return from;
            }
            n -= from;
        }
        from += n;
        before = sign.kind;
    }
    return from;
}
