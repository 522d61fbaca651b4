/*
 * Key and project records as they stand in Redis (docs/formats.md).
 *
 * Read by the module, written by asgard-ctl.  A record of another format
 * number is refused (VERSION), one with missing or malformed members too.
 */
#ifndef ASG_RECORD_H
#define ASG_RECORD_H

#include <stdint.h>

#include "core/alias.h"
#include "core/err.h"
#include "core/guard.h"
#include "core/json.h"
#include "core/key.h"
#include "core/limits.h"
#include "core/network.h"
#include "core/rkey.h"
#include "core/str.h"

#define ASG_RECORD_FORMAT     1
#define ASG_RECORD_BYTES_MAX  16384
#define ASG_RECORD_MODELS_MAX 64
#define ASG_RECORD_MODELS_BYTES 2048

typedef struct {
    uint64_t version;
    char key_id[ASG_ID_MAX + 1];
    char project_id[ASG_ID_MAX + 1];
    char prefix[ASG_KEY_PREFIX_CHARS + 1];
    int64_t expires;            /* 0: never */
    int64_t not_before;         /* 0: at once */
    asg_networks_t networks;    /* of its clients; empty: any */
    bool revoked;
    bool budgeted;              /* k.<key> is charged */
    bool all_models;
    asg_limits_t limits;
    /* models, each ended by '\n', then its own names for models (alias.h),
     * then names or refs of models and the budgets that this key has for them,
     * packed in the same way; the last member: a copy may end with them */
    uint16_t models_len, aliases_len, budgets_len;
    char names[ASG_RECORD_MODELS_BYTES + 2 * ASG_ALIASES_BYTES];
} asg_key_record_t;

typedef enum {
    ASG_PROJECT_ACTIVE, ASG_PROJECT_PROVISIONAL,
    ASG_PROJECT_DECOMMISSIONED, ASG_PROJECT_ARCHIVED
} asg_project_state_t;

typedef enum {
    ASG_DATA_PUBLIC, ASG_DATA_INTERNAL, ASG_DATA_CONFIDENTIAL,
    ASG_DATA_RESTRICTED, ASG_DATA_COUNT
} asg_data_class_t;

typedef struct {
    uint64_t version;
    char project_id[ASG_ID_MAX + 1];
    unsigned partition;
    asg_project_state_t state;
    bool killed;
    asg_data_class_t data_class;
    asg_guard_mode_t guard_mode;
    bool fits;                  /* lowers what a call may use to what is left */
    char group[ASG_ID_MAX + 1];                 /* "": none */
    char group_budget[ASG_BUDGET_SHORT + 1];    /* "": it has none */
    char end_users[ASG_BUDGET_SHORT + 1];       /* the budget that is the
                                                 * default of its end users;
                                                 * "": they have none */
    asg_limits_t limits;
    /* names of its own (alias.h); the last member: a copy may end with them */
    uint16_t aliases_len;
    char aliases[ASG_ALIASES_BYTES];
} asg_project_record_t;

ASG_MUST_CHECK asg_err_t asg_record_key_read(asg_json_t *json, asg_str_t text,
    asg_key_record_t *out);
ASG_MUST_CHECK asg_err_t asg_record_key_write(asg_buf_t *out,
    const asg_key_record_t *record, asg_str_t pepper_id, asg_str_t name);
ASG_MUST_CHECK asg_err_t asg_record_project_read(asg_json_t *json,
    asg_str_t text, asg_project_record_t *out);
ASG_MUST_CHECK asg_err_t asg_record_project_write(asg_buf_t *out,
    const asg_project_record_t *record);

bool asg_record_allows(const asg_key_record_t *record, asg_str_t ref,
    asg_str_t name);
/* What is meant by a name that is sent with this key: what the key means by it,
 * and what the project means by that.  The null string: neither has a name of
 * its own so. */
asg_str_t asg_record_alias(const asg_key_record_t *key,
    const asg_project_record_t *project, asg_str_t name);
asg_str_t asg_record_aliases(const asg_project_record_t *record);
asg_str_t asg_record_key_aliases(const asg_key_record_t *record);
asg_str_t asg_record_key_budgets(const asg_key_record_t *record);
/* How long all of `names` is. */
size_t asg_record_key_names_len(const asg_key_record_t *record);
/* The lists of a key, packed; false: they do not fit. */
bool asg_record_key_names(asg_key_record_t *record, asg_str_t models,
    asg_str_t aliases, asg_str_t budgets);
bool asg_project_is_live(asg_project_state_t state);
const char *asg_project_state_name(asg_project_state_t state);
const char *asg_data_class_name(asg_data_class_t c);
ASG_MUST_CHECK asg_err_t asg_data_class_parse(asg_str_t name,
    asg_data_class_t *out);

#endif
