/*
 * A word list that is accepted finds what the naive reference finds, in the
 * whole text and in pieces, and what is settled stays so; any other is refused
 * with its line.
 *
 * Input: a byte of choices (caseless, pieces); the list up to a zero byte; the
 * text.
 */
#include "../unit/words_naive.c"

#define HITS_MAX   4096
#define PIECE_MAX  64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    size_t n;
    asg_hit_t hit[HITS_MAX];
} hits_t;

static hits_t whole, naive, pieces;
static asg_words_slot_t slots[8192];
static char storage[NAIVE_ENTRIES * ASG_WORDS_KEY];
static asg_word_table_t table;

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static void keep(void *data, const asg_hit_t *hit)
{
    hits_t *hits = data;

    must(hits->n < HITS_MAX && hit->start < hit->end);
    hits->hit[hits->n++] = *hit;
}

static void same(const hits_t *a, const hits_t *b)
{
    must(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) {
        must(a->hit[i].start == b->hit[i].start
             && a->hit[i].end == b->hit[i].end);
    }
}

static void add_entries(asg_str_t list, bool caseless)
{
    naive_nentries = 0;
    if (list.len >= 3 && memcmp(list.data, "\xef\xbb\xbf", 3) == 0) {
        list.data += 3;
        list.len -= 3;
    }
    while (list.len > 0) {
        const char *stop = memchr(list.data, '\n', list.len);
        size_t n = stop != NULL ? (size_t) (stop - list.data) : list.len;
        asg_str_t line = {list.data, n};

        n += stop != NULL;
        list.data += n;
        list.len -= n;
        while (line.len > 0 && memchr(" \t\r", line.data[0], 3) != NULL) {
            line.data++;
            line.len--;
        }
        while (line.len > 0
               && memchr(" \t\r", line.data[line.len - 1], 3) != NULL)
        {
            line.len--;
        }
        if (line.len > 0 && line.data[0] != '#') {
            naive_add(line, 3, caseless);
        }
    }
}

/* The text as it comes: what is settled by then is told of, and no more. */
static void feed(asg_str_t text, size_t step)
{
    uint32_t next[ASG_RULE_OPERATOR] = {0};
    size_t from = 0;

    for (size_t len = step; len < text.len; len += step) {
        asg_str_t part = {text.data, len};
        size_t to = asg_words_settled(&table, part, from);

        must(to >= from && to <= len);
        asg_words_find(&table, UINT64_MAX, part, from, to, false, next, keep,
                       &pieces);
        from = to;
    }
    asg_words_find(&table, UINT64_MAX, text, from, text.len, true, next, keep,
                   &pieces);
}

static void check(asg_str_t text, size_t step)
{
    uint32_t next[ASG_RULE_OPERATOR] = {0};

    whole.n = naive.n = pieces.n = 0;
    asg_words_find(&table, UINT64_MAX, text, 0, text.len, true, next, keep,
                   &whole);
    naive_words(text, keep, &naive);
    same(&whole, &naive);
    feed(text, step);
    same(&whole, &pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_words_file_t needs;
    asg_str_t list, text;
    const uint8_t *stop;
    bool caseless;

    if (size < 2 || size > NAIVE_TEXT) {
        return 0;
    }
    caseless = data[0] & 1;
    stop = memchr(data + 1, 0, size - 1);
    stop = stop != NULL ? stop : data + size;
    list = (asg_str_t) {(const char *) data + 1, (size_t) (stop - data) - 1};
    text = (asg_str_t) {(const char *) stop + 1,
                        stop < data + size ? (size_t) (data + size - stop) - 1
                                           : 0};
    if (asg_words_check(list, &needs) != ASG_OK) {
        must(needs.line > 0 && needs.why != NULL);
        return 0;
    }
    must(needs.entries > 0);
    if (needs.entries > NAIVE_ENTRIES || text.len == 0
        || asg_words_slots(needs.parts) > sizeof(slots) / sizeof(*slots))
    {
        return 0;
    }
    memset(slots, 0, sizeof(slots));
    asg_words_init(&table, caseless, slots, asg_words_slots(needs.parts),
                   storage, sizeof(storage));
    must(needs.bytes <= sizeof(storage));
    must(asg_words_add(&table, list, 3) == ASG_OK);
    add_entries(list, caseless);
    check(text, (size_t) (data[0] >> 1) % PIECE_MAX + 1);
    return 0;
}
