/*
 * Windows: the calendar, changes, openings.
 */
#include "windows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bare.h"
#include "door.h"
#include "made.h"
#include "opened.h"
#include "ops/budget.h"

#define HOUR_S     3600
#define DAY_S      86400
#define MONDAY     4                    /* 1970-01-05, in days */
#define DAYS_MOST  400                  /* to the next odd day */


/* --- the calendar --- */

const char *
sim_zone_name(unsigned zone)
{
    static const char *const names[SIM_ZONES] = {"UTC", "Europe/Berlin",
                                                 "America/New_York"};

    return names[zone];
}


/* The first Sunday of a month that is not before `day`, at `hour` UTC. */
static int64_t
sunday(int year, int month, int day, int hour)
{
    struct tm tm = {.tm_year = year, .tm_mon = month, .tm_mday = day,
                    .tm_hour = hour};
    time_t at = timegm(&tm);

    return (int64_t) at + (7 - tm.tm_wday) % 7 * DAY_S;
}


/* Seconds east of Greenwich. */
static int64_t
zone_offset(unsigned zone, int64_t at)
{
    time_t when = (time_t) at;
    struct tm tm;
    int year;

    (void) gmtime_r(&when, &tm);
    year = tm.tm_year;
    if (zone == SIM_BERLIN) {
        return at >= sunday(year, 2, 25, 1) && at < sunday(year, 9, 25, 1)
               ? 2 * HOUR_S : HOUR_S;
    }
    if (zone == SIM_NEW_YORK) {
        return at >= sunday(year, 2, 8, 7) && at < sunday(year, 10, 1, 6)
               ? -4 * HOUR_S : -5 * HOUR_S;
    }

    return 0;
}


/* No summer time begins or ends near midnight. */
static int64_t
day_start(unsigned zone, int64_t day)
{
    int64_t at = day * DAY_S;

    at = day * DAY_S - zone_offset(zone, at);

    return day * DAY_S - zone_offset(zone, at);
}


static int64_t
day_of(unsigned zone, int64_t now)
{
    return (now + zone_offset(zone, now)) / DAY_S;
}


static int64_t
month_first(int64_t day)
{
    time_t at = (time_t) (day * DAY_S);
    struct tm tm;

    (void) gmtime_r(&at, &tm);

    return day - tm.tm_mday + 1;
}


int64_t
sim_window_start(const char *name, unsigned zone, int64_t now)
{
    int64_t day = day_of(zone, now);

    if (strcmp(name, "total") == 0) {
        return 0;
    }
    if (strcmp(name, "1m") == 0 || strcmp(name, "1h") == 0) {
        return now - now % (name[1] == 'm' ? 60 : HOUR_S);
    }
    if (strcmp(name, "7d") == 0) {
        day -= (day - MONDAY) % 7;
    } else if (strcmp(name, "1mo") == 0) {
        day = month_first(day);
    }

    return day_start(zone, day);
}


int64_t
sim_day_next(unsigned zone, int64_t now)
{
    return day_start(zone, day_of(zone, now) + 1);
}


int64_t
sim_day_odd(unsigned zone, int64_t now)
{
    int64_t at = now, next = sim_day_next(zone, now);
    unsigned i;

    for (i = 0; i < DAYS_MOST && next - at != 23 * HOUR_S
                && next - at != 25 * HOUR_S; i++)
    {
        at = next;
        next = sim_day_next(zone, at);
    }

    return at > now ? at : next;
}


/* --- what is set --- */

static bool
is_of_days(const char *name)
{
    return strcmp(name, "1d") == 0 || strcmp(name, "7d") == 0
           || strcmp(name, "1mo") == 0;
}


static bool
has_window(const struct sim_budget *b, unsigned version, unsigned window)
{
    return b->limits[version][window] != SIM_ABSENT;
}


static bool
list_fill(const struct sim_budget *b, struct ctl_budget_list *list,
    struct ctl_error *e)
{
    int64_t limit;
    unsigned i;

    memset(list, 0, sizeof(*list));
    for (i = 0; i < b->nwindows; i++) {
        limit = b->limits[b->newest][i];
        if (limit != SIM_ABSENT
            && !ctl_budget_list_add(list, b->windows[i],
                                    sim_zone_name(b->zones[b->newest][i]),
                                    limit == SIM_UNLIMITED, limit, e))
        {
            return false;
        }
    }

    return true;
}


/* By asgard-ctl's own hand. */
static bool
budget_replace(struct sim_model *m, const struct sim_budget *b)
{
    struct ctl_budget_list list;
    struct ctl_error e = {0};
    struct ctl_change c;

    sim_counters_new(m, b);             /* a window that is added is opened */
    if (ctl_change_begin(&c, m->world->admin, &m->world->arena, "sim", NULL,
                         &e)
        && list_fill(b, &list, &e)
        && ctl_budget_replace(&c, b->id, &list, &e)
        && ctl_change_commit(&c, &e))
    {
        return true;
    }
    ctl_change_abort(&c);

    return sim_fail(m->world, "asgard-ctl changes no window of %s: %s %s",
                    b->id, e.text, e.detail);
}


/* Added, taken away, or in another zone: the window `i` of a version that is
 * like the one before. */
static void
window_turn(struct sim_model *m, struct sim_budget *b, unsigned i)
{
    int64_t *limit = &b->limits[b->newest][i];
    uint8_t *zone = &b->zones[b->newest][i];
    bool days = is_of_days(b->windows[i]);

    if (*limit != SIM_ABSENT && (!days || sim_chance(m->world, 50))) {
        *limit = SIM_ABSENT;
        sim_say(m->world, " without %s", b->windows[i]);
        return;
    }
    if (*limit == SIM_ABSENT) {
        *zone = SIM_UTC;
        *limit = sim_limit_draw(m, b, i);
    }
    if (days) {
        *zone = (uint8_t) ((*zone + sim_draw(m->world, SIM_ZONES))
                           % SIM_ZONES);
    }
    sim_say(m->world, " %s in %s: %lld", b->windows[i], sim_zone_name(*zone),
            (long long) *limit);
}


/* Redis cannot have it as it is in the newest version.  What was taken away and
 * comes back before anybody told Redis was never away. */
static bool
is_new(const struct sim_budget *b, unsigned window)
{
    unsigned v;

    for (v = b->sent; v < b->newest; v++) {
        if (has_window(b, v, window)
            && b->zones[v][window] == b->zones[b->newest][window])
        {
            return false;
        }
    }

    return has_window(b, b->newest, window);
}


/* The window `i` of the newest version is another than before. */
static bool
window_changed(struct sim_model *m, struct sim_budget *b, unsigned i)
{
    sim_say(m->world, " of %s, version %u", b->id, b->newest);
    if (is_new(b, i)) {
        b->changed[i] = ++m->serial;
        b->since[i] = b->newest;
    } else if (b->since[i] > b->sent) {
        b->changed[i] = 0;              /* as it was before: nobody knows */
    }
    m->counts[SIM_N_WINDOWS]++;

    return budget_replace(m, b);
}


bool
sim_windows_change(struct sim_model *m)
{
    struct sim_budget *b = sim_budget_pick(m);
    unsigned i = 1 + (unsigned) sim_draw(m->world, b->nwindows - 1);

    if (m->turned != 0 && !m->budgets[m->turned / SIM_WINDOWS].gone
        && sim_chance(m->world, 50))
    {                                   /* the same again */
        b = &m->budgets[m->turned / SIM_WINDOWS];
        i = m->turned % SIM_WINDOWS;
    }
    m->turned = (unsigned) (b - m->budgets) * SIM_WINDOWS + i;
    if (!sim_version_add(m, b)) {
        return true;
    }
    window_turn(m, b, i);

    return window_changed(m, b, i);
}


/* A zone in which the window of days began later than in its own: what was
 * spent since then is to be in it; -1: there is none. */
static int
zone_later(struct sim_model *m, const struct sim_budget *b, unsigned window)
{
    int64_t now = sim_redis_now(m->world);
    const char *name = b->windows[window];
    unsigned was = b->zones[b->newest][window], zone;

    if (!has_window(b, b->newest, window) || !is_of_days(name)) {
        return -1;
    }
    for (zone = 0; zone < SIM_ZONES; zone++) {
        if (sim_window_start(name, zone, now)
            > sim_window_start(name, was, now))
        {
            return (int) zone;
        }
    }

    return -1;
}


bool
sim_zone_move(struct sim_model *m)
{
    struct sim_budget *b = sim_budget_pick(m);
    unsigned i;
    int zone = -1;

    for (i = 1; i < b->nwindows && zone < 0; i++) {
        zone = zone_later(m, b, i);
    }
    if (zone < 0 || !sim_version_add(m, b)) {
        return false;
    }
    b->zones[b->newest][--i] = (uint8_t) zone;
    sim_say(m->world, " %s in %s", b->windows[i],
            sim_zone_name((unsigned) zone));

    return window_changed(m, b, i);
}


bool
sim_windows_empty(struct sim_model *m)
{
    struct sim_budget *b = sim_budget_pick(m);
    unsigned i;

    if (!sim_version_add(m, b)) {
        return true;
    }
    for (i = 1; i < b->nwindows; i++) {
        b->limits[b->newest][i] = SIM_ABSENT;
    }
    sim_say(m->world, " %s, version %u", b->id, b->newest);
    m->counts[SIM_N_EMPTIED]++;

    return budget_replace(m, b);
}


/* --- what is granted --- */

static bool
is_pinned(const struct sim_model *m, const struct sim_hold *h,
    unsigned budget, unsigned window)
{
    unsigned i;

    for (i = 0; i < h->npins; i++) {
        if (m->pins[h->pins[i]].budget == budget
            && m->pins[h->pins[i]].window == window)
        {
            return true;
        }
    }

    return false;
}


/* In all versions that Redis may have. */
static bool
is_set(const struct sim_budget *b, unsigned window)
{
    unsigned v;

    for (v = b->sent; v <= b->newest && has_window(b, v, window); v++) {
        /* in this one, too */
    }

    return v > b->newest;
}


static void
budget_check(struct sim_model *m, const struct sim_hold *h, unsigned budget)
{
    const struct sim_budget *b = &m->budgets[budget];
    unsigned i;

    for (i = 0; i < b->nwindows; i++) {
        if (is_set(b, i) && !is_pinned(m, h, budget, i)) {
            sim_fail(m->world, "%s was admitted past the window %s of %s",
                     h->id, b->windows[i], b->id);
        }
    }
}


/* As scripts see it. */
static int64_t
now_of(const struct sim_model *m, unsigned part)
{
    return sim_door_time_us(m->world, part) / 1000000;
}


/* By some version that Redis may have, is this the period of `now`? */
static bool
is_of_now(const struct sim_model *m, const struct sim_pin *pin, int64_t now)
{
    const struct sim_budget *b = &m->budgets[pin->budget];
    const char *id = strrchr(pin->text, ':') + 1;
    int64_t start = strtoll(id, NULL, 10);
    unsigned v;

    for (v = b->sent; v <= b->newest; v++) {
        if (has_window(b, v, pin->window)
            && start == sim_window_start(b->windows[pin->window],
                                         b->zones[v][pin->window], now))
        {
            return true;
        }
    }

    return false;
}


void
sim_windows_check(struct sim_model *m, const struct sim_hold *h)
{
    const struct sim_set *set = &m->sets[h->set];
    int64_t now = now_of(m, h->part);
    unsigned i;

    for (i = 0; i < set->n; i++) {
        budget_check(m, h, set->budgets[i]);
    }
    for (i = 0; i < h->npins; i++) {
        if (!is_of_now(m, &m->pins[h->pins[i]], now)) {
            sim_fail(m->world, "%s was admitted in %s, which is not the "
                     "period of %lld", h->id, m->pins[h->pins[i]].text,
                     (long long) now);
        }
    }
}


/* --- openings --- */

static bool
asks_for(const struct sim_model *m, const struct sim_hold *h, unsigned budget)
{
    const struct sim_set *set = &m->sets[h->set];
    unsigned i;

    for (i = 0; i < set->n && set->budgets[i] != budget; i++) {
        /* the next one */
    }

    return i < set->n;
}


/* The least that its balance can be. */
static int64_t
least_of(const struct sim_hold *h)
{
    int64_t amount = h->amount;
    unsigned i;

    for (i = 0; i < h->nevidence; i++) {
        amount = h->evidence[i].amount < amount ? h->evidence[i].amount
                                                : amount;
    }

    return amount;
}


/* What was surely spent without the window, in its period, before somebody set
 * it. */
static int64_t
opening_least(const struct sim_model *m, const struct sim_pin *pin)
{
    uint64_t changed = m->budgets[pin->budget].changed[pin->window];
    int64_t start_us = strtoll(strrchr(pin->text, ':') + 1, NULL, 10)
                       * 1000000;
    unsigned place = (unsigned) (pin - m->pins), i, k;
    const struct sim_hold *h;
    int64_t sum = 0;

    for (i = 0; i < m->nholds; i++) {
        h = &m->holds[i];
        for (k = 0; k < h->npins && h->pins[k] != place; k++) {
            /* another one */
        }
        if (k == h->npins && h->ended > 0 && h->ended < changed
            && h->begun_us >= start_us && asks_for(m, h, pin->budget))
        {
            sum += least_of(h);
        }
    }

    return sum;
}


void
sim_opening_meet(struct sim_model *m, struct sim_pin *pin)
{
    const struct sim_budget *b = &m->budgets[pin->budget];
    uint64_t changed = b->changed[pin->window];
    int64_t least;

    if (pin->met != changed && b->since[pin->window] <= b->sent) {
        pin->met = changed;
        least = opening_least(m, pin);
        pin->opening_low = least > pin->opening_low ? least
                                                    : pin->opening_low;
    }
}


static bool
opening_check(struct sim_model *m, const struct sim_pin *pin, int64_t amount)
{
    int64_t sum, least = opening_least(m, pin);
    bool past;

    if (!sim_opened_sum(m, pin, amount, &sum, &past)) {
        return false;
    }
    m->counts[SIM_N_OPENINGS]++;
    sim_say(m->world, " (%s opens with %lld)", pin->text, (long long) amount);
    if (amount != sum && !past) {
        return sim_fail(m->world, "%s opens with %lld, spent were %lld",
                        pin->text, (long long) amount, (long long) sum);
    }

    return amount >= least
           || sim_fail(m->world, "%s opens with %lld, spent before it was "
                       "set were %lld", pin->text, (long long) amount,
                       (long long) least);
}


static bool
opening_take(struct sim_model *m, const char *text, int64_t amount,
    const char *at, bool trusted)
{
    unsigned place[SIM_PINS_HOLD];
    struct sim_pin *pin;

    if (sim_pins_find(m, text, place) != 1) {
        return false;
    }
    pin = &m->pins[place[0]];
    if (pin->opening == amount
        && (strcmp(pin->opened, at) == 0
            || (pin->opened[0] != '\0'
                && !is_of_now(m, pin, now_of(m, m->budgets[pin->budget]
                                                .part)))))
    {                                   /* or of a period that is over, told
                                         * again when the window changed */
        snprintf(pin->opened, sizeof(pin->opened), "%s", at);
        return true;
    }
    snprintf(pin->opened, sizeof(pin->opened), "%s", at);
    pin->opening = amount;
    pin->opening_high = amount > pin->opening_high ? amount
                                                   : pin->opening_high;
    pin->opening_low = trusted ? pin->opening_low : opening_least(m, pin);

    return trusted || opening_check(m, pin, amount);
}


bool
sim_openings_take(struct sim_model *m, bool trusted)
{
    struct ctl_rows rows;
    unsigned r;

    for (r = 0; trusted && r < SIM_PINS; r++) {
        m->pins[r].opening = 0;
        m->pins[r].opened[0] = '\0';
    }
    if (!sim_sql(m->world, &rows, "SELECT budget_id || ':' || window_name ||"
                 " ':' || window_id, amount_nusd, at FROM openings"
                 " ORDER BY 1"))
    {
        return false;
    }
    for (r = 0; r < rows.nrows && !m->world->failed; r++) {
        if (!opening_take(m, ctl_rows_at(&rows, r, 0),
                          ctl_rows_i64(&rows, r, 1), ctl_rows_at(&rows, r, 2),
                          trusted))
        {
            return false;
        }
    }

    sim_opened_note(m);

    return true;
}
