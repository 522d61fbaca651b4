/*
 * Replaying witness files, a batch of lines at a time.
 */
#include "ops/replay.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "ops/replay_tell.h"
#include "ops/witness.h"
#include "store/audit.h"

#define BATCH_LINES   200
#define LINE_JSON     256               /* beside id and pins */
#define SHOWN         1000              /* refusals that are printed */
#define LEDGER_MS     60000             /* for the ledger, at the end */
#define PAUSE_MS      100

/* Which lines the ledger has, and whether their pins are of budgets that are in
 * their partition. */
#define SQL_JUDGE \
    "SELECT h.hold_id IS NOT NULL" \
    " AND (h.rank, h.balance_nano) >= (t.r, t.a)," \
    " NOT EXISTS (SELECT FROM unnest(string_to_array(t.p, ',')) AS pin" \
    " LEFT JOIN budgets b ON b.budget_id = split_part(pin, ':', 1)" \
    " WHERE pin !~ '^[^:]+:[0-9A-Za-z]{1,16}:[0-9]{1,15}$'" \
    " OR b.partition IS DISTINCT FROM t.q" \
    " OR b.project_id IS DISTINCT FROM t.j)" \
    " AND (t.p = '' OR ',' || t.p LIKE '%,p.' || t.j || ':%')" \
    " AND (SELECT count(*) = count(DISTINCT pin)" \
    " FROM unnest(string_to_array(t.p, ',')) AS pin)" \
    " FROM jsonb_to_recordset($1::jsonb) AS t(n int, i text, r smallint," \
    " a bigint, q smallint, p text, j text)" \
    " LEFT JOIN holds h ON h.hold_id = t.i" \
    " ORDER BY t.n"

#define SQL_MISSING \
    "SELECT count(*) FROM replayed r WHERE NOT EXISTS (SELECT FROM holds h" \
    " WHERE h.hold_id = r.hold_id" \
    " AND (h.rank, h.balance_nano) >= (r.rank, r.amount))"

/* Lines of the time that a gap of the usage stream covers. */
#define SQL_GAP_LINES \
    "INSERT INTO replayed_gaps SELECT g.partition, g.epoch, g.after_id, t.i" \
    " FROM jsonb_to_recordset($1::jsonb) AS t(i text, q smallint, t bigint)" \
    " JOIN stream_gaps g ON g.partition = t.q AND g.closed_at IS NULL" \
    " AND t.t > split_part(g.after_id, '-', 1)::bigint" \
    " AND t.t <= split_part(g.upto_id, '-', 1)::bigint"

/* A gap is closed when the ledger has as many calls of its time. */
#define SQL_GAPS_CLOSE \
    "UPDATE stream_gaps g SET closed_at = now() WHERE closed_at IS NULL" \
    " AND (SELECT count(DISTINCT r.hold_id) FROM replayed_gaps r" \
    " WHERE (r.partition, r.epoch, r.after_id)" \
    " = (g.partition, g.epoch, g.after_id)) >= g.events"

struct replaying {
    struct ctl_leader leader;
    struct ctl_witness w;
    struct ctl_replay_counts *counts;
    const char *actor, *files;
    FILE *out;
    bool announced;
    struct ctl_replay_line lines[BATCH_LINES];
    unsigned nlines;
};


static void
refuse(struct replaying *r, const char *file, uint64_t number,
    const char *why)
{
    if (++r->counts->refused <= SHOWN) {
        fprintf(r->out, "%s:%llu: refused: %s\n", file,
                (unsigned long long) number, why);
    } else if (r->counts->refused == SHOWN + 1) {
        fprintf(r->out, "more lines are refused than are shown\n");
    }
}


static void
bad_take(void *data, asg_spool_state_t state, const char *why)
{
    struct replaying *r = data;

    (void) state;
    r->counts->lines += state != ASG_SPOOL_BEHIND_TORN;
    refuse(r, r->w.file, r->w.number, why);
}


static void
number_put(asg_buf_t *out, const char *before, int64_t n)
{
    asg_buf_z(out, before);
    asg_buf_i64(out, n);
}


/* [{"n":…,"i":hold,"r":rank,"a":amount,"q":partition,"t":time,"p":pins}] of
 * all lines, or of `which`. */
static const char *
lines_text(struct replaying *r, const bool *which)
{
    size_t bytes = LINE_JSON;
    asg_buf_t out;
    unsigned i;

    for (i = 0; i < r->nlines; i++) {
        bytes += LINE_JSON + 2 * r->lines[i].pins.len
                 + 2 * r->lines[i].project.len;
    }
    asg_buf_init(&out, ctl_arena_alloc(r->leader.arena, bytes), bytes);
    if (out.data == NULL) {
        return NULL;
    }
    asg_buf_z(&out, "[");
    for (i = 0; i < r->nlines; i++) {
        if (which != NULL && !which[i]) {
            continue;
        }
        number_put(&out, out.len > 1 ? ",{\"n\":" : "{\"n\":", i);
        asg_buf_z(&out, ",\"i\":");
        asg_buf_json(&out, r->lines[i].hold);
        number_put(&out, ",\"r\":", r->lines[i].rank);
        number_put(&out, ",\"a\":", r->lines[i].amount_nusd);
        number_put(&out, ",\"q\":", r->lines[i].part);
        number_put(&out, ",\"t\":", r->lines[i].at_ms);
        asg_buf_z(&out, ",\"p\":");
        asg_buf_json(&out, r->lines[i].pins);
        asg_buf_z(&out, ",\"j\":");
        asg_buf_json(&out, r->lines[i].project);
        asg_buf_z(&out, "}");
    }
    asg_buf_z(&out, "]");
    asg_buf_put(&out, "", 1);

    return asg_buf_ok(&out) ? out.data : NULL;
}


/* A void needs no pins: the reply to its reserve may have been lost. */
static const char *
refusal_of(const struct ctl_replay_line *line, bool pins_fit)
{
    if (line->pins.len == 0 && line->verb != 'v') {
        return "it has no pins";
    }
    if (line->verb == 'x' && line->amount_nusd != line->held_nusd) {
        return "its outcome is not known, but it charges another amount than "
               "it held";
    }

    if (line->amount_nusd > line->held_nusd && !line->overshoot) {
        return "it charges more than it held and does not say so";
    }

    return pins_fit ? NULL : "its pins are not, each once, of its project's "
                             "budgets in its partition";
}


static bool
batch_judge(struct replaying *r, struct ctl_error *e)
{
    const char *text = lines_text(r, NULL);
    struct ctl_rows rows;
    unsigned i;

    if (text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(r->leader.pg, r->leader.arena, &rows, e, SQL_JUDGE, text)) {
        return false;
    }
    for (i = 0; i < rows.nrows && i < r->nlines; i++) {
        r->lines[i].known = ctl_rows_at(&rows, i, 0)[0] == 't';
        r->lines[i].refusal = refusal_of(&r->lines[i],
                                         ctl_rows_at(&rows, i, 1)[0] == 't');
    }

    return rows.nrows == r->nlines
           || ctl_error_internal(e, "a batch of lines was not judged");
}


/* Before the first line is told: no audit, no change. */
static bool
announce(struct replaying *r, struct ctl_error *e)
{
    struct ctl_audit_field field = {"files", r->files};
    struct ctl_audit_event event = {
        .actor = r->actor, .action = "ledger.replayed",
        .entity_kind = "ledger", .entity_id = "witness",
        .data = ctl_audit_data(r->leader.arena, &field, 1)
    };

    if (r->announced) {
        return true;
    }
    if (!ctl_pg_begin(r->leader.pg, e)) {
        return false;
    }
    if (!ctl_audit_write(r->leader.pg, r->leader.arena, &event, e)) {
        ctl_pg_rollback(r->leader.pg);
        return false;
    }
    r->announced = true;

    return ctl_pg_commit(r->leader.pg, e);
}


/* *told: the ledger must get it from now on. */
static bool
line_tell(struct replaying *r, struct ctl_replay_line *line, bool *told,
    struct ctl_error *e)
{
    enum ctl_replay_told how;

    if (line->refusal != NULL) {
        refuse(r, line->file, line->number, line->refusal);
        return true;
    }
    if (line->known) {
        r->counts->known++;
        return true;
    }
    if (!announce(r, e) || !ctl_replay_tell(&r->leader, line, &how, e)) {
        return false;
    }
    *told = how == CTL_REPLAY_TOLD;
    r->counts->told += how == CTL_REPLAY_TOLD;
    r->counts->open += how == CTL_REPLAY_OPEN;
    r->counts->known += how == CTL_REPLAY_VOIDED;
    if (how == CTL_REPLAY_REFUSED) {
        refuse(r, line->file, line->number, line->refusal);
    }

    return true;
}


static bool
batch_tell(struct replaying *r, struct ctl_error *e)
{
    bool told[BATCH_LINES] = {false}, taken[BATCH_LINES];
    const char *told_text, *taken_text;
    unsigned i;

    if (r->nlines == 0) {
        return true;
    }
    if (!batch_judge(r, e)) {
        return false;
    }
    for (i = 0; i < r->nlines; i++) {
        if (!line_tell(r, &r->lines[i], &told[i], e)) {
            return false;
        }
        taken[i] = r->lines[i].refusal == NULL;
    }
    told_text = lines_text(r, told);
    taken_text = lines_text(r, taken);
    if (told_text == NULL || taken_text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    r->nlines = 0;

    return CTL_PG(r->leader.pg, r->leader.arena, NULL, e,
                  "INSERT INTO replayed SELECT i, r, a FROM"
                  " jsonb_to_recordset($1::jsonb) AS t(i text, r smallint,"
                  " a bigint)", told_text)
           && CTL_PG(r->leader.pg, r->leader.arena, NULL, e, SQL_GAP_LINES,
                     taken_text);
}


/* As the gateway would have sent it; without, Redis' own copy counts. */
static asg_str_t
detail_of(struct ctl_arena *arena, const asg_event_t *event)
{
    char text[ASG_EVENT_DETAIL];
    asg_buf_t out;

    asg_buf_init(&out, text, sizeof(text));
    if (asg_event_write(&out, event) != ASG_OK) {
        return ASG_STR("");
    }

    return ctl_arena_str(arena, asg_buf_view(&out));
}


static bool
line_take(void *data, const asg_spool_line_t *line, struct ctl_error *e)
{
    struct replaying *r = data;
    struct ctl_arena *arena = r->leader.arena;
    struct ctl_replay_line *to = &r->lines[r->nlines++];

    r->counts->lines++;
    to->file = r->w.file;
    to->number = r->w.number;
    to->hold = ctl_arena_str(arena, line->hold);
    to->pins = ctl_arena_str(arena, line->pins);
    to->project = ctl_arena_str(arena, line->event.project);
    to->overshoot = line->event.flags & ASG_FLAG_OVERSHOOT;
    to->detail = detail_of(arena, &line->event);
    to->verb = line->verb.data[0];
    to->part = line->partition;
    to->rank = r->w.evidence.rank;
    to->amount_nusd = r->w.evidence.amount_nusd;
    to->held_nusd = line->held_nusd;
    to->at_ms = line->at_ms;
    if (arena->failed) {
        return ctl_error_internal(e, "out of memory");
    }
    if (r->nlines < BATCH_LINES) {
        return true;
    }
    if (!batch_tell(r, e)) {
        return false;
    }
    ctl_arena_reset(arena);

    return true;
}


/* Until the ledger has all that was told. */
static bool
ledger_wait(struct replaying *r, struct ctl_error *e)
{
    const struct timespec pause = {0, PAUSE_MS * 1000000L};
    const int64_t until = ctl_clock_ms() + LEDGER_MS;
    struct ctl_rows rows;

    do {
        ctl_arena_reset(r->leader.arena);
        if (!ctl_pg_query(r->leader.pg, r->leader.arena, &rows, e,
                          SQL_MISSING, 0, NULL))
        {
            return false;
        }
        r->counts->missing = ctl_rows_i64(&rows, 0, 0);
        if (r->counts->missing == 0) {
            return true;
        }
        nanosleep(&pause, NULL);
    } while (ctl_clock_ms() < until);

    return true;
}


static bool
gaps_close(struct replaying *r, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (r->counts->missing > 0) {
        return true;
    }
    if (!ctl_pg_query(r->leader.pg, r->leader.arena, &rows, e,
                      SQL_GAPS_CLOSE, 0, NULL))
    {
        return false;
    }
    r->counts->gaps = (uint64_t) rows.affected;

    return true;
}


static bool
files_replay(struct replaying *r, const char *const *files, unsigned nfiles,
    struct ctl_error *e)
{
    unsigned i;

    if (!ctl_pg_exec(r->leader.pg, e,
            "DROP TABLE IF EXISTS replayed, replayed_gaps;"
            " CREATE TEMP TABLE replayed (hold_id text, rank smallint,"
            " amount bigint);"
            " CREATE TEMP TABLE replayed_gaps (partition smallint,"
            " epoch bigint, after_id text, hold_id text)"))
    {
        return false;
    }
    for (i = 0; i < nfiles; i++) {
        if (!ctl_witness_read(&r->w, files[i], line_take, bad_take, r, e)
            || !batch_tell(r, e))
        {
            return false;
        }
        ctl_arena_reset(r->leader.arena);
    }

    return ledger_wait(r, e) && gaps_close(r, e);
}


/* The names with a space between them, as far as they go. */
static void
names_join(const char *const *files, unsigned nfiles, char *out, size_t size)
{
    size_t n = 0;
    unsigned i;

    out[0] = '\0';
    for (i = 0; i < nfiles && n + strlen(files[i]) + 2 < size; i++) {
        n += (size_t) snprintf(out + n, size - n, "%s%s", i ? " " : "",
                               files[i]);
    }
}


bool
ctl_replay(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *actor, const char *const *files,
    unsigned nfiles, FILE *out, struct ctl_replay_counts *counts,
    struct ctl_error *e)
{
    struct replaying *r = calloc(1, sizeof(*r));
    char names[1024];
    unsigned i;
    bool ok;

    memset(counts, 0, sizeof(*counts));
    if (r == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    names_join(files, nfiles, names, sizeof(names));
    r->leader.pg = pg;
    r->leader.redis = redis;
    r->leader.arena = arena;
    for (i = 0; i < ASG_PARTITIONS; i++) {
        r->leader.parts[i].part = i;
    }
    r->counts = counts;
    r->actor = actor;
    r->files = names;
    r->out = out;
    ok = files_replay(r, files, nfiles, e);
    free(r);

    return ok;
}
