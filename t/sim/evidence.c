/*
 * Writing files of providers' records, importing them, noting what Redis took.
 */
#include "evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broken.h"
#include "meter_step.h"
#include "pause.h"
#include "prices.h"
#include "witness/provider.h"

#define LINES_MOST   4
#define TRIES        8                  /* to find a call that had a hold */
#define IN_MOST      120                /* tokens */
#define OUT_MOST     60
#define TIMES        10                 /* of the hold, at most */
#define PAUSE_MS     1500               /* while asgard-ctl waits */
#define PAUSE_TURNS  4

enum { ARG_FENCE, ARG_ID, ARG_VERB, ARG_AMOUNT };

/* What the ledger has of a call, and what its provider says. */
struct record {
    struct sim_hold *hold;
    unsigned card, version;             /* of its entry */
    int64_t balance, held;
    bool in_tokens, overshoot;
    int64_t in, out, amount;
};


/* --- what Redis took --- */

static struct sim_evidence *
provider_find(struct sim_hold *h, int64_t amount)
{
    unsigned i;

    for (i = 0; i < h->nevidence; i++) {
        if (h->evidence[i].rank == SIM_PROVIDER
            && h->evidence[i].amount == amount)
        {
            return &h->evidence[i];
        }
    }

    return NULL;
}


void
sim_evidence_saw(struct sim_model *m, const asg_str_t *args,
    const asg_str_t *words, size_t nwords)
{
    asg_verdict_t verdict = asg_reply_verdict(words, nwords);
    struct sim_evidence *ev;
    struct sim_hold *h;

    if (!asg_str_eq_z(args[ARG_VERB], "p")
        || (verdict != ASG_VERDICT_OK && verdict != ASG_VERDICT_LATE))
    {
        return;
    }
    h = sim_hold_find(m, args[ARG_ID].data);
    ev = h != NULL ? provider_find(h, strtoll(args[ARG_AMOUNT].data, NULL, 10))
                   : NULL;
    if (ev == NULL) {
        sim_fail(m->world, "Redis is told %.*s of %.*s, which no provider said",
                 (int) args[ARG_AMOUNT].len, args[ARG_AMOUNT].data,
                 (int) args[ARG_ID].len, args[ARG_ID].data);
        return;
    }
    sim_saw_end(m, h, ev, verdict == ASG_VERDICT_LATE,
                strtoull(args[ARG_FENCE].data, NULL, 10), words[1]);
    m->counts[SIM_N_PROVIDER]++;
    m->counts[SIM_N_PROVIDER_ABOVE] += ev->amount > h->amount;
}


static void
script_seen(void *data, asg_script_t script, size_t nkeys,
    const asg_str_t *argv, const struct ctl_reply *reply)
{
    asg_str_t words[SIM_WORDS];
    size_t i;

    if (script != ASG_SCRIPT_FINISH) {
        return;
    }
    for (i = 0; i < reply->nitems && i < SIM_WORDS; i++) {
        words[i] = reply->items[i].text;
    }
    sim_evidence_saw(data, argv + nkeys, words, i);
}


/* --- a file --- */

/* False: the ledger has no such call. */
static bool
record_read(struct sim *s, struct record *r)
{
    struct ctl_rows rows;

    if (!sim_sql(&s->world, &rows, "SELECT coalesce(substr(detail->>'card',"
                 " 2, 1), '0'), coalesce(detail->>'cv', '1'), balance_nano,"
                 " coalesce(held_nano, 0) FROM holds WHERE hold_id = '%s'"
                 " AND pins <> ''", r->hold->id)
        || rows.nrows == 0)
    {
        return false;
    }
    r->card = (unsigned) ctl_rows_i64(&rows, 0, 0);
    r->version = (unsigned) ctl_rows_i64(&rows, 0, 1);
    r->balance = ctl_rows_i64(&rows, 0, 2);
    r->held = ctl_rows_i64(&rows, 0, 3);

    return true;
}


/* Mostly below what was charged or held; sometimes above. */
static void
record_draw(struct sim *s, struct record *r)
{
    uint64_t n = sim_draw(&s->world, 100);

    r->in = (int64_t) sim_draw(&s->world, IN_MOST);
    r->out = (int64_t) sim_draw(&s->world, OUT_MOST);
    r->in_tokens = n < 30;
    if (r->in_tokens) {
        r->amount = sim_cost(&s->model, s->model.sets[r->hold->set].project,
                             r->card, r->version, r->in, r->out);
    } else if (n < 75) {
        r->amount = (int64_t) sim_draw(&s->world, 1 + (uint64_t)
                                       (n < 55 ? r->balance : r->held));
    } else {
        r->amount = r->held + (int64_t) sim_draw(&s->world,
                                                 2 * (uint64_t) r->held + 9);
    }
    r->overshoot = r->amount > r->held;
}


static void
record_put(FILE *file, const struct record *r)
{
    fprintf(file, "{\"f\":1,\"hold\":\"%s\",\"source\":\"sim\"", r->hold->id);
    if (r->in_tokens) {
        fprintf(file, ",\"pt\":%lld,\"ct\":%lld", (long long) r->in,
                (long long) r->out);
    } else {
        fprintf(file, ",\"amount\":%lld", (long long) r->amount);
    }
    fprintf(file, "%s}\n", r->overshoot ? ",\"overshoot\":true" : "");
}


/* What the import may tell Redis from now on.  False: there is no room. */
static bool
record_decide(struct sim *s, const struct record *r)
{
    struct sim_evidence *ev = provider_find(r->hold, r->amount);

    if (ev == NULL) {
        ev = sim_decide(&s->model, r->hold, 'p', r->amount);
        if (ev == NULL) {
            return false;
        }
        ev->by.slot = false;
    }
    sim_say(&s->world, " %s: %lld", r->hold->id + 21, (long long) r->amount);

    return true;
}


/* One that was granted and does not run; sometimes any. */
static struct sim_hold *
hold_pick(struct sim *s)
{
    unsigned i, n = s->model.nholds;
    unsigned at = (unsigned) sim_draw(&s->world, n);
    struct sim_hold *h = &s->model.holds[at];

    for (i = 0; i < n && i < TRIES && (h->npins == 0 || h->live); i++) {
        h = &s->model.holds[(at + i) % n];
    }

    return h;
}


/* *refused counts those that no ledger may take. */
static void
line_write(struct sim *s, FILE *file, unsigned *lines, unsigned *refused)
{
    struct record r = {.hold = hold_pick(s)};
    bool known, lies = sim_chance(&s->world, 10);

    if (r.hold->live) {
        return;
    }
    known = record_read(s, &r);
    record_draw(s, &r);
    if (lies) {
        r.overshoot = !r.overshoot;
    }
    if (lies || !known || r.amount / TIMES > r.held) {
        ++*refused;
    } else if (!record_decide(s, &r)) {
        return;
    }
    record_put(file, &r);
    ++*lines;
}


/* --- the import --- */

/* asgard-ctl waits for a partition or for the ledger: others go on. */
static void
meanwhile(void *data)
{
    struct sim *s = data;
    unsigned i;

    sim_pause_set(NULL, NULL);          /* they do not wait for one another */
    sim_clock_move(s->world.pg_clock, PAUSE_MS);
    sim_clock_move(s->world.redis_clock, PAUSE_MS);
    if (!s->world.failed) {
        sim_gateways_beat(&s->gateways);
        sim_worker_turn(&s->gateways);
    }
    for (i = 0; i < PAUSE_TURNS && !s->world.failed; i++) {
        sim_meter_turn(&s->meters);
    }
    sim_pause_set(meanwhile, s);
}


/* How many lines were refused for what they say, and not for what Redis has
 * meanwhile. */
static unsigned
refusals(const char *text)
{
    unsigned n = 0;
    size_t len;

    for ( ; *text != '\0'; text += len + (text[len] == '\n')) {
        len = strcspn(text, "\n");
        n += memmem(text, len, "Redis", 5) == NULL;
    }

    return n;
}


static void
import(struct sim *s, const char *file, unsigned lines, unsigned refused)
{
    struct sim_sender *sender = &s->meters.senders[0];
    struct ctl_provider_counts counts;
    struct ctl_error e = {0};
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    bool ok;

    if (out == NULL) {
        sim_fail(&s->world, "sim: no memory");
        return;
    }
    ctl_arena_reset(&sender->arena);
    sim_meter_traps(&s->meters, 10, lines);
    sim_scripts_watch(script_seen, &s->model);
    sim_pause_set(meanwhile, s);
    ok = ctl_provider_import(sender->pg, sender->redis, &sender->arena, "sim",
                             &file, 1, out, &counts, &e);
    sim_pause_set(NULL, NULL);
    sim_scripts_watch(NULL, NULL);
    (void) sim_traps_clear();
    fclose(out);
    (void) sim_meter_judge(&s->meters, ok, &e);
    if (ok && (counts.lines != lines || refusals(text) != refused)) {
        sim_fail(&s->world, "of %u records %u are to be refused; %llu were "
                 "read, and: %.300s", lines, refused,
                 (unsigned long long) counts.lines, text);
    }
    s->model.counts[SIM_N_PROVIDER_REFUSED] += refused;
    free(text);
}


void
sim_evidence_import(struct sim *s)
{
    unsigned n = 1 + (unsigned) sim_draw(&s->world, LINES_MOST);
    unsigned lines = 0, refused = 0;
    char path[SIM_PATH];
    FILE *file;

    if (s->model.nholds == 0) {
        return;
    }
    snprintf(path, sizeof(path), "%s/records.jsonl", s->world.options->dir);
    file = fopen(path, "w");
    if (file == NULL) {
        sim_fail(&s->world, "sim: no file for records");
        return;
    }
    while (n-- > 0) {
        line_write(s, file, &lines, &refused);
    }
    fclose(file);
    if (lines > 0 && !s->world.failed) {
        import(s, path, lines, refused);
    }
}
