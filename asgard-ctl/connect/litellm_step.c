/*
 * Steps of a LiteLLM key: the table's acts as calls, the calls' answers as its
 * events.
 */
#include "connect/litellm_step.h"

#include <string.h>

#include <openssl/crypto.h>

#include "connect/litellm_task.h"

struct step {
    struct ctl_litellm_task t;
    struct ctl_litellm l;
    struct ctl_step_out *out;
    struct ctl_litellm_answer answer;
    asg_litellm_key_t row;              /* of the last key that was told */
    asg_str_t reset_at, period;         /* likewise */
    unsigned at;                        /* in t.each */
    unsigned status;                    /* of the last call that failed */
    const char *lost;                   /* not NULL: why no call was made */
};

static const enum ctl_mint_event event_of[ASG_LITELLM_VERDICTS] = {
    [ASG_LITELLM_DONE] = CTL_MINT_OK, [ASG_LITELLM_ABSENT] = CTL_MINT_ABSENT,
    [ASG_LITELLM_TAKEN] = CTL_MINT_TAKEN,
    [ASG_LITELLM_REFUSED] = CTL_MINT_REFUSED,
    [ASG_LITELLM_DENIED] = CTL_MINT_DENIED,
    [ASG_LITELLM_NO_DATABASE] = CTL_MINT_NO_DATABASE,
    [ASG_LITELLM_BUDGET] = CTL_MINT_AWAY, [ASG_LITELLM_DOUBT] = CTL_MINT_AWAY
};


/* --- calls --- */

/* The key that an answer is about, where it stands in it. */
static bool
row_read(struct step *s, const char *within)
{
    asg_str_t object = s->answer.object;

    if (within != NULL) {
        object = asg_view_find(object, within);
    }
    s->reset_at = asg_view_find_text(object, "budget_reset_at");
    s->period = asg_view_find_text(object, "budget_duration");

    return asg_litellm_key(object, &s->row) == ASG_OK;
}


static enum ctl_mint_event
ask(struct step *s, const char *path, const char *body)
{
    if (path == NULL) {
        s->lost = "out of memory";
        return CTL_MINT_AWAY;
    }
    ctl_litellm_ask(&s->l, path, body, &s->answer);
    /* that a refused key is not there says nothing of why it was refused */
    if (s->answer.verdict != ASG_LITELLM_DONE
        && s->t.mint.state != CTL_MINT_CONFIRM)
    {
        s->status = s->answer.status;
    }

    return event_of[s->answer.verdict];
}


static enum ctl_mint_event
ask_ready(struct step *s)
{
    asg_litellm_ready_t ready;
    asg_litellm_verdict_t verdict = ctl_litellm_ask_ready(&s->l, &ready);

    if (verdict == ASG_LITELLM_DONE && !ready.has_database) {
        return CTL_MINT_NO_DATABASE;
    }

    return verdict == ASG_LITELLM_DONE ? CTL_MINT_OK : CTL_MINT_AWAY;
}


static enum ctl_mint_event
find(struct step *s, const char *hash)
{
    enum ctl_mint_event event = ask(s, ctl_arena_printf(s->t.in->arena,
                                        "/key/info?key=%s", hash), NULL);

    return event == CTL_MINT_OK && !row_read(s, "info") ? CTL_MINT_AWAY
                                                        : event;
}


/* What is told back is what was wanted, within a rounding. */
static bool
has_budget(const struct step *s, asg_nusd_t wanted)
{
    return s->row.max_nusd >= wanted - 1 && s->row.max_nusd <= wanted + 1;
}


static enum ctl_mint_event
update(struct step *s, const char *body, asg_nusd_t max_nusd)
{
    enum ctl_mint_event event = ask(s, body != NULL ? "/key/update" : NULL,
                                    body);

    if (event == CTL_MINT_OK
        && (!row_read(s, NULL) || !has_budget(s, max_nusd)))
    {
        return CTL_MINT_AWAY;
    }

    return event;
}


static enum ctl_mint_event
set_blocked(struct step *s, const char *hash, bool to)
{
    const char *body = ctl_arena_printf(s->t.in->arena, "{\"key\":\"%s\"}",
                                        hash);
    enum ctl_mint_event event = ask(s, body == NULL ? NULL
                                       : to ? "/key/block" : "/key/unblock",
                                    body);

    if (event == CTL_MINT_OK
        && (!row_read(s, NULL) || s->row.blocked != to))
    {
        return CTL_MINT_AWAY;
    }

    return event;
}


/* A key of a job that had been given up is blocked by the sweep, until a retry
 * finds it. */
static enum ctl_mint_event
find_new(struct step *s)
{
    enum ctl_mint_event event = find(s, s->t.hash);

    return event == CTL_MINT_OK && s->row.blocked
           && s->t.mint.state != CTL_MINT_CONFIRM
           ? set_blocked(s, s->t.hash, false) : event;
}


static enum ctl_mint_event
delete_one(struct step *s, const char *hash)
{
    const char *body = ctl_arena_printf(s->t.in->arena,
                                        "{\"keys\":[\"%s\"]}", hash);

    return ask(s, body != NULL ? "/key/delete" : NULL, body);
}


/* A proxy that makes a key of another value than ours made none of ours. */
static enum ctl_mint_event
generate(struct step *s)
{
    struct ctl_secret value = {.bytes = NULL};
    enum ctl_mint_event event;
    struct ctl_error e;
    const char *body;

    if (!s->t.with->secret(s->t.with, s->t.in, CTL_LITELLM_SECRET, true,
                           &value, &e))
    {
        s->lost = "the value of the key is not there";
        return CTL_MINT_AWAY;
    }
    body = ctl_litellm_generate_body(&s->t, ctl_secret_view(&value));
    ctl_secret_wipe(&value);
    event = ask(s, body != NULL ? "/key/generate" : NULL, body);
    if (body != NULL) {
        OPENSSL_cleanse((char *) body, strlen(body));
    }
    if (event == CTL_MINT_OK
        && (!row_read(s, NULL) || !asg_str_eq_z(s->row.hash, s->t.hash)))
    {
        return CTL_MINT_AWAY;
    }

    return event;
}


static enum ctl_mint_event
find_active(struct step *s)
{
    enum ctl_mint_event event = find(s, s->t.active);

    if (event == CTL_MINT_OK) {
        ctl_litellm_task_reset(&s->t, s->reset_at, s->period);
    }

    return event;
}


static enum ctl_mint_event
call(struct step *s, enum ctl_mint_act act)
{
    struct ctl_litellm_task *t = &s->t;
    asg_nusd_t active_nusd = t->approved_nusd > t->before_nusd
                             ? t->approved_nusd - t->before_nusd : 0;

    switch (act) {
    case CTL_MINT_ASK_READY:
        return ask_ready(s);
    case CTL_MINT_FIND_NEW:
        return find_new(s);
    case CTL_MINT_FIND_OLD:
        return find(s, t->old != NULL ? t->old : t->active);
    case CTL_MINT_FIND_ACTIVE:
        return find_active(s);
    case CTL_MINT_GENERATE:
        return generate(s);
    case CTL_MINT_UPDATE_NEW:
        if (t->mint.state == CTL_MINT_CARRY) {
            ctl_litellm_task_carry(t, s->row.spend_nusd);
            return update(s, ctl_litellm_budget_body(t, t->hash, t->new_nusd),
                          t->new_nusd);
        }
        return update(s, ctl_litellm_settings_body(t, t->hash, t->new_nusd),
                      t->new_nusd);
    case CTL_MINT_UPDATE_OLD:
        return update(s, ctl_litellm_budget_body(t, t->old, t->keep_nusd),
                      t->keep_nusd);
    case CTL_MINT_UPDATE_ACTIVE:
        return update(s, ctl_litellm_settings_body(t, t->active, active_nusd),
                      active_nusd);
    case CTL_MINT_BLOCK_OLD:
        return set_blocked(s, t->old, true);
    case CTL_MINT_DELETE_OLD:
        return delete_one(s, t->old);
    case CTL_MINT_DELETE_NEW:
        return delete_one(s, t->hash);
    case CTL_MINT_DELETE_EACH:
        return delete_one(s, t->each[s->at++]);
    case CTL_MINT_BLOCK_EACH:
        return set_blocked(s, t->each[s->at++], true);
    default:
        return t->active == NULL ? CTL_MINT_ABSENT
                                 : set_blocked(s, t->active, false);
    }
}


/* --- ends of a step --- */

/* What people are told; constant, but for the status. */
static const struct {
    const char *code, *text;
} reasons[CTL_MINT_EVENTS] = {
    [CTL_MINT_BEGIN] = {"internal_error", "LiteLLM was not asked"},
    [CTL_MINT_OK] = {"internal_error", "LiteLLM was not asked"},
    [CTL_MINT_ABSENT] = {"litellm_key_missing",
        "LiteLLM has no such key: it was not made, or was deleted there"},
    [CTL_MINT_TAKEN] = {"litellm_alias_taken",
        "LiteLLM has another key of this alias"},
    [CTL_MINT_REFUSED] = {"litellm_refused",
        "LiteLLM refused the settings of the key"},
    [CTL_MINT_DENIED] = {"litellm_denied",
        "LiteLLM does not accept " CTL_LITELLM_MASTER ""},
    [CTL_MINT_NO_DATABASE] = {"litellm_no_database",
        "LiteLLM has no database, which it needs to make keys: give it a "
        "DATABASE_URL of its own"},
    [CTL_MINT_AWAY] = {"litellm_unavailable",
        "LiteLLM did not answer, or not as it should"}
};


static void
fail(struct step *s, bool transient)
{
    enum ctl_mint_event why = s->t.mint.why;

    if (s->lost != NULL) {
        ctl_step_failed(s->out, true, "internal_error", "%s", s->lost);
    } else if (s->status != 0) {
        ctl_step_failed(s->out, transient, reasons[why].code,
                        "%s (status %u).", reasons[why].text, s->status);
    } else {
        ctl_step_failed(s->out, transient, reasons[why].code, "%s.",
                        reasons[why].text);
    }
    s->out->progress = ctl_litellm_task_progress(&s->t);
}


static void
again(struct step *s, int64_t pause_ms)
{
    const char *progress = ctl_litellm_task_progress(&s->t);

    if (progress == NULL) {
        ctl_step_failed(s->out, true, "internal_error", "out of memory");
        return;
    }
    ctl_step_again(s->out, pause_ms, progress);
}


/* A value that an earlier try chose stays the one. */
static void
intend(struct step *s)
{
    struct ctl_litellm_task *t = &s->t;
    struct ctl_secret value = {.bytes = NULL};
    struct ctl_error e;

    if (t->mint.state == CTL_MINT_SHRINK) {
        t->old = t->active;
        ctl_litellm_task_divide(t, s->row.spend_nusd);
    } else {
        t->old = NULL;                  /* there is none to hand over from */
        t->mint.rotates = false;
        t->before_nusd = 0;
        t->new_nusd = t->approved_nusd;
    }
    if (t->hash == NULL) {
        if (!ctl_litellm_task_choose(t, &value, &e)
            || !ctl_step_secret_add(s->out, CTL_LITELLM_SECRET, &value, true))
        {
            ctl_step_failed(s->out, true, "internal_error", "%s", e.text);
            return;
        }
    }
    again(s, 0);
}


static const char *
outputs(struct step *s)
{
    const struct ctl_litellm_task *t = &s->t;

    return ctl_litellm_task_outputs(t, t->hash, t->alias, s->reset_at,
                                    s->l.base);
}


/* The new key is what is read from now on; a rotation goes on. */
static void
hand(struct step *s)
{
    struct ctl_litellm_task *t = &s->t;
    const char *text;

    t->before_nusd = t->approved_nusd > t->new_nusd
                     ? t->approved_nusd - t->new_nusd : 0;
    text = outputs(s);
    if (text == NULL) {
        ctl_step_failed(s->out, true, "internal_error", "out of memory");
        return;
    }
    if (t->old == NULL) {
        ctl_step_done(s->out, text);
        return;
    }
    again(s, t->handover_ms);
    s->out->outputs = text;
    ctl_step_activate(s->out);
}


/* Of a change: the budget of today, under what earlier keys spent of it. */
static void
done(struct step *s)
{
    struct ctl_litellm_task *t = &s->t;
    asg_str_t alias = asg_view_find_text(t->outputs, "key_alias");
    const char *text = NULL;

    if (t->mint.state == CTL_MINT_CHANGE) {
        text = ctl_litellm_task_outputs(t, t->active,
            ctl_arena_text(t->in->arena, alias.data, alias.len), s->reset_at,
            s->l.base);
    }
    ctl_step_done(s->out, text);
    /* what a rotation kept ready, and did not hand over, stays unread */
    s->out->activate = t->mint.state < CTL_MINT_CLEAR;
}


/* What was just told counts from here on; of a key that is gone nothing is
 * told, and what it kept is not given to another. */
static void
go_on(struct step *s)
{
    struct ctl_litellm_task *t = &s->t;

    if (t->mint.state == CTL_MINT_LOOK) {
        ctl_litellm_task_measure(t, t->mint.why == CTL_MINT_OK
                                    ? s->row.spend_nusd : 0);
    }
    again(s, 0);
    if (t->mint.state == CTL_MINT_DROP) {
        s->out->outputs = outputs(s);
    }
}


static void
finish(struct step *s, enum ctl_mint_act act)
{
    switch (act) {
    case CTL_MINT_INTEND:
        intend(s);
        break;
    case CTL_MINT_HAND:
        hand(s);
        break;
    case CTL_MINT_COMMIT:
        go_on(s);
        break;
    case CTL_MINT_WAIT_SPEND:
        again(s, s->t.spend_lag_ms);
        break;
    case CTL_MINT_SOON:
        again(s, CTL_MINT_SOON_MS);
        break;
    case CTL_MINT_LATER:
        again(s, CTL_MINT_LATER_MS);
        break;
    case CTL_MINT_DONE:
        done(s);
        break;
    default:
        fail(s, act == CTL_MINT_FAIL);
    }
}


void
ctl_litellm_step(const struct ctl_connect *with, const struct ctl_step_in *in,
    struct ctl_step_out *out)
{
    struct step s = {.out = out};
    const char *why = NULL;
    enum ctl_mint_act act;
    struct ctl_error e;

    if (!ctl_litellm_task_read(&s.t, with, in, &e)) {
        ctl_step_failed(out, false, e.code, "%s", e.text);
        return;
    }
    why = ctl_litellm_open(&s.l, with, s.t.timeout_ms, in->stop, in->arena);
    if (why != NULL) {
        ctl_step_failed(out, true, "litellm_unset", "%s.", why);
    } else {
        act = ctl_mint_next(&s.t.mint, CTL_MINT_BEGIN);
        while (ctl_mint_is_call(act)) {
            act = ctl_mint_next(&s.t.mint, call(&s, act));
        }
        finish(&s, act);
    }
    ctl_litellm_close(&s.l);
}


const char *
ctl_litellm_step_unarmed(const struct ctl_connect *with, const char *config,
    struct ctl_arena *arena)
{
    (void) config;

    return ctl_litellm_unarmed(with, arena);
}
