/*
 * Projects and keys in the middle of a run.
 */
#include "made.h"

#include <stdio.h>
#include <string.h>

#include "core/keyfile.h"
#include "ops/key.h"
#include "ops/project.h"
#include "records.h"
#include "windows.h"

#define GROUP_BYTES   16
#define GROUPS_MOST   10000             /* tried for a partition */

/* All that a budget may have, `total` first. */
static const char *const names[SIM_WINDOWS] = {"total", "1m", "1h", "1d", "7d",
                                               "1mo"};


/* --- picking --- */

unsigned
sim_set_pick(struct sim_model *m)
{
    unsigned i, at = (unsigned) sim_draw(m->world, m->nsets);

    for (i = 0; i < m->nsets && m->sets[(at + i) % m->nsets].gone; i++) {
        /* the next one; the first ones never go */
    }

    return (at + i) % m->nsets;
}


struct sim_budget *
sim_budget_pick(struct sim_model *m)
{
    unsigned i, at = (unsigned) sim_draw(m->world, m->nbudgets);

    for (i = 0; m->budgets[(at + i) % m->nbudgets].gone; i++) {
        /* likewise */
    }

    return &m->budgets[(at + i) % m->nbudgets];
}


/* --- what the model gets --- */

static struct sim_budget *
budget_find(struct sim_model *m, const char *id)
{
    unsigned i;

    for (i = 0; i < m->nbudgets; i++) {
        if (strcmp(m->budgets[i].id, id) == 0) {
            return &m->budgets[i];
        }
    }

    return NULL;
}


/* With no window yet in its newest version; one that an older database did not
 * know comes back under its name.  NULL: there is no room. */
static struct sim_budget *
budget_begin(struct sim_model *m, const char *id, const char *project,
    unsigned part)
{
    struct sim_budget *b = budget_find(m, id);
    unsigned i;

    if (b == NULL) {
        b = &m->budgets[m->nbudgets++];
        memset(b, 0, sizeof(*b));
        snprintf(b->id, sizeof(b->id), "%s", id);
        snprintf(b->project, sizeof(b->project), "%s", project);
        b->part = part;
        for (i = 0; i < SIM_WINDOWS; i++) {
            snprintf(b->windows[i], sizeof(b->windows[i]), "%s", names[i]);
            b->limits[0][i] = b->undone[i] = SIM_ABSENT;
        }
        b->nwindows = SIM_WINDOWS;
    }
    b->gone = false;
    if (!sim_version_add(m, b)) {
        return NULL;
    }
    for (i = 0; i < SIM_WINDOWS; i++) {
        b->limits[b->newest][i] = SIM_ABSENT;
        b->zones[b->newest][i] = SIM_UTC;
    }

    return b;
}


static void
scopes_begin(struct sim_model *m, struct sim_set *s)
{
    char id[48];

    snprintf(id, sizeof(id), "p.%s", s->project);
    s->scopes[0] = sim_scope_of(m, id, s->part);
    s->nscopes = 1;
    if (s->key[0] != '\0') {
        snprintf(id, sizeof(id), "k.%s", s->key);
        s->scopes[s->nscopes++] = sim_scope_of(m, id, s->part);
    }
    sim_record_made(m, s->scopes[s->nscopes - 1]);
}


static void
set_begin(struct sim_model *m, const struct sim_budget *project,
    const char *key, const struct sim_budget *own)
{
    struct sim_set *s;
    unsigned i;

    for (i = 0; i < m->nsets; i++) {
        s = &m->sets[i];
        if (strcmp(s->key, key) == 0 && strcmp(s->project, project->project)
                                        == 0)
        {
            s->gone = false;            /* it has come back */
            scopes_begin(m, s);
            return;
        }
    }
    s = &m->sets[m->nsets++];
    memset(s, 0, sizeof(*s));
    s->budgets[s->n++] = (unsigned) (project - m->budgets);
    if (own != NULL) {
        s->budgets[s->n++] = (unsigned) (own - m->budgets);
    }
    s->project = project->project;
    s->part = project->part;
    snprintf(s->key, sizeof(s->key), "%s", key);
    scopes_begin(m, s);
}


static bool
has_room(const struct sim_model *m)
{
    return m->nbudgets < SIM_BUDGETS && m->nsets < SIM_SETS;
}


/* --- a change of the administrator's --- */

bool
sim_change_begin(struct sim_model *m, struct ctl_change *c, struct ctl_error *e)
{
    sim_clock_move(m->world->pg_clock, 1);      /* no two at one time */
    sim_clock_move(m->world->redis_clock, 1);

    if (!ctl_change_begin(c, m->world->admin, &m->world->arena, "sim", NULL,
                          e))
    {
        return false;
    }
    c->may_exceed = true;                       /* as an administrator's */

    return true;
}


bool
sim_change_end(struct sim_model *m, struct ctl_change *c, bool ok,
    struct ctl_error *e)
{
    if (ok && ctl_change_commit(c, e)) {
        return true;
    }
    ctl_change_abort(c);

    return sim_fail(m->world, "asgard-ctl makes no such thing: %s %s", e->text,
                    e->detail);
}


/* --- projects --- */

/* A group whose projects are in that partition. */
static const char *
group_of(unsigned part, char out[GROUP_BYTES])
{
    unsigned i;

    for (i = 0; i < GROUPS_MOST; i++) {
        snprintf(out, GROUP_BYTES, "g%u", i);
        if (asg_partition_of(asg_str_z(out)) == part) {
            break;
        }
    }

    return out;
}


/* The partition follows from the number: a name that comes back after a restore
 * is in the same one. */
bool
sim_project_make(struct sim_model *m)
{
    unsigned part = m->parts[m->nprojects % m->nparts];
    char group[GROUP_BYTES], id[48];
    struct ctl_project_input in = {.name = "sim", .owner_email = "o@x",
        .manager_email = "m@x", .group = group_of(part, group),
        .budget_given = true};
    struct ctl_error e = {0};
    struct ctl_change c;
    struct sim_budget *b;
    const char *made;
    bool ok;

    if (!has_room(m)) {
        return true;
    }
    in.budget_nusd = (int64_t) sim_draw(m->world, SIM_ROOM_MUCH);
    in.budget_unlimited = sim_chance(m->world, 20);
    ok = sim_change_begin(m, &c, &e)
         && ctl_project_register(&c, &in, &made, &e);
    if (!sim_change_end(m, &c, ok, &e)) {
        return false;
    }
    snprintf(id, sizeof(id), "p.%s", made);
    b = budget_begin(m, id, made, part);
    if (b == NULL) {
        return sim_fail(m->world, "sim: too many versions");
    }
    b->limits[b->newest][0] = in.budget_unlimited ? SIM_UNLIMITED
                                                  : in.budget_nusd;
    set_begin(m, b, "", NULL);
    m->nprojects++;
    m->counts[SIM_N_PROJECTS]++;
    sim_say(m->world, " %s, partition %u: %lld", made, part,
            (long long) b->limits[b->newest][0]);

    return true;
}


/* --- keys --- */

/* Some of the windows; false: none. */
static bool
list_draw(struct sim_model *m, struct ctl_budget_list *list,
    struct ctl_error *e)
{
    unsigned i;

    memset(list, 0, sizeof(*list));
    for (i = 0; i < SIM_WINDOWS; i++) {
        if (sim_chance(m->world, 30)
            && !ctl_budget_list_add(list, names[i], sim_zone_name(SIM_UTC),
                                    sim_chance(m->world, 20), (int64_t)
                                    sim_draw(m->world, SIM_ROOM_MUCH), e))
        {
            return false;
        }
    }

    return list->n > 0;
}


static void
list_take(struct sim_model *m, struct sim_budget *b,
    const struct ctl_budget_list *list)
{
    unsigned i, k;

    b->limits[b->newest][0] = SIM_UNLIMITED;    /* always there */
    for (k = 0; k < list->n; k++) {
        for (i = 0; strcmp(names[i], list->windows[k].name) != 0; i++) {
            /* the next one */
        }
        b->limits[b->newest][i] = list->windows[k].unlimited
                                  ? SIM_UNLIMITED
                                  : list->windows[k].limit_nusd;
        sim_say(m->world, " %s: %lld", names[i],
                (long long) b->limits[b->newest][i]);
    }
}


static struct sim_budget *
project_pick(struct sim_model *m)
{
    struct sim_budget *b = sim_budget_pick(m);
    char id[48];

    snprintf(id, sizeof(id), "p.%s", b->project);

    return budget_find(m, id);
}


bool
sim_key_make(struct sim_model *m)
{
    static const asg_keyfile_t peppers = {.peppers = {{.id = "p1"}},
                                          .npeppers = 1};
    struct sim_budget *project = project_pick(m), *own = NULL;
    char text[CTL_CREDENTIAL_TEXT], id[48];
    const char *key, *prefix;
    struct ctl_budget_list list;
    struct ctl_error e = {0};
    struct ctl_key_input in = {.name = "sim"};
    struct ctl_change c;
    bool ok;

    if (!has_room(m) || sim_project_is_killed(m, project)) {
        return true;
    }
    in.budgets = list_draw(m, &list, &e) ? &list : NULL;
    ok = sim_change_begin(m, &c, &e)
         && ctl_key_mint(&c, &peppers, project->project, &in, text, &key,
                         &prefix, &e);
    if (!sim_change_end(m, &c, ok, &e)) {
        return false;
    }
    sim_say(m->world, " %s of %s", key, project->project);
    if (in.budgets != NULL) {
        snprintf(id, sizeof(id), "k.%s", key);
        own = budget_begin(m, id, project->project, project->part);
        if (own == NULL) {
            return sim_fail(m->world, "sim: too many versions");
        }
        list_take(m, own, &list);
    }
    set_begin(m, project, key, own);
    m->counts[SIM_N_KEYS]++;

    return true;
}


/* One of those that were made here. */
static struct sim_set *
key_pick(struct sim_model *m)
{
    unsigned i, at = (unsigned) sim_draw(m->world, m->nsets);
    struct sim_set *s;

    for (i = 0; i < m->nsets; i++) {
        s = &m->sets[(at + i) % m->nsets];
        if (!s->gone && s->key[0] == '0') {
            return s;
        }
    }

    return NULL;
}


bool
sim_key_revoke(struct sim_model *m)
{
    struct sim_set *s = key_pick(m);
    struct ctl_error e = {0};
    struct ctl_change c;
    bool ok;

    if (s == NULL) {
        return true;
    }
    ok = sim_change_begin(m, &c, &e)
         && ctl_key_revoke(&c, s->project, s->key, &e);
    if (!sim_change_end(m, &c, ok, &e)) {
        return false;
    }
    sim_say(m->world, " %s", s->key);
    s->gone = true;
    m->scopes[s->scopes[s->nscopes - 1]].now.shut = true;
    m->counts[SIM_N_REVOKED]++;

    return true;
}


/* --- an older database --- */

void
sim_made_saved(struct sim_model *m)
{
    unsigned i;

    m->nprojects_saved = m->nprojects;
    m->nprices_saved = m->nprices;
    for (i = 0; i < m->nbudgets; i++) {
        m->budgets[i].saved = m->budgets[i].gone ? 0 : m->budgets[i].newest;
    }
    for (i = 0; i < m->nsets; i++) {
        m->sets[i].saved = !m->sets[i].gone;
    }
    sim_records_saved(m);
}


/* Nothing has a window in its version 0. */
void
sim_made_restored(struct sim_model *m)
{
    unsigned i;

    m->nprojects = m->nprojects_saved;
    for (i = 0; i < m->nbudgets; i++) {
        m->budgets[i].gone = m->budgets[i].saved == 0;
    }
    for (i = 0; i < m->nsets; i++) {
        m->sets[i].gone = !m->sets[i].saved;
    }
    sim_records_restored(m);
}
