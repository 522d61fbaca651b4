/*
 * Key and project records as they stand in Redis (docs/formats.md).
 *
 * Read by the module, written by asgard-ctl.  A record of another format
 * number is refused (VERSION), one with missing or malformed members too.
 */
#ifndef ASG_RECORD_H
#define ASG_RECORD_H

#include <stdint.h>

#include "core/err.h"
#include "core/json.h"
#include "core/key.h"
#include "core/rkey.h"
#include "core/str.h"

#define ASG_RECORD_FORMAT     1
#define ASG_RECORD_BYTES_MAX  16384
#define ASG_RECORD_MODELS_MAX 64
#define ASG_RECORD_ALIASES_MAX 32
#define ASG_RECORD_ALIASES_BYTES 1024

typedef struct {
    uint64_t version;
    char key_id[ASG_ID_MAX + 1];
    char project_id[ASG_ID_MAX + 1];
    char prefix[ASG_KEY_PREFIX_CHARS + 1];
    int64_t expires;            /* 0: never */
    bool revoked;
    bool budgeted;              /* k.<key> is charged */
    bool all_models;
    /* names joined by '\n', each ended by '\n'; the last member: a copy may
     * end with them */
    uint16_t models_len;
    char models[2048];
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
    /* names of its own and what each stands for, by turns, each ended by
     * '\n'; the last member: a copy may end with them */
    uint16_t aliases_len;
    char aliases[ASG_RECORD_ALIASES_BYTES];
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
/* What the project means by this name; the null string: it has no name of its
 * own for anything so. */
asg_str_t asg_record_alias(const asg_project_record_t *record, asg_str_t name);
/* All of them, and the next of what is left; false: none is. */
asg_str_t asg_record_aliases(const asg_project_record_t *record);
bool asg_record_alias_next(asg_str_t *rest, asg_str_t *name,
    asg_str_t *target);
/* Another name of the project's own; false: it does not fit, or is no name of a
 * model. */
bool asg_record_alias_add(asg_project_record_t *record, asg_str_t name,
    asg_str_t target);
bool asg_project_is_live(asg_project_state_t state);
const char *asg_project_state_name(asg_project_state_t state);
const char *asg_data_class_name(asg_data_class_t c);
ASG_MUST_CHECK asg_err_t asg_data_class_parse(asg_str_t name,
    asg_data_class_t *out);

#endif
