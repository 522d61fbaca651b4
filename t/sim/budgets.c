/*
 * Budgets and limits: what an administrator sets, in Postgres and in the model.
 */
#include "model.h"

#include <stdio.h>
#include <string.h>

#include "made.h"
#include "prices.h"
#include "records.h"
#include "windows.h"

#define ROOM_LITTLE   2500              /* a few calls */


static bool
project_add(struct sim_model *m, const char *id, unsigned part)
{
    return sim_sql(m->world, NULL, "INSERT INTO projects (project_id, name,"
                   " owner_email, manager_email, classification, data_class,"
                   " partition) VALUES ('%s', 'x', 'o@x', 'm@x', 'poc',"
                   " 'internal', %u)", id, part);
}


static void
window_name(struct sim_budget *b, const char *name, int64_t limit)
{
    snprintf(b->windows[b->nwindows], sizeof(b->windows[0]), "%s", name);
    b->limits[1][b->nwindows++] = limit;
}


/* `later`: windows that it may get. */
static bool
budget_add(struct sim_model *m, char scope, const char *scope_id,
    const char *project, unsigned part, const char *const *windows,
    const char *const *later)
{
    struct sim_budget *b = &m->budgets[m->nbudgets++];
    unsigned i;

    memset(b, 0, sizeof(*b));
    snprintf(b->id, sizeof(b->id), "%c.%s", scope, scope_id);
    snprintf(b->project, sizeof(b->project), "%s", project);
    b->part = part;
    b->newest = b->sent = 1;
    for (i = 0; i < SIM_WINDOWS; i++) {
        b->undone[i] = SIM_ABSENT;
    }
    if (!sim_sql(m->world, NULL, "WITH b AS (INSERT INTO budgets (budget_id,"
                 " scope, scope_id, project_id, partition)"
                 " VALUES ('%s', '%s', '%s', '%s', %u) RETURNING budget_id)"
                 " INSERT INTO outbox (kind, target, version)"
                 " SELECT 'budget', budget_id, 1 FROM b", b->id,
                 scope == 'p' ? "project" : "key", scope_id, project, part))
    {
        return false;
    }
    for (i = 0; windows[i] != NULL; i++) {
        window_name(b, windows[i], SIM_UNLIMITED);
        if (!sim_sql(m->world, NULL, "INSERT INTO budget_windows (budget_id,"
                     " window_name) VALUES ('%s', '%s')", b->id, windows[i]))
        {
            return false;
        }
    }
    for (i = 0; later[i] != NULL; i++) {
        window_name(b, later[i], SIM_ABSENT);
    }

    return true;
}


static void
set_add(struct sim_model *m, const char *key, unsigned n, unsigned first,
    unsigned second)
{
    struct sim_set *s = &m->sets[m->nsets++];
    char id[48];
    unsigned i = 0;

    memset(s, 0, sizeof(*s));
    s->n = n;
    s->budgets[0] = first;
    s->budgets[1] = second;
    s->part = m->budgets[first].part;
    s->project = m->budgets[first].project;
    snprintf(s->key, sizeof(s->key), "%s", key);
    snprintf(id, sizeof(id), "p.%s", s->project);
    s->scopes[0] = sim_scope_of(m, id, s->part);
    s->nscopes = 1;                     /* no table has these keys */
    m->scopes[s->scopes[0]].now.there = true;
    while (i < m->nparts && m->parts[i] != s->part) {
        i++;
    }
    m->parts[i] = s->part;
    m->nparts = i < m->nparts ? m->nparts : i + 1;
}


bool
sim_model_begin(struct sim_model *m, struct sim_world *w)
{
    static const char *const one[] = {"total", "1m", "1h", NULL};
    static const char *const two[] = {"total", "1d", "1mo", NULL};
    static const char *const key[] = {"total", "1m", NULL};
    static const char *const keys[] = {"total", NULL};
    static const char *const days[] = {"1d", "7d", NULL};
    static const char *const hours[] = {"1m", "1h", "7d", NULL};
    static const char *const both[] = {"1h", "1d", "1mo", NULL};
    static const char k1[] = "11111111-1111-4111-8111-111111111111";
    static const char k2[] = "22222222-2222-4222-8222-222222222222";

    memset(m, 0, sizeof(*m));
    m->world = w;
    if (!project_add(m, "proj-2026-0001", 3)
        || !project_add(m, "proj-2026-0002", 3)
        || !project_add(m, "proj-2026-0003", 7)
        || !budget_add(m, 'p', "proj-2026-0001", "proj-2026-0001", 3, one,
                       days)
        || !budget_add(m, 'p', "proj-2026-0002", "proj-2026-0002", 3, two,
                       hours)
        || !budget_add(m, 'p', "proj-2026-0003", "proj-2026-0003", 7, one,
                       days)
        || !budget_add(m, 'k', k1, "proj-2026-0001", 3, key, both)
        || !budget_add(m, 'k', k2, "proj-2026-0003", 7, keys, both)
        || !sim_prices_begin(m)
        || !sim_sql(w, NULL, "INSERT INTO project_numbers (year, last)"
                    " VALUES (2026, 3)"))
    {
        return false;
    }
    m->nprojects = 3;
    set_add(m, "", 1, 0, 0);
    set_add(m, k1, 2, 0, 3);
    set_add(m, "", 1, 1, 0);
    set_add(m, "", 1, 2, 0);
    set_add(m, k2, 2, 2, 4);

    return sim_world_park(w);
}


/* --- changes --- */

/* What the calls of the present period owe. */
static int64_t
owed_now(struct sim_model *m, const struct sim_budget *b, unsigned window)
{
    unsigned pin[SIM_PINS_HOLD];
    char text[96];

    snprintf(text, sizeof(text), "%s:%s:%lld", b->id, b->windows[window],
             (long long) sim_window_start(b->windows[window],
                 b->zones[b->newest][window], sim_redis_now(m->world)));

    return sim_pins_find(m, text, pin) == 1
           ? m->pins[pin[0]].low + m->pins[pin[0]].opening_low : 0;
}


/* Near to what is owed: a call that is forgotten makes room for another at
 * once, and is found. */
int64_t
sim_limit_draw(struct sim_model *m, const struct sim_budget *b,
    unsigned window)
{
    uint64_t n = sim_draw(m->world, 100);
    int64_t owed = owed_now(m, b, window);

    if (n < 15) {
        return SIM_UNLIMITED;
    }
    if (n < 17) {
        return 0;
    }
    if (n < 22) {
        return owed - owed / 4;
    }

    return owed + (int64_t) sim_draw(m->world, n < 50 ? ROOM_LITTLE
                                                      : SIM_ROOM_MUCH);
}


static bool
version_copy(struct sim_budget *b, unsigned from)
{
    if (b->newest + 1 == SIM_VERSIONS) {
        return false;
    }
    b->newest++;
    memcpy(b->limits[b->newest], b->limits[from], sizeof(b->limits[0]));
    memcpy(b->zones[b->newest], b->zones[from], sizeof(b->zones[0]));

    return true;
}


bool
sim_version_add(struct sim_model *m, struct sim_budget *b)
{
    sim_clock_move(m->world->pg_clock, 1);      /* no two at one time */
    sim_clock_move(m->world->redis_clock, 1);

    return version_copy(b, b->newest);
}


/* `lifted`: of all windows, to room for many calls. */
static bool
limits_change(struct sim_model *m, struct sim_budget *b, bool lifted)
{
    char values[SIM_TEXT] = "", limit[24];
    unsigned i;
    size_t n;

    if (!sim_version_add(m, b)) {
        return true;
    }
    for (i = 0; i < b->nwindows; i++) {
        if (b->limits[b->newest][i] == SIM_ABSENT) {
            continue;
        }
        if (lifted) {
            b->limits[b->newest][i] = owed_now(m, b, i) + SIM_ROOM_MUCH;
        } else if (sim_chance(m->world, 60)) {
            b->limits[b->newest][i] = sim_limit_draw(m, b, i);
        }
        snprintf(limit, sizeof(limit), "%lld",
                 (long long) b->limits[b->newest][i]);
        n = strlen(values);
        snprintf(values + n, sizeof(values) - n, "%s('%s', %s::bigint)",
                 i > 0 ? ", " : "", b->windows[i],
                 b->limits[b->newest][i] == SIM_UNLIMITED ? "NULL" : limit);
    }
    sim_say(m->world, " %s version %u: %s", b->id, b->newest, values);
    m->counts[SIM_N_LIMITS]++;

    return sim_sql(m->world, NULL, "WITH b AS (UPDATE budgets SET version ="
                   " version + 1 WHERE budget_id = '%s' RETURNING version),"
                   " w AS (UPDATE budget_windows SET limit_nusd = v.column2"
                   " FROM (VALUES %s) v WHERE budget_id = '%s'"
                   " AND window_name = v.column1)"
                   " INSERT INTO outbox (kind, target, version)"
                   " SELECT 'budget', '%s', version FROM b", b->id, values,
                   b->id, b->id);
}


bool
sim_limits_change(struct sim_model *m)
{
    return limits_change(m, sim_budget_pick(m), false);
}


bool
sim_limits_lift(struct sim_model *m)
{
    unsigned i;
    bool ok = true;

    for (i = 0; i < m->nbudgets && ok; i++) {
        ok = m->budgets[i].gone || limits_change(m, &m->budgets[i], true);
    }

    return ok;
}


/* Calls were admitted under limits that the record has lost. */
static void
limits_undo(struct sim_budget *b)
{
    unsigned v, i;

    for (v = b->saved + 1; v <= b->newest; v++) {
        for (i = 0; i < b->nwindows; i++) {
            b->undone[i] = b->limits[v][i] > b->undone[i] ? b->limits[v][i]
                                                          : b->undone[i];
        }
    }
}


bool
sim_limits_restored(struct sim_model *m)
{
    struct sim_budget *b;
    unsigned i;

    sim_made_restored(m);
    for (i = 0; i < m->nbudgets; i++) {
        b = &m->budgets[i];
        limits_undo(b);
        if (!version_copy(b, b->saved)) {
            return sim_fail(m->world, "sim: too many versions");
        }
        memset(b->changed, 0, sizeof(b->changed));
    }
    for (i = 0; i < SIM_PINS; i++) {
        m->pins[i].opening_low = 0;
    }

    return sim_prices_restored(m);
}
