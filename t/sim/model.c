/*
 * The books of the naive ledger.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "windows.h"

#define OTHER_NUSD    4000             /* above what a call may overshoot */


const char *
sim_count_name(enum sim_count n)
{
    static const char *const names[SIM_N] = {
        [SIM_N_HOLDS] = "holds", [SIM_N_ADMITTED] = "admitted",
        [SIM_N_OVER] = "refused", [SIM_N_TIGHT] = "admitted above 90 %",
        [SIM_N_AWAY] = "unavailable", [SIM_N_LATE] = "late",
        [SIM_N_EXPIRED] = "charged in full", [SIM_N_LOST] = "holds lost",
        [SIM_N_LOST_OUTCOMES] = "outcomes lost",
        [SIM_N_UNHEARD] = "unheard", [SIM_N_EPOCHS] = "epochs",
        [SIM_N_FLUSHES] = "flushes", [SIM_N_RESTARTS] = "restarts",
        [SIM_N_FAILOVERS] = "failovers", [SIM_N_COPIES] = "data replaced",
        [SIM_N_DELETED] = "keys deleted",
        [SIM_N_WORKER_DEATHS] = "worker deaths",
        [SIM_N_GATEWAY_DEATHS] = "gateway deaths",
        [SIM_N_METER_DEATHS] = "meter deaths",
        [SIM_N_COMMITS_CUT] = "commits cut", [SIM_N_APPLIED] = "corrections",
        [SIM_N_STRAYS] = "strays", [SIM_N_REPLAYS] = "replays",
        [SIM_N_LIMITS] = "limits", [SIM_N_PRICES] = "prices",
        [SIM_N_QUIET] = "quiet points", [SIM_N_AUDITS] = "audits",
        [SIM_N_AUDITS_ALL] = "audits of all",
        [SIM_N_TAKEOVERS] = "takeovers", [SIM_N_ROLLOVERS] = "rollovers",
        [SIM_N_RECOVERED] = "recovered from the log",
        [SIM_N_BACKLOG] = "refused by a full stream",
        [SIM_N_CLOCK] = "refused by a time",
        [SIM_N_NO_MEMORY] = "refused for memory",
        [SIM_N_RESTORES] = "databases restored",
        [SIM_N_DOUBT] = "in doubt", [SIM_N_WINDOWS] = "windows changed",
        [SIM_N_OPENINGS] = "openings",
        [SIM_N_ODD_DAYS] = "odd days", [SIM_N_EXTENDED] = "extended",
        [SIM_N_OUTLIVED] = "outlived", [SIM_N_FOUND] = "found out later",
        [SIM_N_PASSED] = "holds passed on",
        [SIM_N_FURTHER] = "further attempts",
        [SIM_N_FURTHER_OVER] = "further attempts refused",
        [SIM_N_OTHER_CARD] = "served by another card",
        [SIM_N_PROVIDER] = "providers' records",
        [SIM_N_PROVIDER_ABOVE] = "records above the hold",
        [SIM_N_PROVIDER_REFUSED] = "records refused",
        [SIM_N_PROJECTS] = "projects made", [SIM_N_KEYS] = "keys made",
        [SIM_N_REVOKED] = "keys revoked", [SIM_N_EMPTIED] = "budgets emptied",
        [SIM_N_LIMITED] = "let in under limits",
        [SIM_N_RATE] = "not let in",
        [SIM_N_RATE_REQUESTS] = "limited by requests",
        [SIM_N_RATE_TOKENS] = "limited by tokens",
        [SIM_N_RATE_PARALLEL] = "limited by calls under way",
        [SIM_N_RELEASED] = "places released",
        [SIM_N_RELIMITED] = "limits of calls", [SIM_N_KILLS] = "kills",
        [SIM_N_UNKILLS] = "kills taken back",
        [SIM_N_CUT] = "calls cut by a kill",
        [SIM_N_RECORDS] = "records compared",
        [SIM_N_LINES] = "audits of the witness",
        [SIM_N_LINES_LOST] = "lost lines found",
        [SIM_N_OWN_PRICES] = "prices of projects",
        [SIM_N_OWN_PAID] = "billed by a project's price"
    };

    return names[n];
}


/* --- pins --- */

static unsigned
text_hash(const char *text, size_t len)
{
    uint64_t h = 14695981039346656037u;
    size_t i;

    for (i = 0; i < len; i++) {
        h = (h ^ (unsigned char) text[i]) * 1099511628211u;
    }

    return (unsigned) (h ^ h >> 32);
}


/* Which budget and window a pin's text names; false: none of ours. */
static bool
pin_names(struct sim_model *m, struct sim_pin *pin)
{
    unsigned b, i;
    size_t len, name;
    const char *at;

    for (b = 0; b < m->nbudgets; b++) {
        len = strlen(m->budgets[b].id);
        if (strncmp(pin->text, m->budgets[b].id, len) != 0
            || pin->text[len] != ':')
        {
            continue;
        }
        at = pin->text + len + 1;
        name = strcspn(at, ":");
        for (i = 0; i < m->budgets[b].nwindows; i++) {
            if (strlen(m->budgets[b].windows[i]) == name
                && strncmp(m->budgets[b].windows[i], at, name) == 0)
            {
                pin->budget = b;
                pin->window = i;
                return true;
            }
        }
    }

    return false;
}


static struct sim_pin *
pin_of(struct sim_model *m, const char *text, size_t len)
{
    unsigned at = text_hash(text, len) % SIM_PINS;
    struct sim_pin *pin;

    for ( ;; at = (at + 1) % SIM_PINS) {
        pin = &m->pins[at];
        if (pin->text[0] == '\0') {
            break;
        }
        if (strncmp(pin->text, text, len) == 0 && pin->text[len] == '\0') {
            return pin;
        }
    }
    if (len >= sizeof(pin->text) || m->npins > SIM_PINS / 2) {
        sim_fail(m->world, "sim: too many pins");
        return pin;
    }
    m->npins++;
    memcpy(pin->text, text, len);
    if (!pin_names(m, pin)) {
        sim_fail(m->world, "Redis granted the pin %s, which nobody asked for",
                 pin->text);
    }

    return pin;
}


void
sim_low_set(struct sim_model *m, struct sim_hold *h, int64_t low)
{
    unsigned i;

    for (i = 0; i < h->npins; i++) {
        m->pins[h->pins[i]].low += low - h->low;
    }
    h->low = low;
}


void
sim_high_set(struct sim_model *m, struct sim_hold *h, int64_t high)
{
    unsigned i;

    for (i = 0; i < h->npins; i++) {
        m->pins[h->pins[i]].high += high - h->high;
    }
    h->high = high;
}


/* --- holds --- */

struct sim_hold *
sim_hold_new(struct sim_model *m, unsigned set, int64_t amount)
{
    struct sim_hold *h;

    if (m->nholds == SIM_HOLDS) {
        sim_fail(m->world, "sim: too many holds");
        return NULL;
    }
    h = &m->holds[m->nholds];
    memset(h, 0, sizeof(*h));
    h->call = m->nholds;
    snprintf(h->id, sizeof(h->id), "h%024x", m->nholds++);
    h->set = set;
    h->part = m->sets[set].part;
    h->amount = amount;
    h->by.slot = true;
    m->counts[SIM_N_HOLDS]++;

    return h;
}


struct sim_hold *
sim_hold_further(struct sim_model *m, const struct sim_hold *h,
    int64_t amount)
{
    struct sim_hold *call = &m->holds[h->call], *further;

    if (call->last == SIM_ATTEMPTS) {
        return NULL;
    }
    further = sim_hold_new(m, call->set, amount);
    if (further != NULL) {
        call->further[call->last++] = further->call;
        further->call = h->call;
        further->attempt = call->last;
        snprintf(further->id, sizeof(further->id), "%.25s.%u", call->id,
                 call->last);
        m->counts[SIM_N_FURTHER]++;
    }

    return further;
}


struct sim_hold *
sim_hold_find(struct sim_model *m, const char *id)
{
    char *end = NULL;
    unsigned long n = id[0] == 'h' ? strtoul(id + 1, &end, 16) : SIM_HOLDS;
    unsigned long k = end != NULL && *end == '.' ? strtoul(end + 1, NULL, 10)
                                                 : 0;

    if (n < m->nholds && k > 0) {
        n = k <= m->holds[n].last ? m->holds[n].further[k - 1] : SIM_HOLDS;
    }

    return n < m->nholds && strcmp(m->holds[n].id, id) == 0 ? &m->holds[n]
                                                            : NULL;
}


static int64_t
least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}


static int64_t
most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}


struct sim_evidence *
sim_decide(struct sim_model *m, struct sim_hold *h, char verb, int64_t amount)
{
    struct sim_evidence *ev;

    if (h->nevidence == SIM_EVIDENCE) {
        return NULL;
    }
    ev = &h->evidence[h->nevidence++];
    memset(ev, 0, sizeof(*ev));
    ev->rank = verb == 'p' ? SIM_PROVIDER : verb == 's' ? SIM_MEASURED
               : verb == 'e' ? SIM_ESTIMATE : SIM_VOID;
    ev->amount = ev->rank == SIM_VOID ? 0 : amount;
    ev->by.slot = true;
    ev->card = h->serves;
    h->live = false;
    sim_low_set(m, h, least(h->low, ev->amount));

    return ev;
}


/* --- what Redis did --- */

/* The highest limit that Redis may have for a window; SIM_ABSENT: it has no
 * such window. */
static int64_t
limit_most(const struct sim_budget *b, unsigned window)
{
    int64_t limit = SIM_ABSENT;
    unsigned v;

    for (v = b->sent; v <= b->newest; v++) {
        limit = most(limit, b->limits[v][window]);
    }

    return limit;
}


/* What Redis counts there. */
static void
counters_say(struct sim_model *m, const struct sim_pin *pin)
{
    const struct sim_budget *b = &m->budgets[pin->budget];
    const char *wid = pin->text + strlen(b->id) + 1;
    char key[ASG_RKEY_MAX];
    redisReply *reply;
    size_t i;

    (void) asg_rkey_budget(key, b->part, asg_str_z(b->id));
    reply = sim_redisf(m->world, "HMGET %s v l:%s s:%s h:%s", key,
                       b->windows[pin->window], wid, wid);
    sim_say(m->world, " Redis has v l s h");
    for (i = 0; reply != NULL && i < reply->elements; i++) {
        sim_say(m->world, " %s", reply->element[i]->str != NULL
                                 ? reply->element[i]->str : "-");
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
}


static void
admission_check(struct sim_model *m, const struct sim_hold *h)
{
    bool tight = false;
    int64_t limit, owed;
    unsigned i;

    sim_windows_check(m, h);
    for (i = 0; i < h->npins; i++) {
        const struct sim_pin *pin = &m->pins[h->pins[i]];

        sim_opening_meet(m, &m->pins[h->pins[i]]);
        if (pin->bare) {
            sim_fail(m->world, "%s was admitted in %s, whose counter is lost",
                     h->id, pin->text);
            return;
        }
        limit = limit_most(&m->budgets[pin->budget], pin->window);
        if (limit == SIM_UNLIMITED) {
            continue;
        }
        if (limit == SIM_ABSENT) {
            sim_fail(m->world, "%s was admitted in %s, a window that is no "
                     "more", h->id, pin->text);
            return;
        }
        owed = pin->low + pin->opening_low;
        if (limit == 0 || owed > limit - h->amount) {
            counters_say(m, pin);
            sim_fail(m->world, "M1 %s was admitted with %lld: %s owes %lld "
                     "already, its limit is %lld", h->id,
                     (long long) h->amount, pin->text, (long long) owed,
                     (long long) limit);
        }
        tight = tight || owed + h->amount > limit / 10 * 9;
    }
    m->counts[SIM_N_ADMITTED]++;
    m->counts[SIM_N_TIGHT] += tight;
}


unsigned
sim_pins_find(struct sim_model *m, const char *text,
    unsigned out[SIM_PINS_HOLD])
{
    const char *at = text, *end = text + strlen(text), *comma;
    unsigned n = 0;

    while (at < end && n < SIM_PINS_HOLD) {
        comma = memchr(at, ',', (size_t) (end - at));
        comma = comma != NULL ? comma : end;
        out[n++] = (unsigned) (pin_of(m, at, (size_t) (comma - at))
                               - m->pins);
        at = comma + 1;
    }

    return n;
}


/* A second grant in another period may hold there, or end there, for good. */
static void
other_take(struct sim_model *m, struct sim_hold *h, const char *text)
{
    unsigned pins[SIM_PINS_HOLD], i, n;

    snprintf(h->other, sizeof(h->other), "%s", text);
    n = sim_pins_find(m, text, pins);
    for (i = 0; i < n; i++) {
        m->pins[pins[i]].high += 2 * (h->amount + OTHER_NUSD);
    }
}


static int64_t
number_of(asg_str_t text)
{
    uint64_t n = 0;

    return asg_str_u64(text, &n) ? (int64_t) n : -1;
}


/* Of several grants of one id only the first is checked: the others come from
 * commands that were late, and are corrected. */
void
sim_saw_grant(struct sim_model *m, struct sim_hold *h, asg_str_t pins,
    asg_str_t expires)
{
    bool first = h->grants++ == 0;

    h->expires = number_of(expires);
    h->by.redis = true;
    h->lost = h->unheard = false;
    if (first) {
        snprintf(h->text, sizeof(h->text), "%.*s", (int) pins.len, pins.data);
        h->npins = sim_pins_find(m, h->text, h->pins);
        admission_check(m, h);
        h->plain = h->nevidence == 0;   /* else it was ended before */
        h->begun_us = m->world->pg_clock->fixed_us;
        h->created = h->expires - SIM_TTL_S;
        sim_low_set(m, h, h->nevidence > 0 ? 0 : h->amount);
    } else {
        h->plain = false;
        h->ended = 0;
        if (!asg_str_eq_z(pins, h->text)) {
            other_take(m, h, pins.data);
        }
        sim_low_set(m, h, 0);
    }
    sim_high_set(m, h, h->high + h->amount);
}


/* Never shorter, never beyond the life of a hold, and else for as long as was
 * asked.  What Redis takes for now may be ahead of its clock. */
void
sim_saw_extend(struct sim_model *m, struct sim_hold *h, asg_str_t expires)
{
    int64_t until = number_of(expires), now = sim_redis_now(m->world);
    int64_t end = h->created + SIM_LIFE_S;
    bool right = until >= h->expires && until <= most(h->expires, end)
                 && until >= least(now + SIM_TTL_S, end)
                 && until <= most(h->expires,
                                  now + SIM_CLOCKS_S + SIM_TTL_S);

    m->counts[SIM_N_EXTENDED] += until > h->expires;
    if (h->plain && !right) {
        sim_fail(m->world, "%s was extended from %lld to %lld at %lld, made "
                 "at %lld", h->id, (long long) h->expires, (long long) until,
                 (long long) now, (long long) h->created);
    }
    h->expires = until;
}


/* One that was granted once and never ended by anybody whom we saw: then it
 * expired. */
void
sim_saw_gone(struct sim_model *m, const struct sim_hold *h)
{
    if (!h->plain) {
        return;
    }
    m->counts[SIM_N_OUTLIVED]++;
    if (h->expires > sim_redis_now(m->world) + SIM_CLOCKS_S) {
        sim_fail(m->world, "%s is gone %lld s before its time", h->id,
                 (long long) (h->expires - sim_redis_now(m->world)));
    }
}


void
sim_saw_adopt(struct sim_model *m, struct sim_hold *h, asg_str_t expires)
{
    h->expires = number_of(expires);
    h->by.redis = true;
    h->plain = false;
    sim_high_set(m, h, h->high + h->amount);
    if (h->unheard || h->lost) {
        h->unheard = h->lost = false;
        sim_low_set(m, h, h->nevidence > 0 || h->grants > 1 ? 0 : h->amount);
    }
}


/* What was refused: budget w limit spent held reset [zone]. */
struct refusal {
    const struct sim_budget *budget;
    unsigned window, zone;
    int64_t limit, reset;
};


/* False: nobody set such a limit. */
static bool
refusal_read(const struct sim_model *m, const asg_str_t *words,
    struct refusal *r)
{
    bool limit = false, zone = false;
    unsigned i, v;

    *r = (struct refusal) {.limit = number_of(words[3]),
                           .reset = number_of(words[6])};
    for (i = 0; i < m->nbudgets && r->budget == NULL; i++) {
        r->budget = asg_str_eq_z(words[1], m->budgets[i].id) ? &m->budgets[i]
                                                             : NULL;
    }
    if (r->budget == NULL) {
        return false;
    }
    for (i = 0; i < r->budget->nwindows; i++) {
        r->window = asg_str_eq_z(words[2], r->budget->windows[i]) ? i
                                                                 : r->window;
    }
    for (i = 1; i < SIM_ZONES && words[7].len > 0; i++) {
        r->zone = asg_str_eq_z(words[7], sim_zone_name(i)) ? i : r->zone;
    }
    /* a limit does not wait for the zone that was set with it */
    for (v = r->budget->sent; v <= r->budget->newest; v++) {
        limit = limit || r->budget->limits[v][r->window] == r->limit;
        zone = zone || r->budget->zones[v][r->window] == r->zone;
    }

    return limit && zone;
}


void
sim_saw_over(struct sim_model *m, struct sim_hold *h, const asg_str_t *words)
{
    const struct sim_pin *pin;
    struct refusal r;
    int64_t most_nusd;
    char text[96];

    m->counts[SIM_N_OVER]++;
    m->counts[SIM_N_FURTHER_OVER] += h->attempt > 0;
    if (!refusal_read(m, words, &r)) {
        sim_fail(m->world, "%s was refused by the limit %.*s of %.*s, which "
                 "nobody set", h->id, (int) words[3].len, words[3].data,
                 (int) words[1].len, words[1].data);
        return;
    }
    if (r.limit == 0 || h->amount > r.limit) {
        return;
    }
    snprintf(text, sizeof(text), "%s:%s:%lld", r.budget->id,
             r.budget->windows[r.window],
             (long long) sim_window_start(r.budget->windows[r.window], r.zone,
                                          r.reset - 1));
    pin = pin_of(m, text, strlen(text));
    most_nusd = pin->high + pin->opening_high;
    if (most_nusd <= r.limit - h->amount) {
        sim_fail(m->world, "%s was refused %lld while there was room: %s has "
                 "at most %lld of %lld (Redis says %.*s + %.*s)", h->id,
                 (long long) h->amount, text, (long long) most_nusd,
                 (long long) r.limit, (int) words[4].len, words[4].data,
                 (int) words[5].len, words[5].data);
    }
}


void
sim_stream_id(asg_str_t id, uint64_t *ms, uint64_t *seq)
{
    const char *dash = memchr(id.data, '-', id.len);
    char text[48];

    *ms = *seq = 0;
    snprintf(text, sizeof(text), "%.*s", (int) id.len, id.data);
    if (dash != NULL) {
        *ms = strtoull(text, NULL, 10);
        *seq = strtoull(text + (dash - id.data) + 1, NULL, 10);
    }
}


void
sim_saw_end(struct sim_model *m, struct sim_hold *h, struct sim_evidence *ev,
    bool late, uint64_t epoch, asg_str_t id)
{
    int64_t amount = ev != NULL ? ev->amount : h->amount;

    h->by.redis = true;
    if (late) {
        sim_saw_gone(m, h);
    }
    if (ev != NULL) {                   /* it may have been forgotten before */
        sim_low_set(m, h, least(h->low, ev->amount));
    }
    if (ev != NULL && !ev->by.redis) {
        ev->by.redis = true;            /* the first event is the oldest */
        ev->at.epoch = epoch;
        sim_stream_id(id, &ev->at.ms, &ev->at.seq);
    }
    if (h->plain && !late) {
        sim_high_set(m, h, amount);
        h->plain = false;
        h->ended = ++m->serial;
    } else if (late) {
        /* told while a partition adopts it counts at once, and once more where
         * the ledger had it, until that has read the event */
        sim_high_set(m, h, h->high + amount);
    } else {
        sim_high_set(m, h, most(h->high, amount)
                           + most(0, amount - h->amount));
    }
    m->counts[SIM_N_LATE] += late;
}
