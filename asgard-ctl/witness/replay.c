/*
 * Replaying witness files, a batch of lines at a time.
 */
#include "witness/replay.h"

#include <stdlib.h>
#include <string.h>

#include "store/audit.h"
#include "witness/awaited.h"
#include "witness/replay_claim.h"
#include "witness/replay_judge.h"
#include "witness/replay_tell.h"
#include "witness/witness.h"

#define BATCH_LINES   200
#define SHOWN         1000              /* refusals that are printed */

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
    struct ctl_leader *l = &r->leader;
    enum ctl_replay_told how;
    bool first = false;

    if (line->refusal == NULL && line->known) {
        r->counts->known++;
        return true;
    }
    if (line->refusal == NULL
        && !ctl_replay_claim(l->pg, l->arena, line, &first, e))
    {
        return false;
    }
    if (line->refusal != NULL) {
        refuse(r, line->file, line->number, line->refusal);
        return true;
    }
    if (!announce(r, e) || !ctl_replay_tell(l, line, &how, e)) {
        return false;
    }
    if (how != CTL_REPLAY_TOLD && first
        && !ctl_replay_unclaim(l->pg, l->arena, line, e))
    {
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
    if (!ctl_replay_judge(r->leader.pg, r->leader.arena, r->lines, r->nlines,
                          e))
    {
        return false;
    }
    for (i = 0; i < r->nlines; i++) {
        if (!line_tell(r, &r->lines[i], &told[i], e)) {
            return false;
        }
        taken[i] = r->lines[i].refusal == NULL;
    }
    told_text = ctl_replay_text(r->leader.arena, r->lines, r->nlines, told);
    taken_text = ctl_replay_text(r->leader.arena, r->lines, r->nlines, taken);
    if (told_text == NULL || taken_text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    r->nlines = 0;

    return ctl_awaited_add(r->leader.pg, r->leader.arena, told_text, e)
           && CTL_PG(r->leader.pg, r->leader.arena, NULL, e, SQL_GAP_LINES,
                     taken_text);
}


/* As the gateway would have sent it, and what was held besides: the event of a
 * hold that is not open has no other place for it.  Without the detail, Redis'
 * own copy counts. */
static asg_str_t
detail_of(struct ctl_arena *arena, const asg_spool_line_t *line)
{
    char text[ASG_EVENT_DETAIL];
    asg_buf_t out;
    size_t whole;

    asg_buf_init(&out, text, sizeof(text));
    if (asg_event_write(&out, &line->event) != ASG_OK) {
        return ASG_STR("");
    }
    whole = out.len--;
    asg_buf_z(&out, ",\"held\":");
    asg_buf_i64(&out, line->held_nusd);
    asg_buf_z(&out, "}");
    if (!asg_buf_ok(&out)) {            /* too long: without it */
        text[whole - 1] = '}';
        return ctl_arena_str(arena, (asg_str_t) {text, whole});
    }

    return ctl_arena_str(arena, asg_buf_view(&out));
}


/* A call that a fail mode let in has no pins in its line: it counts in the
 * total of its project, whatever windows there were. */
static asg_str_t
pins_of(struct ctl_arena *arena, const asg_spool_line_t *line)
{
    const char *pins;

    if (line->pins.len > 0 || line->event.fail_mode.len == 0
        || line->verb.data[0] == 'v')
    {
        return ctl_arena_str(arena, line->pins);
    }
    pins = ctl_arena_printf(arena, "p.%.*s:total:0",
                            (int) line->event.project.len,
                            line->event.project.data);

    return pins != NULL ? asg_str_z(pins) : ASG_STR("");
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
    to->pins = pins_of(arena, line);
    to->project = ctl_arena_str(arena, line->event.project);
    to->key = ctl_arena_str(arena, line->event.key);
    to->overshoot = line->event.flags & ASG_FLAG_OVERSHOOT;
    to->detail = detail_of(arena, line);
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

    if (!ctl_awaited_begin(r->leader.pg, e)
        || !ctl_pg_exec(r->leader.pg, e,
            "DROP TABLE IF EXISTS replayed_gaps;"
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

    return ctl_awaited_wait(r->leader.pg, r->leader.arena,
                            &r->counts->missing, e)
           && gaps_close(r, e)
           && ctl_replay_claims_end(r->leader.pg, e);
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
