/*
 * Writing a witness file, and auditing it.
 */
#include "lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit_witness.h"
#include "core/event.h"
#include "meter_step.h"
#include "prices.h"

#define LOST_PERCENT 25                 /* of the audits have lost lines */

static bool missed[SIM_HOLDS];          /* a line that the ledger has not got */


/* Of the same rank and amount as an earlier one: the ledger has but one. */
static bool
is_repeated(const struct sim_hold *h, unsigned k)
{
    unsigned i;

    for (i = 0; i < k && (h->evidence[i].rank != h->evidence[k].rank
                          || h->evidence[i].amount != h->evidence[k].amount);
         i++)
    {
        /* the next one */
    }

    return i < k;
}


/* By a gateway, not by the provider; how many. */
static unsigned
told_count(const struct sim_hold *h)
{
    unsigned k, n = 0;

    for (k = 0; k < h->nevidence; k++) {
        n += h->evidence[k].rank != SIM_PROVIDER;
    }

    return n;
}


static unsigned
flags_of(const struct sim_hold *h, const struct sim_evidence *ev)
{
    return (ev->amount > h->amount ? ASG_FLAG_OVERSHOOT : 0u)
           | (ev->rank == SIM_ESTIMATE ? ASG_FLAG_ESTIMATED : 0u)
           | (told_count(h) > 1 ? ASG_FLAG_DEAD_WORKER : 0u);
}


static bool
line_put(struct sim *s, const struct sim_hold *h,
    const struct sim_evidence *ev, FILE *file)
{
    static const char *const verbs[] = {[SIM_EXPIRY] = "x",
        [SIM_ESTIMATE] = "e", [SIM_VOID] = "v", [SIM_MEASURED] = "s"};
    const struct sim_set *set = &s->model.sets[h->set];
    bool measured = ev->rank == SIM_MEASURED;
    char text[ASG_EVENT_LINE + 1], card[SIM_CARD_ID];
    asg_spool_line_t line = {
        .event = {.call = asg_str_z(s->model.holds[h->call].id),
            .trace = ASG_STR(""), .project = asg_str_z(set->project),
            .key = asg_str_z(set->key), .prefix = ASG_STR(""),
            .model = ASG_STR(""), .requested = ASG_STR(""),
            .project_version = 1, .card_version = h->version,
            .settled = true, .prompt = measured ? ev->in : -1,
            .completion = measured ? ev->out : -1, .cached = -1,
            .cache_write = -1, .reasoning = -1, .cache_write_1h = -1,
            .audio_in = -1, .audio_out = -1, .status = -1, .latency_ms = -1,
            .ttft_ms = -1, .flags = flags_of(h, ev)},
        .hold = asg_str_z(h->id), .verb = asg_str_z(verbs[ev->rank]),
        .pins = asg_str_z(ev->pinned && h->other[0] == '\0' ? h->text
                                                             : ""),
        .verdict = ASG_STR("OK"), .epoch = 1, .partition = h->part,
        .amount_nusd = ev->amount, .held_nusd = h->amount,
        .at_ms = (int64_t) SIM_START_S * 1000
    };
    asg_buf_t out;

    line.event.card = asg_str_z(sim_card_id(&s->model, set->project, ev->card,
                                            h->version, card));
    asg_buf_init(&out, text, sizeof(text));

    return asg_spool_write(&out, &line) == ASG_OK
           && fwrite(text, 1, out.len, file) == out.len;
}


/* `lost`: also what nobody remembers, if it would change the balance. */
static bool
hold_put(struct sim *s, unsigned at, bool lost, FILE *file)
{
    const struct sim_hold *h = &s->model.holds[at];
    const struct sim_evidence *ev;
    unsigned k;
    bool ok = true;

    for (k = 0; k < h->nevidence && ok; k++) {
        ev = &h->evidence[k];
        if (ev->rank == SIM_PROVIDER || is_repeated(h, k)) {
            continue;
        }
        if (!sim_is_remembered(ev)) {
            if (!lost) {
                continue;
            }
            missed[at] = true;
        }
        ok = line_put(s, h, ev, file);
    }

    return ok || sim_fail(&s->world, "sim: a witness line cannot be written");
}


static bool
file_write(struct sim *s, const char *path, bool lost)
{
    FILE *file = fopen(path, "w");
    unsigned i;
    bool ok = file != NULL;

    for (i = 0; i < s->model.nholds && ok; i++) {
        ok = hold_put(s, i, lost, file);
    }
    if (file == NULL || fclose(file) != 0) {
        ok = sim_fail(&s->world, "sim: no witness file");
    }

    return ok;
}


/* Who remembers a call hangs on what nobody promises; or its line was lost. */
static bool
is_excused(struct sim *s, const char *text)
{
    char id[64];
    const struct sim_hold *h;
    unsigned i, k;

    if (sscanf(text, "M5 hold %63[^ :,]", id) != 1) {
        return false;
    }
    h = sim_hold_find(&s->model, id);
    if (h == NULL) {
        return false;
    }
    for (i = 0; i < h->nevidence; i++) {
        for (k = 0; k < i; k++) {
            if (is_repeated(h, i) && h->evidence[i].rank == SIM_MEASURED) {
                return true;            /* by other tokens */
            }
        }
        if (!sim_is_remembered(&h->evidence[i])) {
            return true;
        }
    }

    return h->doubt || missed[h - s->model.holds];
}


static void
findings_judge(struct sim *s, const char *text)
{
    for ( ; *text != '\0' && !s->world.failed;
          text += strcspn(text, "\n"), text += *text == '\n')
    {
        if (strncmp(text, "M5 ", 3) == 0 && is_excused(s, text)) {
            s->model.counts[SIM_N_LINES_LOST]++;
        } else if (text[0] == 'M') {
            sim_fail(&s->world, "the audit of the witness finds %.300s", text);
        }
    }
}


void
sim_lines_audit(struct sim *s)
{
    struct sim_sender *sender = &s->meters.senders[1];
    bool lost = sim_chance(&s->world, LOST_PERCENT);
    struct ctl_witness_words words = {.nfiles = 1, .since = "", .until = ""};
    char path[SIM_PATH], *text = NULL;
    struct ctl_error e = {0};
    unsigned broken = 0;
    size_t len = 0;
    FILE *out;

    memset(missed, 0, sizeof(missed));
    snprintf(path, sizeof(path), "%s/witness.log", s->world.options->dir);
    words.files[0] = path;
    out = file_write(s, path, lost) ? open_memstream(&text, &len) : NULL;
    if (out == NULL) {
        sim_fail(&s->world, "sim: no memory");
        return;
    }
    ctl_arena_reset(&sender->arena);
    if (!ctl_audit_witness(sender->pg, sender->redis, &sender->arena, &words,
                           out, &broken, &e))
    {
        sim_fail(&s->world, "the audit of the witness: %s %s", e.text,
                 e.detail);
    }
    fclose(out);
    findings_judge(s, text);
    s->model.counts[SIM_N_LINES]++;
    free(text);
}
