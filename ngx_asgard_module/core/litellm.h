/*
 * What a LiteLLM proxy's admin API answers, read without trust.
 *
 * A verdict follows from the status and then `error.type`, `error.code` and
 * `error.param`, never from the words of a message.  Errors come in three
 * shapes (an envelope, the framework's `detail`, plain text); what none of them
 * explains is DOUBT: whether it was done is not known.
 *
 * Texts borrow from the body.  Money of the proxy is a JSON number that went
 * through a double; it becomes nano-USD by its decimal text, rounded up, so
 * that what was spent is never less.
 */
#ifndef ASG_LITELLM_H
#define ASG_LITELLM_H

#include "core/json.h"
#include "core/money.h"
#include "core/view.h"

#define ASG_LITELLM_BODY_MAX (1024 * 1024)
#define ASG_LITELLM_PAGE     100        /* keys that it lists at once, most */
#define ASG_LITELLM_HASH     64         /* digits of a key's SHA-256 */

typedef enum {
    ASG_LITELLM_DONE,
    ASG_LITELLM_ABSENT,         /* it knows no such key */
    ASG_LITELLM_TAKEN,          /* the alias, or the value, is another key's */
    ASG_LITELLM_REFUSED,        /* understood and not done */
    ASG_LITELLM_DENIED,         /* our key may not do this */
    ASG_LITELLM_NO_DATABASE,
    ASG_LITELLM_BUDGET,         /* of a call: the budget is spent */
    ASG_LITELLM_DOUBT,
    ASG_LITELLM_VERDICTS
} asg_litellm_verdict_t;

const char *asg_litellm_verdict_name(asg_litellm_verdict_t verdict);

/* *object: the body of DONE when it is an object, else a null string. */
asg_litellm_verdict_t asg_litellm_answer(asg_json_t *json, uint64_t seed,
    unsigned status, asg_str_t body, asg_str_t *object);

/* A key as the proxy tells it: of /key/info its `info`, of a list an item, of
 * the other routes the answer itself. */
typedef struct {
    asg_str_t hash;             /* `token`; /key/info leaves it out */
    asg_str_t alias;            /* raw; null string: none */
    asg_nusd_t spend_nusd;
    asg_nusd_t max_nusd;        /* -1: no limit */
    bool blocked;
    bool is_managed;            /* metadata.managed_by is "asgard" */
} asg_litellm_key_t;

/* SYNTAX: no key of ours could look so.  `object` was checked. */
ASG_MUST_CHECK asg_err_t asg_litellm_key(asg_str_t object,
    asg_litellm_key_t *out);

/* A page of /key/list: *items for asg_view_item(); SYNTAX. */
ASG_MUST_CHECK asg_err_t asg_litellm_page(asg_str_t object, asg_view_t *items,
    int64_t *pages);

typedef struct {
    bool has_database;
    asg_str_t version;          /* raw; null string: not said */
} asg_litellm_ready_t;

ASG_MUST_CHECK asg_err_t asg_litellm_ready(asg_str_t object,
    asg_litellm_ready_t *out);

/* Is a version, "1.97.0" or "v1.97.0-nightly", `least` or later?  What is no
 * version is not. */
bool asg_litellm_version_is(asg_str_t version, const unsigned least[3]);

/* A JSON number of USD, not below 0, rounded up.  SYNTAX; RANGE. */
ASG_MUST_CHECK asg_err_t asg_litellm_usd(asg_str_t number, asg_nusd_t *out);

#endif
