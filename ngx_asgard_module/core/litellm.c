/*
 * Answers of LiteLLM's admin API: the verdict, keys, pages, readiness.
 */
#include "core/litellm.h"

#define LENGTH(a) (sizeof(a) / sizeof(*(a)))

static const char *const names[ASG_LITELLM_VERDICTS] = {
    [ASG_LITELLM_DONE] = "done", [ASG_LITELLM_ABSENT] = "absent",
    [ASG_LITELLM_TAKEN] = "taken", [ASG_LITELLM_REFUSED] = "refused",
    [ASG_LITELLM_DENIED] = "denied",
    [ASG_LITELLM_NO_DATABASE] = "no database",
    [ASG_LITELLM_BUDGET] = "budget", [ASG_LITELLM_DOUBT] = "doubt"
};

const char *asg_litellm_verdict_name(asg_litellm_verdict_t verdict)
{
    return names[verdict];
}

/* --- verdicts --- */

/* One rule: the first that fits counts.  Status 0: any; NULL: any, "": none. */
static const struct {
    unsigned status;
    const char *type, *param;
    asg_litellm_verdict_t verdict;
} rules[] = {
    {400, "no_db_connection", NULL, ASG_LITELLM_NO_DATABASE},
    {400, "budget_exceeded", NULL, ASG_LITELLM_BUDGET},
    {429, "budget_exceeded", NULL, ASG_LITELLM_BUDGET},
    {401, "internal_error", NULL, ASG_LITELLM_DOUBT},
    {401, NULL, NULL, ASG_LITELLM_DENIED},
    {403, NULL, NULL, ASG_LITELLM_DENIED},
    {400, NULL, "key_alias", ASG_LITELLM_TAKEN},
    {400, NULL, "key", ASG_LITELLM_TAKEN},
    {400, NULL, NULL, ASG_LITELLM_REFUSED},
    {402, NULL, NULL, ASG_LITELLM_REFUSED},
    {409, NULL, NULL, ASG_LITELLM_TAKEN},
    {413, NULL, NULL, ASG_LITELLM_REFUSED},
    {422, NULL, NULL, ASG_LITELLM_REFUSED}
};

static bool fits(asg_str_t raw, const char *rule)
{
    return rule == NULL || (raw.data != NULL && asg_view_spells(raw, rule));
}

/* A 404 of a route says so; one of what stands before the proxy, or of a route
 * that it has not got, tells nothing of a key. */
static bool is_its_own_404(asg_str_t object)
{
    asg_str_t code = asg_view_find(asg_view_find(object, "error"), "code");

    if (asg_view_is_object(asg_view_find(object, "detail"))) {
        return true;
    }
    if (asg_view_is_string(code)) {
        return asg_view_spells(asg_view_text(code), "404");
    }
    return asg_str_eq_z(code, "404");
}

static asg_litellm_verdict_t judge(unsigned status, asg_str_t object)
{
    asg_str_t error = asg_view_find(object, "error");
    asg_str_t type = asg_view_find_text(error, "type");
    asg_str_t param = asg_view_find_text(error, "param");

    if (status == 404) {
        return is_its_own_404(object) ? ASG_LITELLM_ABSENT : ASG_LITELLM_DOUBT;
    }
    for (size_t i = 0; i < LENGTH(rules); i++) {
        if (rules[i].status == status && fits(type, rules[i].type)
            && fits(param, rules[i].param))
        {
            return rules[i].verdict;
        }
    }
    return ASG_LITELLM_DOUBT;
}

/* The one value of the text; a null string when it is no JSON. */
static asg_str_t checked(asg_json_t *json, uint64_t seed, asg_str_t text,
    bool *is_null)
{
    asg_str_t value = ASG_STR_NULL;
    asg_json_event_t event;

    *is_null = false;
    if (text.len > ASG_LITELLM_BODY_MAX) {
        return ASG_STR_NULL;
    }
    asg_json_begin(json, text, seed);
    event = asg_json_next(json);
    if (event == ASG_JSON_OBJECT && asg_json_skip(json)) {
        value = json->token;
    }
    *is_null = event == ASG_JSON_NULL;
    if (asg_json_next(json) != ASG_JSON_END) {
        *is_null = false;
        return ASG_STR_NULL;
    }
    return value;
}

asg_litellm_verdict_t asg_litellm_answer(asg_json_t *json, uint64_t seed,
    unsigned status, asg_str_t body, asg_str_t *object)
{
    bool is_null;
    asg_str_t value = checked(json, seed, body, &is_null);

    *object = ASG_STR_NULL;
    if (status < 200 || status > 299) {
        return judge(status, value);
    }
    if (is_null) {
        return ASG_LITELLM_ABSENT;      /* to block what is not there */
    }
    *object = value;
    return value.data != NULL ? ASG_LITELLM_DONE : ASG_LITELLM_DOUBT;
}

/* --- what answers say --- */

static bool is_hash(asg_str_t text)
{
    uint8_t bytes[ASG_LITELLM_HASH / 2];

    return asg_hex_decode(text, bytes, sizeof(bytes));
}

static asg_err_t usd_of(asg_str_t object, const char *name,
    asg_nusd_t without, asg_nusd_t *out)
{
    asg_str_t value = asg_view_find(object, name);

    *out = without;
    return value.data == NULL ? ASG_OK : asg_litellm_usd(value, out);
}

asg_err_t asg_litellm_key(asg_str_t object, asg_litellm_key_t *out)
{
    asg_litellm_key_t key = {
        .hash = asg_view_find_text(object, "token"),
        .alias = asg_view_find_text(object, "key_alias"),
        .blocked = asg_str_eq_z(asg_view_find(object, "blocked"), "true")
    };
    asg_str_t by = asg_view_find_text(asg_view_find(object, "metadata"),
                                      "managed_by");
    asg_err_t err;

    if (!asg_view_is_object(object)
        || (key.hash.data != NULL && !is_hash(key.hash)))
    {
        return ASG_ERR_SYNTAX;
    }
    key.is_managed = by.data != NULL && asg_view_spells(by, "asgard");
    err = usd_of(object, "spend", 0, &key.spend_nusd);
    if (err == ASG_OK) {
        err = usd_of(object, "max_budget", -1, &key.max_nusd);
    }
    if (err == ASG_OK) {
        *out = key;
    }
    return err;
}

static bool read_count(asg_str_t number, int64_t *out)
{
    uint64_t n;

    if (!asg_str_u64(number, &n) || n > INT32_MAX) {
        return false;
    }
    *out = (int64_t) n;
    return true;
}

asg_err_t asg_litellm_page(asg_str_t object, asg_view_t *items, int64_t *pages)
{
    asg_str_t keys = asg_view_find(object, "keys");
    int64_t n;

    if (!asg_view_is_list(keys)
        || !read_count(asg_view_find(object, "total_pages"), &n))
    {
        return ASG_ERR_SYNTAX;
    }
    *items = asg_view_open(keys);
    *pages = n;
    return ASG_OK;
}

asg_err_t asg_litellm_ready(asg_str_t object, asg_litellm_ready_t *out)
{
    asg_str_t db = asg_view_find_text(object, "db");

    if (db.data == NULL) {
        return ASG_ERR_SYNTAX;
    }
    out->has_database = asg_view_spells(db, "connected");
    out->version = asg_view_find_text(object, "litellm_version");
    return ASG_OK;
}

bool asg_litellm_version_is(asg_str_t version, const unsigned least[3])
{
    const char *p = version.data, *end;
    unsigned i, n;

    if (version.len == 0) {
        return false;
    }
    end = p + version.len;
    p += *p == 'v';
    for (i = 0; i < 3; i++) {
        if (p == end || *p < '0' || *p > '9') {
            return false;
        }
        for (n = 0; p < end && *p >= '0' && *p <= '9' && n < 1000000; p++) {
            n = n * 10 + (unsigned) (*p - '0');
        }
        if (n != least[i]) {
            return n > least[i];
        }
        if (i < 2 && (p == end || *p++ != '.')) {
            return false;
        }
    }
    return true;
}
