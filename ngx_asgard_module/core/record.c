/*
 * Key and project records.
 *
 * The format number is looked at before anything else: of a record of another
 * format nothing is known, not even what would be wrong with it.
 */
#include "core/record.h"

#include <string.h>

#include "core/members.h"

/* -1: it has none. */
typedef struct {
    int64_t rpm, tpm, parallel;
} limit_parts_t;

typedef struct {
    asg_str_t key, project, prefix, networks;
    asg_key_record_t record;
    limit_parts_t limits;
    char model_bytes[ASG_RECORD_MODELS_BYTES];
    char alias_bytes[ASG_ALIASES_BYTES], budget_bytes[ASG_ALIASES_BYTES];
    asg_buf_t models, aliases, budgets;
} key_parts_t;

typedef struct {
    asg_str_t project, state, data_class, guard_mode, group, group_budget,
        end_users;
    int64_t partition;
    limit_parts_t limits;
    asg_project_record_t record;
} project_parts_t;

static const char *const state_names[] = {
    [ASG_PROJECT_ACTIVE] = "active",
    [ASG_PROJECT_PROVISIONAL] = "provisional",
    [ASG_PROJECT_DECOMMISSIONED] = "decommissioned",
    [ASG_PROJECT_ARCHIVED] = "archived"
};

#define STATES  (sizeof(state_names) / sizeof(*state_names))

static const char *const class_names[ASG_DATA_COUNT] = {
    [ASG_DATA_PUBLIC] = "public",
    [ASG_DATA_INTERNAL] = "internal",
    [ASG_DATA_CONFIDENTIAL] = "confidential",
    [ASG_DATA_RESTRICTED] = "restricted"
};

static asg_err_t read_models(asg_json_t *json, asg_buf_t *scratch, void *out);
static asg_err_t read_key_aliases(asg_json_t *json, asg_buf_t *scratch,
    void *out);
static asg_err_t read_key_budgets(asg_json_t *json, asg_buf_t *scratch,
    void *out);
static asg_err_t read_aliases(asg_json_t *json, asg_buf_t *scratch, void *out);

#define LIMIT_MEMBERS(type) \
    ASG_MEMBER_MAYBE(COUNT, "rpm", type, limits.rpm), \
    ASG_MEMBER_MAYBE(COUNT, "tpm", type, limits.tpm), \
    ASG_MEMBER_MAYBE(COUNT, "parallel", type, limits.parallel)

static const limit_parts_t no_limits = {-1, -1, -1};

static const asg_member_t key_members[] = {
    ASG_MEMBER(VERSION, "v", key_parts_t, record.version),
    ASG_MEMBER(STRING, "key", key_parts_t, key),
    ASG_MEMBER(STRING, "prefix", key_parts_t, prefix),
    ASG_MEMBER(STRING, "project", key_parts_t, project),
    ASG_MEMBER_BY(read_models, "models"),
    ASG_MEMBER_MAYBE_BY(read_key_aliases, "aliases"),
    ASG_MEMBER(FLAG, "budget", key_parts_t, record.budgeted),
    ASG_MEMBER_MAYBE_BY(read_key_budgets, "model_budgets"),
    ASG_MEMBER(COUNT, "expires", key_parts_t, record.expires),
    ASG_MEMBER_MAYBE(COUNT, "not_before", key_parts_t, record.not_before),
    ASG_MEMBER_MAYBE(STRING, "networks", key_parts_t, networks),
    ASG_MEMBER(FLAG, "revoked", key_parts_t, record.revoked),
    LIMIT_MEMBERS(key_parts_t)
};

static const asg_member_t project_members[] = {
    ASG_MEMBER(VERSION, "v", project_parts_t, record.version),
    ASG_MEMBER(STRING, "project", project_parts_t, project),
    ASG_MEMBER(COUNT, "part", project_parts_t, partition),
    ASG_MEMBER(STRING, "state", project_parts_t, state),
    ASG_MEMBER(FLAG, "killed", project_parts_t, record.killed),
    ASG_MEMBER(STRING, "data_class", project_parts_t, data_class),
    ASG_MEMBER_MAYBE(STRING, "guardrails", project_parts_t, guard_mode),
    ASG_MEMBER_MAYBE(FLAG, "fit", project_parts_t, record.fits),
    ASG_MEMBER_MAYBE(STRING, "group", project_parts_t, group),
    ASG_MEMBER_MAYBE(STRING, "group_budget", project_parts_t, group_budget),
    ASG_MEMBER_MAYBE(STRING, "end_users", project_parts_t, end_users),
    ASG_MEMBER_MAYBE_BY(read_aliases, "aliases"),
    LIMIT_MEMBERS(project_parts_t)
};

/* --- reading --- */

static asg_err_t check_head(asg_json_t *json, asg_str_t text)
{
    if (text.len > ASG_RECORD_BYTES_MAX) {
        return ASG_ERR_LIMIT;
    }
    return asg_members_check_format(json, text, ASG_RECORD_FORMAT);
}

static asg_err_t add_model(asg_json_t *json, asg_buf_t *models)
{
    char storage[ASG_ALIAS_NAME_MAX];
    asg_buf_t scratch;
    asg_str_t name;
    asg_err_t rc;

    asg_buf_init(&scratch, storage, sizeof(storage));
    rc = asg_members_string(json, &scratch, &name);
    if (rc != ASG_OK) {
        return rc;
    }
    if (!asg_alias_is_model_name(name)) {
        return ASG_ERR_RANGE;
    }
    asg_buf_str(models, name);
    asg_buf_z(models, "\n");
    return asg_buf_ok(models) ? ASG_OK : ASG_ERR_LIMIT;
}

static asg_err_t read_model_list(asg_json_t *json, asg_buf_t *models)
{
    asg_json_event_t event;
    unsigned n = 0;

    while ((event = asg_json_next(json)) == ASG_JSON_STRING) {
        asg_err_t rc = n++ < ASG_RECORD_MODELS_MAX ? add_model(json, models)
            : ASG_ERR_LIMIT;

        if (rc != ASG_OK) {
            return rc;
        }
    }
    return event == ASG_JSON_ARRAY_END ? ASG_OK : asg_members_fault(json);
}

static asg_err_t read_models(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    key_parts_t *parts = out;

    (void) scratch;
    asg_buf_init(&parts->models, parts->model_bytes,
                 sizeof(parts->model_bytes));
    switch (asg_json_next(json)) {
    case ASG_JSON_NULL:
        parts->record.all_models = true;
        return ASG_OK;
    case ASG_JSON_ARRAY:
        return read_model_list(json, &parts->models);
    default:
        return asg_members_fault(json);
    }
}

asg_str_t asg_record_aliases(const asg_project_record_t *record)
{
    return (asg_str_t) {record->aliases, record->aliases_len};
}

asg_str_t asg_record_key_aliases(const asg_key_record_t *record)
{
    return (asg_str_t) {record->names + record->models_len,
                        record->aliases_len};
}

asg_str_t asg_record_key_budgets(const asg_key_record_t *record)
{
    return (asg_str_t) {record->names + record->models_len
                        + record->aliases_len, record->budgets_len};
}

size_t asg_record_key_names_len(const asg_key_record_t *record)
{
    return (size_t) record->models_len + record->aliases_len
        + record->budgets_len;
}

static asg_str_t key_models(const asg_key_record_t *record)
{
    return (asg_str_t) {record->names, record->models_len};
}

asg_str_t asg_record_alias(const asg_key_record_t *key,
    const asg_project_record_t *project, asg_str_t name)
{
    asg_str_t own = asg_alias_find(asg_record_key_aliases(key), name);
    asg_str_t theirs = asg_alias_find(asg_record_aliases(project),
                                      own.data != NULL ? own : name);

    return theirs.data != NULL ? theirs : own;
}

static char *put_list(char *to, asg_str_t list)
{
    if (list.len > 0) {
        memcpy(to, list.data, list.len);
    }
    return to + list.len;
}

bool asg_record_key_names(asg_key_record_t *record, asg_str_t models,
    asg_str_t aliases, asg_str_t budgets)
{
    char *to = record->names;

    if (models.len > ASG_RECORD_MODELS_BYTES
        || aliases.len > ASG_ALIASES_BYTES || budgets.len > ASG_ALIASES_BYTES)
    {
        return false;
    }
    record->models_len = (uint16_t) models.len;
    record->aliases_len = (uint16_t) aliases.len;
    record->budgets_len = (uint16_t) budgets.len;
    to = put_list(to, models);
    to = put_list(to, aliases);
    (void) put_list(to, budgets);
    return true;
}

/* Each is the name of a budget, as a key of Redis takes it. */
static bool are_budgets(asg_str_t list)
{
    asg_str_t name, budget;

    while (asg_alias_next(&list, &name, &budget)) {
        if (budget.len > ASG_BUDGET_SHORT || !asg_id_is_valid(budget)) {
            return false;
        }
    }
    return true;
}

static asg_err_t read_key_budgets(asg_json_t *json, asg_buf_t *scratch,
    void *out)
{
    key_parts_t *parts = out;
    asg_err_t rc;

    (void) scratch;
    asg_buf_init(&parts->budgets, parts->budget_bytes,
                 sizeof(parts->budget_bytes));
    rc = asg_alias_read(json, &parts->budgets);
    return rc == ASG_OK && !are_budgets(asg_buf_view(&parts->budgets))
        ? ASG_ERR_RANGE : rc;
}

static asg_err_t read_key_aliases(asg_json_t *json, asg_buf_t *scratch,
    void *out)
{
    key_parts_t *parts = out;

    (void) scratch;
    asg_buf_init(&parts->aliases, parts->alias_bytes,
                 sizeof(parts->alias_bytes));
    return asg_alias_read(json, &parts->aliases);
}

static asg_err_t read_aliases(asg_json_t *json, asg_buf_t *scratch, void *out)
{
    asg_project_record_t *record = &((project_parts_t *) out)->record;
    asg_buf_t aliases;
    asg_err_t rc;

    (void) scratch;
    asg_buf_init(&aliases, record->aliases, sizeof(record->aliases));
    rc = asg_alias_read(json, &aliases);
    record->aliases_len = (uint16_t) aliases.len;
    return rc;
}

static bool limits_fill(const limit_parts_t *parts, asg_limits_t *out)
{
    return asg_limits_put(out, ASG_LIMIT_REQUESTS, parts->rpm)
        && asg_limits_put(out, ASG_LIMIT_TOKENS, parts->tpm)
        && asg_limits_put(out, ASG_LIMIT_PARALLEL, parts->parallel);
}

/* `max` bytes and a NUL fit into `out`. */
static bool copy_id(char *out, size_t max, asg_str_t id)
{
    if (!asg_id_is_valid(id) || id.len > max) {
        return false;
    }
    memcpy(out, id.data, id.len);
    out[id.len] = '\0';
    return true;
}

/* The same of one that need not be there. */
static bool copy_known(char *out, size_t max, asg_str_t id)
{
    return id.data == NULL || copy_id(out, max, id);
}

asg_err_t asg_record_key_read(asg_json_t *json, asg_str_t text,
    asg_key_record_t *out)
{
    key_parts_t parts;
    asg_err_t rc = check_head(json, text);

    if (rc != ASG_OK) {
        return rc;
    }
    memset(&parts, 0, sizeof(parts));
    parts.limits = no_limits;
    rc = asg_members_read_text(json, text, NULL, ASG_MEMBERS(key_members),
                               &parts);
    if (rc != ASG_OK) {
        return rc;
    }
    if (!copy_id(parts.record.key_id, ASG_ID_MAX, parts.key)
        || !copy_id(parts.record.project_id, ASG_ID_MAX, parts.project)
        || !copy_id(parts.record.prefix, ASG_KEY_PREFIX_CHARS, parts.prefix)
        || !asg_record_key_names(&parts.record, asg_buf_view(&parts.models),
                                 asg_buf_view(&parts.aliases),
                                 asg_buf_view(&parts.budgets))
        || !limits_fill(&parts.limits, &parts.record.limits)
        || asg_networks_parse(parts.networks, &parts.record.networks)
           != ASG_OK)
    {
        return ASG_ERR_RANGE;
    }
    *out = parts.record;
    return ASG_OK;
}

static asg_err_t state_parse(asg_str_t name, asg_project_state_t *out)
{
    for (unsigned i = 0; i < STATES; i++) {
        if (asg_str_eq_z(name, state_names[i])) {
            *out = (asg_project_state_t) i;
            return ASG_OK;
        }
    }
    return ASG_ERR_SYNTAX;
}

asg_err_t asg_record_project_read(asg_json_t *json, asg_str_t text,
    asg_project_record_t *out)
{
    project_parts_t parts;
    asg_project_record_t *record = &parts.record;
    asg_err_t rc = check_head(json, text);

    if (rc != ASG_OK) {
        return rc;
    }
    memset(&parts, 0, sizeof(parts));
    parts.limits = no_limits;
    rc = asg_members_read_text(json, text, NULL, ASG_MEMBERS(project_members),
                               &parts);
    if (rc == ASG_OK) {
        rc = state_parse(parts.state, &record->state);
    }
    if (rc == ASG_OK) {
        rc = asg_data_class_parse(parts.data_class, &record->data_class);
    }
    if (rc == ASG_OK && parts.guard_mode.data != NULL) {
        rc = asg_guard_mode_parse(parts.guard_mode, &record->guard_mode);
    }
    if (rc != ASG_OK) {
        return rc;
    }
    if (parts.partition >= ASG_PARTITIONS
        || !copy_id(record->project_id, ASG_ID_MAX, parts.project)
        || !copy_known(record->group, ASG_ID_MAX, parts.group)
        || !copy_known(record->group_budget, ASG_BUDGET_SHORT,
                       parts.group_budget)
        || !copy_known(record->end_users, ASG_BUDGET_SHORT, parts.end_users)
        || !limits_fill(&parts.limits, &record->limits))
    {
        return ASG_ERR_RANGE;
    }
    record->partition = (unsigned) parts.partition;
    *out = *record;
    return ASG_OK;
}

/* --- writing --- */

static void put_string(asg_buf_t *out, const char *before, asg_str_t value)
{
    asg_buf_z(out, before);
    asg_buf_json(out, value);
}

static void put_number(asg_buf_t *out, const char *before, uint64_t value)
{
    asg_buf_z(out, before);
    asg_buf_u64(out, value);
}

static void put_known(asg_buf_t *out, const char *before, const char *value)
{
    if (value[0] != '\0') {
        put_string(out, before, asg_str_z(value));
    }
}

static void put_models(asg_buf_t *out, const asg_key_record_t *record)
{
    asg_str_t rest = key_models(record);
    const char *before = "";
    asg_str_t name;

    if (record->all_models) {
        asg_buf_z(out, "null");
        return;
    }
    asg_buf_z(out, "[");
    while ((name = asg_alias_line(&rest)).data != NULL) {
        put_string(out, before, name);
        before = ",";
    }
    asg_buf_z(out, "]");
}

static void put_head(asg_buf_t *out, uint64_t version)
{
    put_number(out, "{\"f\":", ASG_RECORD_FORMAT);
    put_number(out, ",\"v\":", version);
}

static void put_limits(asg_buf_t *out, const asg_limits_t *limits)
{
    static const char *const names[ASG_LIMIT_COUNT] = {
        [ASG_LIMIT_REQUESTS] = ",\"rpm\":",
        [ASG_LIMIT_TOKENS] = ",\"tpm\":",
        [ASG_LIMIT_PARALLEL] = ",\"parallel\":"
    };

    for (int kind = 0; kind < ASG_LIMIT_COUNT; kind++) {
        if (asg_limits_has(limits, (asg_limit_kind_t) kind)) {
            put_number(out, names[kind], (uint64_t) limits->most[kind]);
        }
    }
}

asg_err_t asg_record_key_write(asg_buf_t *out, const asg_key_record_t *record,
    asg_str_t pepper_id, asg_str_t name)
{
    if (record->version > INT64_MAX || record->expires < 0) {
        return ASG_ERR_RANGE;
    }
    put_head(out, record->version);
    put_string(out, ",\"key\":", asg_str_z(record->key_id));
    put_string(out, ",\"pepper\":", pepper_id);
    put_string(out, ",\"prefix\":", asg_str_z(record->prefix));
    put_string(out, ",\"name\":", name);
    put_string(out, ",\"project\":", asg_str_z(record->project_id));
    asg_buf_z(out, ",\"models\":");
    put_models(out, record);
    asg_buf_z(out, ",\"aliases\":");
    asg_alias_write(out, asg_record_key_aliases(record));
    put_number(out, ",\"budget\":", record->budgeted);
    if (record->budgets_len > 0) {
        asg_buf_z(out, ",\"model_budgets\":");
        asg_alias_write(out, asg_record_key_budgets(record));
    }
    put_number(out, ",\"expires\":", (uint64_t) record->expires);
    if (record->not_before > 0) {
        put_number(out, ",\"not_before\":", (uint64_t) record->not_before);
    }
    if (record->networks.n > 0) {
        asg_buf_z(out, ",\"networks\":\"");
        asg_networks_write(out, &record->networks);
        asg_buf_z(out, "\"");
    }
    put_number(out, ",\"revoked\":", record->revoked);
    put_limits(out, &record->limits);
    asg_buf_z(out, "}");
    return asg_buf_ok(out) ? ASG_OK : ASG_ERR_SPACE;
}

asg_err_t asg_record_project_write(asg_buf_t *out,
    const asg_project_record_t *record)
{
    if (record->version > INT64_MAX || record->partition >= ASG_PARTITIONS) {
        return ASG_ERR_RANGE;
    }
    put_head(out, record->version);
    put_string(out, ",\"project\":", asg_str_z(record->project_id));
    put_number(out, ",\"part\":", record->partition);
    put_string(out, ",\"state\":",
               asg_str_z(asg_project_state_name(record->state)));
    put_number(out, ",\"killed\":", record->killed);
    put_string(out, ",\"data_class\":",
               asg_str_z(asg_data_class_name(record->data_class)));
    if (record->guard_mode != ASG_GUARD_UNSAID) {
        put_string(out, ",\"guardrails\":",
                   asg_str_z(asg_guard_mode_name(record->guard_mode)));
    }
    if (record->fits) {
        put_number(out, ",\"fit\":", 1);
    }
    put_known(out, ",\"group\":", record->group);
    put_known(out, ",\"group_budget\":", record->group_budget);
    put_known(out, ",\"end_users\":", record->end_users);
    asg_buf_z(out, ",\"aliases\":");
    asg_alias_write(out, asg_record_aliases(record));
    put_limits(out, &record->limits);
    asg_buf_z(out, "}");
    return asg_buf_ok(out) ? ASG_OK : ASG_ERR_SPACE;
}

/* --- what they mean --- */

bool asg_record_allows(const asg_key_record_t *record, asg_str_t ref,
    asg_str_t name)
{
    asg_str_t rest = key_models(record);
    asg_str_t allowed;

    if (record->all_models) {
        return true;
    }
    while ((allowed = asg_alias_line(&rest)).data != NULL) {
        if (asg_str_eq(allowed, ref) || asg_str_eq(allowed, name)) {
            return true;
        }
    }
    return false;
}

bool asg_project_is_live(asg_project_state_t state)
{
    return state == ASG_PROJECT_ACTIVE || state == ASG_PROJECT_PROVISIONAL;
}

const char *asg_project_state_name(asg_project_state_t state)
{
    return (unsigned) state < STATES ? state_names[state] : "unknown";
}

const char *asg_data_class_name(asg_data_class_t c)
{
    return (unsigned) c < ASG_DATA_COUNT ? class_names[c] : "unknown";
}

asg_err_t asg_data_class_parse(asg_str_t name, asg_data_class_t *out)
{
    for (unsigned i = 0; i < ASG_DATA_COUNT; i++) {
        if (asg_str_eq_z(name, class_names[i])) {
            *out = (asg_data_class_t) i;
            return ASG_OK;
        }
    }
    return ASG_ERR_SYNTAX;
}
