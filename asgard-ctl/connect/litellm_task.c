/*
 * Progress, outputs and bodies of a LiteLLM key.
 */
#include "connect/litellm_task.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include "core/view.h"

#define VALUE_BYTES    32
#define VALUE_TEXT     (3 + 2 * VALUE_BYTES)
#define TEXT_BYTES     4096             /* beside the list of models */
#define PERIOD         "30d"
#define HANDOVER_S     300
#define HANDOVER_S_MAX 3600
#define LAG_S          70
#define TIMEOUT_S_MAX  60

static const enum ctl_mint_want wants[CTL_ACTS] = {
    [CTL_ACT_MAKE] = CTL_MINT_WANT_KEY, [CTL_ACT_ROTATE] = CTL_MINT_WANT_NEW,
    [CTL_ACT_SUSPEND] = CTL_MINT_WANT_BLOCKED,
    [CTL_ACT_RESUME] = CTL_MINT_WANT_UNBLOCKED,
    [CTL_ACT_DESTROY] = CTL_MINT_WANT_NONE
};


/* --- to read --- */

static const char *
text_of(const struct ctl_litellm_task *t, asg_str_t object, const char *name)
{
    asg_str_t text = asg_view_find_text(object, name);

    return text.data == NULL ? NULL
           : ctl_arena_text(t->in->arena, text.data, text.len);
}


static bool
usd_of(asg_str_t object, const char *name, asg_nusd_t without,
    asg_nusd_t *out)
{
    asg_str_t number = asg_view_find(object, name);

    *out = without;

    return number.data == NULL || asg_money_parse(number, out) == ASG_OK;
}


static int64_t
seconds_of(asg_str_t config, const char *name, int64_t without, int64_t most)
{
    uint64_t n;

    return asg_str_u64(asg_view_find(config, name), &n) && n <= (uint64_t) most
           ? (int64_t) n : without;
}


static void
each_add(struct ctl_litellm_task *t, const char *hash)
{
    unsigned i;

    for (i = 0; hash != NULL && i < t->neach; i++) {
        if (strcmp(t->each[i], hash) == 0) {
            return;
        }
    }
    if (hash != NULL) {
        t->each[t->neach++] = hash;
    }
}


static bool
progress_read(struct ctl_litellm_task *t)
{
    asg_str_t p = asg_str_z(t->in->progress);
    const char *state = text_of(t, p, "state");
    uint64_t laters = 0;

    t->kept = CTL_MINT_START;
    t->hash = text_of(t, p, "hash");
    t->alias = text_of(t, p, "alias");
    t->old = text_of(t, p, "old");
    t->mint.rotates = asg_str_eq_z(asg_view_find(p, "rotates"), "true");
    if (asg_str_u64(asg_view_find(p, "laters"), &laters)) {
        t->mint.laters = (unsigned) laters;
    }

    return (state == NULL || ctl_mint_state_parse(state, &t->kept))
           && usd_of(p, "new_usd", t->approved_nusd, &t->new_nusd)
           && usd_of(p, "keep_usd", 0, &t->keep_nusd)
           && usd_of(p, "full_usd", 0, &t->full_nusd);
}


bool
ctl_litellm_task_read(struct ctl_litellm_task *t,
    const struct ctl_connect *with, const struct ctl_step_in *in,
    struct ctl_error *e)
{
    memset(t, 0, sizeof(*t));
    t->with = with;
    t->in = in;
    t->spec = asg_str_z(in->spec);
    t->config = asg_str_z(in->config);
    t->outputs = asg_str_z(in->outputs);
    t->active = text_of(t, t->outputs, "key_hash");
    t->prefix = text_of(t, t->config, "alias_prefix");
    if (t->prefix == NULL) {
        t->prefix = CTL_LITELLM_PREFIX;
    }
    t->handover_ms = 1000 * seconds_of(t->config, "handover_s", HANDOVER_S,
                                       HANDOVER_S_MAX);
    t->spend_lag_ms = 1000 * seconds_of(t->config, "spend_lag_s", LAG_S,
                                        HANDOVER_S_MAX);
    t->timeout_ms = (int) (1000 * seconds_of(t->config, "timeout_s",
                           CTL_LITELLM_TIMEOUT_MS / 1000, TIMEOUT_S_MAX));
    if (!usd_of(t->spec, "max_budget_usd", 0, &t->approved_nusd)
        || !usd_of(t->outputs, "spent_before_usd", 0, &t->before_nusd)
        || !progress_read(t))
    {
        return ctl_error_internal(e, "a LiteLLM key of another shape");
    }
    each_add(t, t->hash);
    each_add(t, t->old);
    each_add(t, t->active);
    t->mint.keys = t->neach;
    ctl_mint_enter(&t->mint, wants[in->action], t->kept, t->active != NULL);

    return true;
}


/* --- a key of our own --- */

static const char *
hash_of(struct ctl_arena *arena, asg_str_t value)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    char *text = ctl_arena_alloc(arena, 2 * sizeof(digest) + 1);
    asg_buf_t b;

    if (text != NULL
        && SHA256((const unsigned char *) value.data, value.len, digest))
    {
        asg_buf_init(&b, text, 2 * sizeof(digest));
        asg_buf_hex(&b, digest, sizeof(digest));
    }

    return text;
}


bool
ctl_litellm_task_choose(struct ctl_litellm_task *t, struct ctl_secret *value,
    struct ctl_error *e)
{
    const struct ctl_step_in *in = t->in;
    unsigned char bytes[VALUE_BYTES];
    char text[VALUE_TEXT];
    asg_buf_t b;
    bool ok;

    asg_buf_init(&b, text, sizeof(text));
    ok = RAND_priv_bytes(bytes, sizeof(bytes)) == 1;
    asg_buf_z(&b, "sk-");
    asg_buf_hex(&b, bytes, sizeof(bytes));
    t->hash = hash_of(in->arena, asg_buf_view(&b));
    t->alias = ctl_arena_printf(in->arena, "%s-%s-%s-%lld", t->prefix,
                                in->project_id, in->name,
                                (long long) in->generation);
    ok = ok && t->hash != NULL && t->alias != NULL
         && ctl_secret_set(value, asg_buf_view(&b));
    OPENSSL_cleanse(bytes, sizeof(bytes));
    OPENSSL_cleanse(text, sizeof(text));

    return ok || ctl_error_internal(e, "no memory or no randomness for a key");
}


/* --- money --- */

static asg_nusd_t
rest_of(asg_nusd_t all, asg_nusd_t part)
{
    return all > part ? all - part : 0;
}


void
ctl_litellm_task_divide(struct ctl_litellm_task *t, asg_nusd_t spent_nusd)
{
    t->full_nusd = rest_of(t->approved_nusd, t->before_nusd);
    t->keep_nusd = t->full_nusd - rest_of(t->full_nusd, spent_nusd) / 2;
    t->new_nusd = 0;
}


/* It may have been above what it keeps before that was told. */
void
ctl_litellm_task_measure(struct ctl_litellm_task *t, asg_nusd_t spent_nusd)
{
    t->new_nusd = rest_of(t->full_nusd, spent_nusd > t->keep_nusd
                                        ? spent_nusd : t->keep_nusd);
}


void
ctl_litellm_task_carry(struct ctl_litellm_task *t, asg_nusd_t spent_nusd)
{
    t->new_nusd = rest_of(t->full_nusd, spent_nusd);
    t->before_nusd = rest_of(t->approved_nusd, t->new_nusd);
}


/* When it would end has changed since we were told. */
void
ctl_litellm_task_reset(struct ctl_litellm_task *t, asg_str_t reset_at,
    asg_str_t period)
{
    asg_str_t told = asg_view_find_text(t->outputs, "budget_reset_at");
    asg_str_t was = asg_view_find_text(t->outputs, "budget_duration");

    t->is_period_other = was.data != NULL && period.data != NULL
                         && !asg_str_eq(was, period);

    if (told.data != NULL && reset_at.data != NULL
        && !asg_str_eq(told, reset_at))
    {
        t->before_nusd = 0;
    }
}


/* --- to write --- */

static const char *
period_of(const struct ctl_litellm_task *t)
{
    const char *period = text_of(t, t->spec, "budget_duration");

    if (period == NULL) {
        period = text_of(t, t->config, "budget_duration");
    }

    return period != NULL ? period : PERIOD;
}


static void
put_name(asg_buf_t *b, const char *name)
{
    asg_buf_z(b, b->len > 1 ? ",\"" : "\"");
    asg_buf_z(b, name);
    asg_buf_z(b, "\":");
}


static void
put_text(asg_buf_t *b, const char *name, const char *text)
{
    if (text != NULL) {
        put_name(b, name);
        asg_buf_json(b, asg_str_z(text));
    }
}


static void
put_usd(asg_buf_t *b, const char *name, asg_nusd_t nusd)
{
    char text[ASG_MONEY_TEXT];

    put_name(b, name);
    asg_buf_put(b, text, asg_money_format(nusd, text));
}


static bool
text_begin(const struct ctl_litellm_task *t, asg_buf_t *b, size_t more)
{
    size_t size = TEXT_BYTES + more;
    char *text = ctl_arena_alloc(t->in->arena, size);

    if (text == NULL) {
        return false;
    }
    asg_buf_init(b, text, size - 1);
    asg_buf_z(b, "{");

    return true;
}


/* The rest is zeroed. */
static const char *
text_end(asg_buf_t *b)
{
    asg_buf_z(b, "}");

    return asg_buf_ok(b) ? b->data : NULL;
}


const char *
ctl_litellm_task_progress(const struct ctl_litellm_task *t)
{
    bool is_own = t->mint.state < CTL_MINT_CLEAR;
    enum ctl_mint_state state = is_own ? t->mint.state : t->kept;
    asg_buf_t b;

    if (!text_begin(t, &b, 0)) {
        return NULL;
    }
    put_text(&b, "state", ctl_mint_state_name(state));
    put_text(&b, "hash", t->hash);
    put_text(&b, "alias", t->alias);
    put_text(&b, "old", t->old);
    put_name(&b, "rotates");
    asg_buf_z(&b, t->mint.rotates ? "true" : "false");
    put_name(&b, "laters");
    asg_buf_u64(&b, t->mint.laters);
    if (t->old != NULL) {
        put_usd(&b, "new_usd", t->new_nusd);
        put_usd(&b, "keep_usd", t->keep_nusd);
        put_usd(&b, "full_usd", t->full_nusd);
    }

    return text_end(&b);
}


const char *
ctl_litellm_task_outputs(const struct ctl_litellm_task *t, const char *hash,
    const char *alias, asg_str_t reset_at, const char *base_url)
{
    asg_buf_t b;

    if (!text_begin(t, &b, 2 * ASG_URL_MAX)) {
        return NULL;
    }
    put_text(&b, "litellm_base_url", base_url);
    put_text(&b, "key_alias", alias);
    put_text(&b, "key_hash", hash);
    put_usd(&b, "max_budget_usd", t->approved_nusd);
    put_usd(&b, "spent_before_usd", t->before_nusd);
    put_text(&b, "budget_duration", period_of(t));
    if (reset_at.len > 0 && reset_at.len <= 64) {
        put_name(&b, "budget_reset_at");
        asg_buf_z(&b, "\"");
        asg_buf_str(&b, reset_at);      /* raw: as it stood in JSON */
        asg_buf_z(&b, "\"");
    }

    return text_end(&b);
}


/* What the spec says, or the operator's default; a limit that is gone is sent
 * as null, for what is not sent stays.  A period that is sent begins anew. */
static void
put_settings(const struct ctl_litellm_task *t, asg_buf_t *b,
    asg_nusd_t max_nusd, bool with_period)
{
    static const char *const limits[] = {"rpm_limit", "tpm_limit"};
    asg_str_t models = asg_view_find(t->spec, "models");
    unsigned i;

    if (models.data == NULL) {
        models = asg_view_find(t->config, "models");
    }
    put_name(b, "models");              /* none: all of them */
    asg_buf_str(b, asg_view_is_list(models) ? models : ASG_STR("[]"));
    put_usd(b, "max_budget", max_nusd);
    if (with_period) {
        put_text(b, "budget_duration", period_of(t));
    }
    for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        asg_str_t limit = asg_view_find(t->spec, limits[i]);

        put_name(b, limits[i]);
        asg_buf_str(b, limit.data != NULL ? limit : ASG_STR("null"));
    }
}


const char *
ctl_litellm_generate_body(const struct ctl_litellm_task *t, asg_str_t value)
{
    asg_buf_t b;

    if (!text_begin(t, &b, t->spec.len + t->config.len)) {
        return NULL;
    }
    put_name(&b, "key");
    asg_buf_json(&b, value);
    put_text(&b, "key_alias", t->alias);
    put_settings(t, &b, t->new_nusd, true);
    asg_buf_z(&b, ",\"metadata\":{");
    asg_buf_z(&b, "\"project_id\":");
    asg_buf_json(&b, asg_str_z(t->in->project_id));
    asg_buf_z(&b, ",\"managed_by\":\"asgard\",\"resource_id\":");
    asg_buf_json(&b, asg_str_z(t->in->resource_id));
    asg_buf_z(&b, "}");

    return text_end(&b);
}


const char *
ctl_litellm_settings_body(const struct ctl_litellm_task *t, const char *hash,
    asg_nusd_t max_nusd)
{
    const char *was = text_of(t, t->outputs, "budget_duration");
    asg_buf_t b;

    if (!text_begin(t, &b, t->spec.len + t->config.len)) {
        return NULL;
    }
    put_text(&b, "key", hash);
    put_settings(t, &b, max_nusd, was == NULL || t->is_period_other
                                  || strcmp(was, period_of(t)) != 0);

    return text_end(&b);
}


const char *
ctl_litellm_budget_body(const struct ctl_litellm_task *t, const char *hash,
    asg_nusd_t max_nusd)
{
    asg_buf_t b;

    if (!text_begin(t, &b, 0)) {
        return NULL;
    }
    put_text(&b, "key", hash);
    put_usd(&b, "max_budget", max_nusd);

    return text_end(&b);
}
