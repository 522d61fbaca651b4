/*
 * Setting limits and kills, reading records.
 */
#include "records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "core/record.h"
#include "made.h"
#include "ops/key.h"
#include "ops/project.h"

#define COARSE     240                  /* requests: exact up to here */
#define REQUESTS   12                   /* of a minute, mostly */
#define TOKENS     600
#define PARALLEL   6


unsigned
sim_scope_of(struct sim_model *m, const char *id, unsigned part)
{
    struct sim_scope *s;
    unsigned i;

    for (i = 0; i < m->nscopes; i++) {
        if (strcmp(m->scopes[i].id, id) == 0) {
            return i;
        }
    }
    if (m->nscopes == SIM_SCOPES) {
        sim_fail(m->world, "sim: too many scopes");
        return 0;
    }
    s = &m->scopes[m->nscopes++];
    memset(s, 0, sizeof(*s));
    snprintf(s->id, sizeof(s->id), "%s", id);
    s->part = part;
    if (id[0] == 'p') {
        (void) asg_rkey_project(s->record, asg_str_z(id + 2));
    }

    return i;
}


/* The digest of a key is known to nobody else. */
static bool
key_record_name(struct sim_model *m, struct sim_scope *s)
{
    uint8_t digest[ASG_KEY_DIGEST_BYTES];
    struct ctl_rows rows;

    if (!sim_sql(m->world, &rows, "SELECT pepper_id, encode(digest, 'hex')"
                 " FROM keys WHERE key_id::text = '%s'", s->id + 2)
        || rows.nrows == 0)
    {
        return false;
    }

    return asg_hex_decode(asg_str_z(ctl_rows_at(&rows, 0, 1)), digest,
                          sizeof(digest))
           && asg_rkey_key(s->record, asg_str_z(ctl_rows_at(&rows, 0, 0)),
                           digest) > 0;
}


void
sim_record_made(struct sim_model *m, unsigned scope)
{
    struct sim_scope *s = &m->scopes[scope];

    s->now = (struct sim_record) {.there = true};
    if (s->id[0] == 'k' && !key_record_name(m, s)) {
        sim_fail(m->world, "the database has no key %s", s->id);
    }
}


/* --- what is set --- */

static void
limit_draw(struct sim_model *m, struct ctl_limit *limit, uint64_t usual)
{
    uint64_t n = sim_draw(m->world, 100);

    *limit = (struct ctl_limit) {.given = n < 70, .null = n < 25};
    limit->most = n < 27 ? 0 : n < 32
                  ? (int64_t) (usual * 40 + sim_draw(m->world, usual))
                  : 1 + (int64_t) sim_draw(m->world, usual);
}


static void
limits_draw(struct sim_model *m, struct ctl_limits *limits)
{
    limit_draw(m, &limits->of[ASG_LIMIT_REQUESTS], REQUESTS);
    limit_draw(m, &limits->of[ASG_LIMIT_TOKENS], TOKENS);
    limit_draw(m, &limits->of[ASG_LIMIT_PARALLEL], PARALLEL);
}


static void
limits_take(struct sim_model *m, struct sim_scope *s,
    const struct ctl_limits *limits)
{
    const struct ctl_limit *limit;
    unsigned kind;

    for (kind = 0; kind < ASG_LIMIT_COUNT; kind++) {
        limit = &limits->of[kind];
        if (!limit->given) {
            continue;
        }
        s->now.limits.set &= (uint8_t) ~(1u << kind);
        (void) asg_limits_put(&s->now.limits, (asg_limit_kind_t) kind,
                              limit->null ? -1 : limit->most);
        if (limit->null) {
            s->now.limits.most[kind] = 0;
            sim_say(m->world, " %s -", asg_limit_kind_name(
                (asg_limit_kind_t) kind));
        } else {
            sim_say(m->world, " %s %lld", asg_limit_kind_name(
                (asg_limit_kind_t) kind), (long long) limit->most);
        }
    }
    s->coarse = s->coarse || s->now.limits.most[ASG_LIMIT_REQUESTS] > COARSE;
}


/* One that the database knows; NULL: none was found. */
static struct sim_scope *
scope_pick(struct sim_model *m, char kind)
{
    unsigned i, at = (unsigned) sim_draw(m->world, m->nscopes);
    struct sim_scope *s;

    for (i = 0; i < m->nscopes; i++) {
        s = &m->scopes[(at + i) % m->nscopes];
        if (s->now.there && (kind == '\0' || s->id[0] == kind)) {
            return s;
        }
    }

    return NULL;
}


static const char *
project_of(const struct sim_model *m, const struct sim_scope *s)
{
    unsigned i;

    for (i = 0; i < m->nsets; i++) {
        if (strcmp(m->sets[i].key, s->id + 2) == 0) {
            return m->sets[i].project;
        }
    }

    return "";
}


static bool
limits_patch(struct sim_model *m, const struct sim_scope *s,
    const struct ctl_limits *limits, struct ctl_change *c,
    struct ctl_error *e)
{
    const struct ctl_key_patch key = {.limits = *limits};
    const struct ctl_project_patch project = {.limits = *limits};

    return s->id[0] == 'k'
           ? ctl_key_patch(c, project_of(m, s), s->id + 2, &key, e)
           : ctl_project_patch(c, s->id + 2, &project, e);
}


bool
sim_limits_set(struct sim_model *m)
{
    struct sim_scope *s = scope_pick(m, '\0');
    struct ctl_limits limits;
    struct ctl_error e = {0};
    struct ctl_change c;
    bool ok;

    if (s == NULL) {
        return true;
    }
    limits_draw(m, &limits);
    ok = sim_change_begin(m, &c, &e) && limits_patch(m, s, &limits, &c, &e);
    if (!sim_change_end(m, &c, ok, &e)) {
        return false;
    }
    sim_say(m->world, " %s:", s->id);
    limits_take(m, s, &limits);
    m->counts[SIM_N_RELIMITED]++;

    return true;
}


/* One that is killed, rather than any. */
static struct sim_scope *
project_pick(struct sim_model *m)
{
    unsigned i;

    for (i = 0; i < m->nscopes && sim_chance(m->world, 85); i++) {
        if (m->scopes[i].id[0] == 'p' && m->scopes[i].now.there
            && m->scopes[i].now.shut)
        {
            return &m->scopes[i];
        }
    }

    return scope_pick(m, 'p');
}


bool
sim_project_kill(struct sim_model *m)
{
    struct sim_scope *s = project_pick(m);
    struct ctl_error e = {0};
    struct ctl_change c;
    bool ok;

    if (s == NULL) {
        return true;
    }
    ok = sim_change_begin(m, &c, &e)
         && ctl_project_set_killed(&c, s->id + 2, !s->now.shut, "sim", &e);
    if (!sim_change_end(m, &c, ok, &e)) {
        return false;
    }
    s->now.shut = !s->now.shut;
    sim_say(m->world, " %s %s", s->id, s->now.shut ? "is killed" : "lives");
    m->counts[s->now.shut ? SIM_N_KILLS : SIM_N_UNKILLS]++;

    return true;
}


bool
sim_project_is_killed(const struct sim_model *m,
    const struct sim_budget *project)
{
    unsigned i;

    for (i = 0; i < m->nscopes && strcmp(m->scopes[i].id, project->id) != 0;
         i++)
    {
        /* the next one */
    }

    return i < m->nscopes && m->scopes[i].now.shut;
}


/* --- what Redis has --- */

/* False: it cannot be read. */
static bool
record_parse(const struct sim_scope *s, const redisReply *reply,
    struct sim_record *out)
{
    static asg_json_t json;
    static asg_project_record_t project;
    static asg_key_record_t key;
    asg_str_t text = {reply->str, (size_t) reply->len};
    bool ok;

    if (s->id[0] == 'k') {
        ok = asg_record_key_read(&json, text, &key) == ASG_OK
             && strcmp(key.key_id, s->id + 2) == 0;
        *out = (struct sim_record) {true, key.revoked, key.limits};
    } else {
        ok = asg_record_project_read(&json, text, &project) == ASG_OK
             && strcmp(project.project_id, s->id + 2) == 0;
        *out = (struct sim_record) {true, project.killed, project.limits};
    }

    return ok;
}


static bool
limits_agree(const asg_limits_t *a, const asg_limits_t *b)
{
    unsigned kind;

    for (kind = 0; kind < ASG_LIMIT_COUNT; kind++) {
        if (asg_limits_has(a, (asg_limit_kind_t) kind)
            && a->most[kind] != b->most[kind])
        {
            return false;
        }
    }

    return a->set == b->set;
}


/* Has everything been sent that was set of this partition, and was it seeded
 * since all that was lost? */
static bool
record_is_due(struct sim *s, const struct sim_scope *scope)
{
    struct ctl_rows rows;

    return !s->model.restored[scope->part] && !s->meters.behind[scope->part]
           && !s->model.undone && sim_part_is_open(s, scope->part)
           && sim_sql(&s->world, &rows, "SELECT FROM outbox"
                      " WHERE kind IN ('key', 'project') AND sent_at IS NULL"
                      " LIMIT 1")
           && rows.nrows == 0;
}


static void
record_check(struct sim *s, const struct sim_scope *scope,
    const struct sim_record *is)
{
    const struct sim_record *right = &scope->now;
    char limits[ASG_LIMITS_TEXT], set[ASG_LIMITS_TEXT];

    if (is->there == right->there
        && (!is->there || (is->shut == right->shut
                           && limits_agree(&is->limits, &right->limits))))
    {
        s->model.counts[SIM_N_RECORDS]++;
        return;
    }
    if (record_is_due(s, scope)) {
        (void) asg_limits_text(&is->limits, limits);
        (void) asg_limits_text(&right->limits, set);
        sim_fail(&s->world, "the record of %s is %s in Redis, %s, with limits "
                 "%s; set was: %s, %s, %s", scope->id, is->there ? "there"
                 : "missing", is->shut ? "shut" : "open", limits,
                 right->there ? "there" : "missing",
                 right->shut ? "shut" : "open", set);
    }
}


/* What it had read before stays where nothing can be read: the door is shut by
 * then, or the call was let in. */
static void
record_take(struct sim *s, unsigned gateway, unsigned scope,
    const redisReply *reply)
{
    struct sim_record *seen = &s->gateways.all[gateway].records[scope];
    struct sim_record is = {0};
    bool was_shut = seen->shut;

    if (reply->type == REDIS_REPLY_STRING
        && !record_parse(&s->model.scopes[scope], reply, &is))
    {
        sim_fail(&s->world, "the record of %s cannot be read: %s",
                 s->model.scopes[scope].id, reply->str);
        return;
    }
    record_check(s, &s->model.scopes[scope], &is);
    if (!is.there) {
        return;
    }
    *seen = is;
    if (is.shut && !was_shut && s->model.scopes[scope].id[0] == 'p') {
        sim_say(&s->world, " gateway %u: %s is killed", gateway,
                s->model.scopes[scope].id);
        sim_calls_cut(&s->gateways, gateway, scope);
    }
}


void
sim_records_read(struct sim *s)
{
    unsigned gateway = (unsigned) sim_draw(&s->world, SIM_GATEWAYS), i;
    redisReply *reply;

    if (s->gateways.all[gateway].paused) {
        return;
    }
    for (i = 0; i < s->model.nscopes && !s->world.failed; i++) {
        if (s->model.scopes[i].record[0] == '\0') {
            continue;
        }
        reply = sim_redisf(&s->world, "GET %s", s->model.scopes[i].record);
        if (reply != NULL) {
            record_take(s, gateway, i, reply);
            freeReplyObject(reply);
        }
    }
}


/* --- an older database --- */

void
sim_records_saved(struct sim_model *m)
{
    unsigned i;

    for (i = 0; i < m->nscopes; i++) {
        m->scopes[i].saved = m->scopes[i].now;
    }
}


void
sim_records_restored(struct sim_model *m)
{
    unsigned i;

    for (i = 0; i < m->nscopes; i++) {
        m->scopes[i].now = m->scopes[i].saved;
    }
}
