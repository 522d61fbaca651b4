/*
 * Comparing the ledger and the counters with the model.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "door.h"
#include "lines.h"
#include "prices.h"
#include "windows.h"

#define LINES_PERCENT 20                /* of the quiet points */

struct sim_look {
    bool row[SIM_HOLDS];                /* the ledger has it */
    bool open[SIM_HOLDS];               /* Redis holds it */
    int64_t balance[SIM_HOLDS];
    int64_t spent[SIM_PINS];            /* by the balances above */
};

static struct sim_look look;


static const char *
rank_name(enum sim_rank rank)
{
    static const char *const names[] = {"unknown", "estimated", "void",
                                        "measured",
                                        "the provider's"};

    return names[rank];
}


/* --- what stands in the ledger --- */

static void
spent_add(struct sim *s, const char *pins, int64_t balance)
{
    unsigned pin[SIM_PINS_HOLD], i, n;

    n = sim_pins_find(&s->model, pins, pin);
    for (i = 0; i < n; i++) {
        look.spent[pin[i]] += balance;
    }
}


/* One of the cards that were pinned when the call began. */
static void
card_check(struct sim *s, const struct sim_hold *h, const char *card,
    const char *version)
{
    const char *project = s->model.sets[h->set].project;
    char id[SIM_CARD_ID];
    unsigned i;

    for (i = 0; i < SIM_CARDS && card != NULL; i++) {
        sim_card_id(&s->model, project, i, h->version, id);
        if (strcmp(id, card) == 0 && version != NULL
            && strtoul(version, NULL, 10) == h->version)
        {
            return;
        }
    }
    if (card != NULL) {
        sim_fail(&s->world, "the ledger has %s by version %s of the card %s, "
                 "pinned was version %u of those of %s", h->id,
                 version != NULL ? version : "?", card, h->version, project);
    }
}


static void
row_check(struct sim *s, const struct ctl_rows *rows, unsigned r)
{
    struct sim_hold *h = sim_hold_find(&s->model, ctl_rows_at(rows, r, 0));
    int64_t rank = ctl_rows_i64(rows, r, 1), amount;
    int64_t balance = ctl_rows_i64(rows, r, 2);
    const char *pins = ctl_rows_at(rows, r, 3);
    enum sim_rank best;

    if (h == NULL) {
        sim_fail(&s->world, "the ledger has %s, which nobody asked for",
                 ctl_rows_at(rows, r, 0));
        return;
    }
    card_check(s, h, ctl_rows_at(rows, r, 4), ctl_rows_at(rows, r, 5));
    look.row[h - s->model.holds] = true;
    look.balance[h - s->model.holds] = balance;
    spent_add(s, pins, balance);
    if (h->doubt) {
        return;
    }
    /* a gateway and Redis lost it, and the copy of its hold was left */
    if (h->lost && rank == (int64_t) SIM_EXPIRY && balance == h->amount) {
        return;
    }
    if (!sim_expects(h, &best, &amount)) {
        sim_fail(&s->world, "the ledger charges %s %lld, which nobody "
                 "remembers", h->id, (long long) balance);
    } else if (rank != (int64_t) best || balance != amount) {
        sim_fail(&s->world, "the ledger charges %s %lld (rank %lld), right "
                 "is %lld (%s)", h->id, (long long) balance,
                 (long long) rank, (long long) amount, rank_name(best));
    } else if (pins[0] != '\0' && h->grants > 0
               && strcmp(pins, h->text) != 0 && strcmp(pins, h->other) != 0)
    {
        sim_fail(&s->world, "the ledger pins %s to %s, granted was %s", h->id,
                 pins, h->text);
    }
}


static bool
rows_check(struct sim *s)
{
    struct ctl_rows rows;
    unsigned r;

    if (!sim_sql(&s->world, &rows, "SELECT hold_id, rank, balance_nano, pins,"
                 " detail->>'card', detail->>'cv' FROM holds"))
    {
        return false;
    }
    for (r = 0; r < rows.nrows && !s->world.failed; r++) {
        row_check(s, &rows, r);
    }

    return !s->world.failed;
}


/* Sums by pin that a reseed would use. */
static bool
balances_check(struct sim *s)
{
    static int64_t seen[SIM_PINS];
    struct ctl_rows rows;
    unsigned r, pin[SIM_PINS_HOLD];
    int64_t spent;

    memset(seen, 0, sizeof(seen));
    if (!sim_sql(&s->world, &rows, "SELECT budget_id || ':' || window_name ||"
                 " ':' || window_id, spent_nano FROM balances"))
    {
        return false;
    }
    for (r = 0; r < rows.nrows; r++) {
        spent = ctl_rows_i64(&rows, r, 1);
        if (sim_pins_find(&s->model, ctl_rows_at(&rows, r, 0), pin) != 1
            || look.spent[pin[0]] != spent)
        {
            return sim_fail(&s->world, "M4 the sum of %s is %lld, its holds "
                            "have %lld", ctl_rows_at(&rows, r, 0),
                            (long long) spent, (long long) look.spent[pin[0]]);
        }
        seen[pin[0]] = spent;
    }
    for (r = 0; r < SIM_PINS; r++) {
        if (seen[r] != look.spent[r]) {
            return sim_fail(&s->world, "M4 %s has no sum, its holds have %lld",
                            s->model.pins[r].text,
                            (long long) look.spent[r]);
        }
    }

    return true;
}


/* --- what stands in Redis --- */

/* A hold that a reseed dropped leaves its place in the list of expiries. */
static bool
holds_open_read(struct sim *s, unsigned part)
{
    char key[ASG_RKEY_MAX];
    redisReply *reply;
    struct sim_hold *h;
    size_t i;

    (void) asg_rkey_expiry(key, part);
    reply = sim_redisf(&s->world, "ZRANGE %s 0 -1", key);
    for (i = 0; reply != NULL && i < reply->elements; i++) {
        if (!sim_hold_is_open(&s->world, part, reply->element[i]->str)) {
            continue;
        }
        h = sim_hold_find(&s->model, reply->element[i]->str);
        if (h == NULL || h->grants == 0) {
            sim_fail(&s->world, "Redis holds %s, which it never granted",
                     reply->element[i]->str);
        } else {
            look.open[h - s->model.holds] = true;
        }
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return !s->world.failed;
}


/* s: and h: of every window that Redis has. */
static void
counter_check(struct sim *s, const struct sim_budget *b, const char *field,
    const char *value, const int64_t *held)
{
    unsigned pin[SIM_PINS_HOLD];
    int64_t right, is = strtoll(value, NULL, 10);
    char text[128];

    if ((field[0] != 's' && field[0] != 'h') || field[1] != ':') {
        return;
    }
    snprintf(text, sizeof(text), "%s:%s", b->id, field + 2);
    right = sim_pins_find(&s->model, text, pin) != 1 ? 0
            : field[0] == 'h' ? held[pin[0]]
            : look.spent[pin[0]] + s->model.pins[pin[0]].opening;
    if (is != right) {
        sim_fail(&s->world, "%s %s: Redis has %lld, right is %lld",
                 field[0] == 's' ? "M4 spent of" : "M3 held of", text,
                 (long long) is, (long long) right);
    }
}


static bool
counters_check(struct sim *s)
{
    static int64_t held[SIM_PINS];
    char key[ASG_RKEY_MAX];
    redisReply *reply;
    unsigned i, k;
    size_t f;

    memset(held, 0, sizeof(held));
    for (i = 0; i < s->model.nholds; i++) {
        for (k = 0; look.open[i] && k < s->model.holds[i].npins; k++) {
            held[s->model.holds[i].pins[k]] += s->model.holds[i].amount;
        }
        if (look.open[i] && s->model.holds[i].other[0] != '\0') {
            return true;                /* which window holds it is not known */
        }
    }
    for (i = 0; i < s->model.nbudgets && !s->world.failed; i++) {
        const struct sim_budget *b = &s->model.budgets[i];

        if (b->gone) {
            continue;
        }
        (void) asg_rkey_budget(key, b->part, asg_str_z(b->id));
        reply = sim_redisf(&s->world, "HGETALL %s", key);
        for (f = 0; reply != NULL && f + 1 < reply->elements; f += 2) {
            counter_check(s, b, reply->element[f]->str,
                          reply->element[f + 1]->str, held);
        }
        if (reply != NULL) {
            freeReplyObject(reply);
        }
    }

    return !s->world.failed;
}


/* --- each hold, from the model's side --- */

static void
hold_check(struct sim *s, struct sim_hold *h, bool last)
{
    size_t i = (size_t) (h - s->model.holds);
    enum sim_rank rank;
    int64_t amount;
    bool expected = sim_expects(h, &rank, &amount);
    bool runs = rank == SIM_EXPIRY && (look.open[i] || h->live || h->by.slot);

    if (h->doubt && !look.open[i]) {
        return;
    }
    if (expected && !look.row[i] && (last || !runs)) {
        sim_fail(&s->world, "the ledger has no row of %s, right is %lld (%s)",
                 h->id, (long long) amount, rank_name(rank));
    } else if (h->live && !look.open[i] && !look.row[i]) {
        sim_fail(&s->world, "%s runs, and neither Redis nor the ledger has "
                 "it", h->id);
    } else if (last && look.open[i]) {
        sim_fail(&s->world, "%s is over, and Redis still holds it", h->id);
    }
}


/* From here on the bounds are exact again. */
static void
bounds_set(struct sim *s, struct sim_hold *h)
{
    size_t i = (size_t) (h - s->model.holds);
    int64_t balance = look.row[i] ? look.balance[i] : 0;
    bool runs = look.open[i] && h->nevidence == 0;

    if (h->npins == 0) {
        return;
    }
    h->unheard = false;
    sim_high_set(&s->model, h, balance + (look.open[i] ? h->amount : 0));
    sim_low_set(&s->model, h, h->grants > 1 ? 0 : runs ? h->amount : balance);
}


static void
compare(struct sim *s, bool last)
{
    unsigned i, p;
    bool done[ASG_PARTITIONS] = {false};
    struct sim_pin *pin;

    memset(&look, 0, sizeof(look));
    for (p = 0; p < s->model.nsets; p++) {
        i = s->model.sets[p].part;
        if (!done[i] && !holds_open_read(s, i)) {
            return;
        }
        done[i] = true;
    }
    if (!rows_check(s) || !sim_openings_take(&s->model, true)) {
        return;
    }
    for (i = 0; i < s->model.nholds && !s->world.failed; i++) {
        hold_check(s, &s->model.holds[i], last);
    }
    if (s->world.failed || !balances_check(s) || !counters_check(s)) {
        return;
    }
    for (i = 0; i < s->model.nholds; i++) {
        bounds_set(s, &s->model.holds[i]);
    }
    for (i = 0; i < SIM_PINS; i++) {
        pin = &s->model.pins[i];
        if (pin->opening < pin->opening_low) {
            sim_fail(&s->world, "%s opened with %lld, spent before were %lld",
                     pin->text, (long long) pin->opening,
                     (long long) pin->opening_low);
        }
        pin->opening_low = pin->opening_high = pin->opening;
    }
}


/* --- the quiet point --- */

static void
journals_check(struct sim *s)
{
    unsigned i;

    for (i = 0; i < SIM_SLOTS && !s->world.failed; i++) {
        if (s->gateways.slots[i].state != SIM_FREE) {
            sim_fail(&s->world, "the journal still has %s, state %d",
                     s->gateways.slots[i].hold->id,
                     (int) s->gateways.slots[i].state);
        }
    }
}


static void
end_all(struct sim *s)
{
    sim_gateways_end_calls(&s->gateways);
    sim_gateways_settle(&s->gateways);
    sim_clock_move(s->world.pg_clock, (SIM_LIFE_S + 5) * 1000);
    sim_clock_move(s->world.redis_clock, (SIM_LIFE_S + 5) * 1000);
    sim_gateways_beat(&s->gateways);
    sim_meters_settle(&s->meters);
    sim_gateways_recover(&s->gateways);
}


void
sim_quiet(struct sim *s, bool last)
{
    sim_gateways_resume(&s->gateways);
    sim_memory_back(&s->world);
    s->gateways.calm = true;
    while (s->flight.n > 0 && !s->world.failed) {
        sim_gateways_deliver(&s->gateways);
        s->world.said[0] = '\0';
    }
    sim_meters_settle(&s->meters);
    if (last && !s->world.failed) {
        end_all(s);
        sim_meters_settle(&s->meters);
    }
    if (!s->world.failed) {
        compare(s, last);
    }
    if (last && !s->world.failed) {
        journals_check(s);
        sim_audit_money(s);
    }
    if (!s->world.failed && (last || sim_chance(&s->world, LINES_PERCENT))) {
        sim_lines_audit(s);
    }
    s->gateways.calm = false;
    s->model.counts[SIM_N_QUIET]++;
}
