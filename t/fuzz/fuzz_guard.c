/*
 * The guardrails find in a text what the naive reference finds, by vectors or
 * without, and whichever way it is cut.
 *
 * Input: one byte, the size of the pieces; the text.
 */
#include "../unit/guard_naive.c"

#define TEXT_MAX  300
#define HITS_MAX  1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    size_t n;
    asg_hit_t hit[HITS_MAX];
} hits_t;

static hits_t vectors, plain, naive, pieces;

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

static int by_place(const void *a, const void *b)
{
    const asg_hit_t *x = a, *y = b;

    if (x->start != y->start) {
        return x->start < y->start ? -1 : 1;
    }
    if (x->end != y->end) {
        return x->end < y->end ? -1 : 1;
    }
    return (int) x->rule - (int) y->rule;
}

static void order(hits_t *hits)
{
    qsort(hits->hit, hits->n, sizeof(asg_hit_t), by_place);
}

static void same(const hits_t *a, const hits_t *b, bool with_places)
{
    must(a->n == b->n);
    for (size_t i = 0; i < a->n; i++) {
        must(a->hit[i].rule == b->hit[i].rule);
        must(!with_places || (a->hit[i].start == b->hit[i].start
                              && a->hit[i].end == b->hit[i].end));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static asg_guard_stream_t stream;
    size_t step = size > 0 ? data[0] + 1u : 1;
    asg_str_t text;
    char *memory;

    if (size < 2 || size > TEXT_MAX) {
        return 0;
    }
    memory = malloc(size - 1);
    must(memory != NULL);
    memcpy(memory, data + 1, size - 1);
    text = (asg_str_t) {memory, size - 1};
    vectors.n = plain.n = naive.n = pieces.n = 0;
    asg_guard_find(text, 0, text.len, keep, &vectors);
    asg_guard_find_plain(text, 0, text.len, keep, &plain);
    same(&vectors, &plain, true);
    asg_guard_stream_init(&stream);
    for (size_t at = 0; at < text.len; at += step) {
        size_t n = text.len - at < step ? text.len - at : step;

        asg_guard_stream_feed(&stream, memory + at, n, keep, &pieces);
    }
    asg_guard_stream_end(&stream, keep, &pieces);
    same(&vectors, &pieces, false);
    naive_guard(text, keep, &naive);
    order(&vectors);
    order(&naive);
    same(&vectors, &naive, true);
    free(memory);
    return 0;
}
