/*
 * Loading witness files.
 */
#include "witness/witness_load.h"

#include "base/json_put.h"
#include "core/rkey.h"

#define BATCH_BYTES  (1024 * 1024)
#define ROW_BYTES    (2 * ASG_EVENT_LINE + 512) /* of a line, escaped again */
#define SHOWN        100                /* bad lines, one by one */

#define SQL_TABLES \
    "DROP TABLE IF EXISTS witness, witness_files;" \
    "CREATE TEMP TABLE witness_files (file int, name text);" \
    "CREATE TEMP TABLE witness (hold_id text, part smallint, rank smallint," \
    " amount bigint, held bigint, at timestamptz, file int, line bigint," \
    " dead boolean, over boolean, alone boolean, pins text, project text," \
    " key text, facts text[])"

#define SQL_LINES \
    "INSERT INTO witness SELECT i, p, r, a, h," \
    " timestamptz 'epoch' + t * interval '1 millisecond', f, n, w, o," \
    " m, x, j, k, " CTL_WITNESS_FACTS("d") \
    " FROM jsonb_to_recordset($1::jsonb) AS t(i text, p smallint," \
    " r smallint, a bigint, h bigint, t bigint, f int, n bigint, w boolean," \
    " o boolean, m boolean, x text, j text, k text, d jsonb)"

struct loading {
    struct ctl_pg *pg;
    struct ctl_arena *arena;
    struct ctl_witness *w;
    FILE *out;
    unsigned *broken;
    unsigned file, nlines;
    asg_buf_t rows;
};


static bool
batch_begin(struct loading *l, struct ctl_error *e)
{
    ctl_arena_reset(l->arena);
    asg_buf_init(&l->rows, ctl_arena_alloc(l->arena, BATCH_BYTES),
                 BATCH_BYTES);
    l->nlines = 0;

    return l->rows.data != NULL || ctl_error_internal(e, "out of memory");
}


static bool
batch_end(struct loading *l, struct ctl_error *e)
{
    if (l->nlines == 0) {
        return true;
    }
    asg_buf_z(&l->rows, "]");
    asg_buf_put(&l->rows, "", 1);

    return (asg_buf_ok(&l->rows) || ctl_error_internal(e, "out of memory"))
           && CTL_PG(l->pg, l->arena, NULL, e, SQL_LINES, l->rows.data)
           && batch_begin(l, e);
}


/* Of the detail what CTL_WITNESS_FACTS looks at. */
static void
facts_put(asg_buf_t *out, const asg_event_t *e)
{
    const struct {
        const char *before;
        int64_t n;
    } counts[] = {
        {",\"pt\":", e->prompt}, {",\"ct\":", e->completion},
        {",\"cat\":", e->cached}, {",\"cwt\":", e->cache_write},
        {",\"rt\":", e->reasoning}, {",\"cwh\":", e->cache_write_1h},
        {",\"ait\":", e->audio_in}, {",\"aot\":", e->audio_out}
    };
    size_t i;

    ctl_put_text(out, ",\"d\":{\"card\":", e->card);
    ctl_put_i64(out, ",\"cv\":", (int64_t) e->card_version);
    for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (counts[i].n >= 0) {
            ctl_put_i64(out, counts[i].before, counts[i].n);
        }
    }
    asg_buf_z(out, "}");
}


static void
row_put(struct loading *l, const asg_spool_line_t *line)
{
    const struct ctl_evidence *evidence = &l->w->evidence;
    asg_buf_t *out = &l->rows;
    unsigned flags = line->event.flags;

    ctl_put_text(out, l->nlines++ > 0 ? ",{\"i\":" : "[{\"i\":", line->hold);
    ctl_put_text(out, ",\"x\":", line->pins);
    ctl_put_text(out, ",\"j\":", line->event.project);
    ctl_put_text(out, ",\"k\":", line->event.key);
    facts_put(out, &line->event);
    ctl_put_i64(out, ",\"p\":", line->partition);
    ctl_put_i64(out, ",\"r\":", evidence->rank);
    ctl_put_i64(out, ",\"a\":", evidence->amount_nusd);
    ctl_put_i64(out, ",\"h\":", line->held_nusd);
    ctl_put_i64(out, ",\"t\":", line->at_ms);
    ctl_put_i64(out, ",\"f\":", l->file);
    ctl_put_i64(out, ",\"n\":", (int64_t) l->w->number);
    asg_buf_z(out, flags & ASG_FLAG_DEAD_WORKER ? ",\"w\":true"
                                                : ",\"w\":false");
    asg_buf_z(out, flags & ASG_FLAG_OVERSHOOT ? ",\"o\":true"
                                              : ",\"o\":false");
    asg_buf_z(out, line->event.fail_mode.len > 0 ? ",\"m\":true}"
                                                 : ",\"m\":false}");
}


static void
bad_take(void *data, asg_spool_state_t state, const char *why)
{
    struct loading *l = data;
    bool damaged = state == ASG_SPOOL_DAMAGED;

    *l->broken += damaged;
    if (l->w->damaged + l->w->torn <= SHOWN) {
        fprintf(l->out, "%s%s:%llu: %s\n", damaged ? "M5 " : "note: ",
                l->w->file, (unsigned long long) l->w->number, why);
    }
}


static bool
line_take(void *data, const asg_spool_line_t *line, struct ctl_error *e)
{
    struct loading *l = data;

    row_put(l, line);

    return l->rows.cap - l->rows.len >= ROW_BYTES || batch_end(l, e);
}


static bool
file_load(struct loading *l, const char *file, struct ctl_error *e)
{
    return CTL_PG(l->pg, l->arena, NULL, e,
                  "INSERT INTO witness_files VALUES ($1, $2)",
                  ctl_arena_printf(l->arena, "%u", l->file), file)
           && batch_begin(l, e)
           && ctl_witness_read(l->w, file, line_take, bad_take, l, e)
           && batch_end(l, e);
}


bool
ctl_witness_load(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_witness *w, const char *const *files, unsigned nfiles,
    FILE *out, unsigned *broken, struct ctl_error *e)
{
    struct loading l = {.pg = pg, .arena = arena, .w = w, .out = out,
                        .broken = broken};

    if (!ctl_pg_exec(pg, e, SQL_TABLES)) {
        return false;
    }
    for (l.file = 0; l.file < nfiles; l.file++) {
        if (!file_load(&l, files[l.file], e)) {
            return false;
        }
    }

    return ctl_pg_exec(pg, e, "CREATE INDEX ON witness (hold_id);"
                       " ANALYZE witness");
}
