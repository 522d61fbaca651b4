/*
 * Looking for a hold in all the places where it can be.
 */
#include "audit/audit_explain.h"

#include <stdlib.h>
#include <string.h>

#include "audit/explain_text.h"
#include "core/rkey.h"
#include "core/window.h"
#include "meter/partition.h"
#include "meter/undrained.h"
#include "witness/witness.h"

#define ATTEMPTS_MAX   16               /* of one call, open in Redis */

/* "amount created expires pins detail" as numbers and texts. */
struct open_hold {
    unsigned part;
    const char *amount, *created, *expires, *pins, *detail;
};

struct looking {
    struct ctl_explain x;
    struct ctl_redis *redis;
    const char *hold;
    bool open, voided, in_stream, in_ledger;
    struct open_hold at;
    uint64_t lines;                     /* of witness files that name it */
    struct ctl_witness *w;
};


static const char *
usd(struct ctl_arena *arena, asg_nusd_t amount)
{
    char text[ASG_MONEY_TEXT];

    asg_money_format(amount, text);

    return ctl_arena_printf(arena, "%s USD", text);
}


/* The text up to the next space, or all that is left. */
static const char *
word_take(struct ctl_arena *arena, asg_str_t *rest, bool last)
{
    const char *end = last ? NULL : memchr(rest->data, ' ', rest->len);
    asg_str_t word = {rest->data, end != NULL ? (size_t) (end - rest->data)
                                  : rest->len};
    size_t taken = word.len + (end != NULL);

    rest->data += taken;
    rest->len -= taken;

    return ctl_arena_text(arena, word.data, word.len);
}


static void
open_parse(struct looking *l, asg_str_t text, struct open_hold *out)
{
    struct ctl_arena *arena = l->x.arena;

    out->amount = word_take(arena, &text, false);
    out->created = word_take(arena, &text, false);
    out->expires = word_take(arena, &text, false);
    out->pins = word_take(arena, &text, false);
    out->detail = word_take(arena, &text, true);
}


/* Open, voided or not there, in the partition `part`. */
static bool
redis_look(struct looking *l, unsigned part, const char *hold,
    struct open_hold *out, bool *open, bool *voided, struct ctl_error *e)
{
    char key[ASG_RKEY_MAX];
    asg_str_t argv[2] = {ASG_STR("GET"), ASG_STR_NULL};
    struct ctl_hold_text parts;
    struct ctl_reply reply;

    argv[1] = (asg_str_t) {key, asg_rkey_hold(key, part, asg_str_z(hold))};
    if (!ctl_redis_command(l->redis, l->x.arena, &reply, e, 2, argv)) {
        return false;
    }
    *voided = reply.kind == CTL_REPLY_TEXT && asg_str_eq_z(reply.text, "V");
    *open = ctl_partition_hold_parse(&reply, &parts);
    if (*open) {
        open_parse(l, reply.text, out);
        out->part = part;
    }

    return true;
}


static bool
redis_find(struct looking *l, struct ctl_error *e)
{
    unsigned part;
    bool voided;

    for (part = 0; part < ASG_PARTITIONS && !l->open; part++) {
        if (!redis_look(l, part, l->hold, &l->at, &l->open, &voided, e)) {
            return false;
        }
        l->voided = l->voided || voided;
    }

    return true;
}


static bool
undrained_look(void *data, struct ctl_arena *arena, const asg_str_t *holds,
    size_t n, bool *enough, struct ctl_error *e)
{
    struct looking *l = data;
    size_t i;

    (void) arena;
    (void) e;
    for (i = 0; i < n && !l->in_stream; i++) {
        l->in_stream = asg_str_eq_z(holds[i], l->hold);
    }
    *enough = l->in_stream;

    return true;
}


static const char *
time_text(struct ctl_arena *arena, const char *seconds)
{
    char text[24];

    asg_time_rfc3339(strtoll(seconds, NULL, 10), text);

    return ctl_arena_printf(arena, "%s", text);
}


static bool
open_tell(struct looking *l, struct ctl_error *e)
{
    struct ctl_arena *arena = l->x.arena;
    asg_nusd_t amount = strtoll(l->at.amount, NULL, 10);

    fprintf(l->x.out, "Now: open, it holds %s. It was reserved at %s and "
            "expires at %s, unless it is extended.\nPartition %u.\n",
            usd(arena, amount), time_text(arena, l->at.created),
            time_text(arena, l->at.expires), l->at.part);

    return (l->at.detail[0] == '\0'
            || ctl_explain_call(&l->x, l->at.detail, e))
           && ctl_explain_windows(&l->x, l->at.pins, e);
}


/* Attempts of the same call that are open. */
static bool
open_attempts_tell(struct looking *l, struct ctl_error *e)
{
    const char *dot = strchr(l->hold, '.'), *id;
    int base = (int) (dot != NULL ? dot - l->hold : (long) strlen(l->hold));
    struct open_hold other;
    unsigned n;
    bool open, voided;

    for (n = 1; l->open && n <= ATTEMPTS_MAX; n++) {
        id = n == 1 ? ctl_arena_printf(l->x.arena, "%.*s", base, l->hold)
             : ctl_arena_printf(l->x.arena, "%.*s.%u", base, l->hold, n);
        if (strcmp(id, l->hold) == 0) {
            continue;
        }
        if (!redis_look(l, l->at.part, id, &other, &open, &voided, e)) {
            return false;
        }
        if (open) {
            fprintf(l->x.out, "Another attempt of the same call is open: %s, "
                    "it holds %s.\n", id,
                    usd(l->x.arena, strtoll(other.amount, NULL, 10)));
        }
    }

    return true;
}


static bool
line_take(void *data, const asg_spool_line_t *line, struct ctl_error *e)
{
    struct looking *l = data;
    struct ctl_explain *x = &l->x;
    char at[28], verdict[128];
    asg_buf_t quoted;

    (void) e;
    if (!asg_str_eq_z(line->hold, l->hold)) {
        return true;
    }
    asg_time_rfc3339_ms(line->at_ms, at);
    asg_buf_init(&quoted, verdict, sizeof(verdict));
    asg_buf_json(&quoted, line->verdict);       /* no control byte gets out */
    fprintf(x->out, "  %s %s:%llu: %s (rank %d) of %s, held %s, verdict %.*s, "
            "epoch %llu\n", at, l->w->file,
            (unsigned long long) l->w->number,
            ctl_evidence_cause(l->w->evidence.rank), l->w->evidence.rank,
            usd(x->arena, l->w->evidence.amount_nusd),
            usd(x->arena, line->held_nusd), (int) quoted.len, quoted.data,
            (unsigned long long) line->epoch);
    l->lines++;

    return true;
}


static void
bad_take(void *data, asg_spool_state_t state, const char *why)
{
    struct looking *l = data;

    (void) state;
    if (l->w->damaged + l->w->torn <= 10) {
        fprintf(l->x.out, "  %s:%llu: %s\n", l->w->file,
                (unsigned long long) l->w->number, why);
    }
}


static bool
files_tell(struct looking *l, const char *const *files, unsigned nfiles,
    struct ctl_error *e)
{
    unsigned i;

    if (nfiles == 0) {
        fprintf(l->x.out, "No witness file was looked at.\n");
        return true;
    }
    fprintf(l->x.out, "Lines of the witness:\n");
    for (i = 0; i < nfiles; i++) {
        if (!ctl_witness_read(l->w, files[i], line_take, bad_take, l, e)) {
            return false;
        }
    }
    if (l->lines == 0) {
        fprintf(l->x.out, "  none of %llu\n",
                (unsigned long long) l->w->lines);
    }

    return true;
}


/* Where it is when neither an open hold nor the ledger has it. */
static void
elsewhere_tell(const struct looking *l)
{
    if (l->in_stream) {
        fprintf(l->x.out, "%s in the usage stream that the ledger has not "
                "read yet.\n", l->in_ledger ? "Further evidence stands"
                                            : "Now: ended, its end stands");
    } else if (l->voided && !l->in_ledger) {
        fprintf(l->x.out, "Now: voided before Redis had it; nothing was "
                "held.\n");
    } else if (l->lines > 0 && !l->in_ledger && !l->open) {
        fprintf(l->x.out, "Only the witness knows it: `replay` brings it into "
                "the ledger.\n");
    }
}


static bool
tell(struct looking *l, const char *const *files, unsigned nfiles,
    struct ctl_error *e)
{
    fprintf(l->x.out, "Hold %s\n", l->hold);
    if (!redis_find(l, e)
        || !ctl_undrained_each(l->x.pg, l->redis, l->x.arena, undrained_look,
                               l, e)
        || (l->open && !open_tell(l, e))
        || !ctl_explain_state(&l->x, l->hold, &l->in_ledger, e)
        || (l->in_ledger && !ctl_explain_ledger(&l->x, l->hold, e))
        || !files_tell(l, files, nfiles, e))
    {
        return false;
    }
    elsewhere_tell(l);

    return ctl_explain_attempts(&l->x, l->hold, e)
           && open_attempts_tell(l, e);
}


bool
ctl_audit_explain(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *hold, const char *const *files,
    unsigned nfiles, FILE *out, bool *found, struct ctl_error *e)
{
    struct looking l = {.x = {pg, arena, out}, .redis = redis, .hold = hold};
    bool ok;

    l.w = calloc(1, sizeof(*l.w));
    if (l.w == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    ok = tell(&l, files, nfiles, e);
    *found = l.open || l.voided || l.in_stream || l.in_ledger || l.lines > 0;
    if (ok && !*found) {
        fprintf(out, "It is not known. Looked at: open holds and usage streams "
                "of %d partitions in Redis, the ledger, %u witness files.\n",
                ASG_PARTITIONS, nfiles);
    }
    free(l.w);

    return ok;
}
