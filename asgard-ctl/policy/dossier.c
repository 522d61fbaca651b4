/*
 * The table of evidence, and reading it.
 */
#include "policy/dossier.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blank.h"
#include "core/json.h"

enum kind { TEXT, LINK, LIST, DATE, CHOICE };

static const char *const postures[] = {
    "stateless", "recoverable", "durable-critical", NULL
};
static const char *const reviews[] = {
    "not-started", "requested", "in-review", "approved", "waived", NULL
};
static const char *const classes[] = {
    "light-operational", "wide-operational", "critical-path", NULL
};

/* POC: demanded of none. */
static const struct field {
    const char *name;
    enum ctl_class from;
    enum kind kind;
    const char *const *choices;
} fields[] = {
    {"repo_or_source_url", CTL_CLASS_LIGHT, LINK, NULL},
    {"business_owner", CTL_CLASS_LIGHT, TEXT, NULL},
    {"technical_owner", CTL_CLASS_LIGHT, TEXT, NULL},
    {"team_or_org_of_record", CTL_CLASS_LIGHT, TEXT, NULL},
    {"support_contact", CTL_CLASS_LIGHT, TEXT, NULL},
    {"runbook_url", CTL_CLASS_LIGHT, LINK, NULL},
    {"monitoring_or_logs_url", CTL_CLASS_LIGHT, LINK, NULL},
    {"ci_status_url", CTL_CLASS_LIGHT, LINK, NULL},
    {"primary_data_flows", CTL_CLASS_LIGHT, LIST, NULL},
    {"critical_flow_test_or_eval_url", CTL_CLASS_LIGHT, LINK, NULL},
    {"state_loss_posture", CTL_CLASS_LIGHT, CHOICE, postures},
    {"requested_classification", CTL_CLASS_LIGHT, CHOICE, classes},

    {"security_review_status", CTL_CLASS_WIDE, CHOICE, reviews},
    {"architecture_summary_url", CTL_CLASS_WIDE, LINK, NULL},
    {"critical_dependencies", CTL_CLASS_WIDE, LIST, NULL},
    {"incident_path", CTL_CLASS_WIDE, TEXT, NULL},
    {"slo_or_service_target", CTL_CLASS_WIDE, TEXT, NULL},
    {"rpo_rto", CTL_CLASS_WIDE, TEXT, NULL},
    {"decommission_path", CTL_CLASS_WIDE, TEXT, NULL},

    {"executive_accountable_owner", CTL_CLASS_CRITICAL, TEXT, NULL},
    {"risk_acceptance_url", CTL_CLASS_CRITICAL, LINK, NULL},
    {"dr_exercise_evidence_url", CTL_CLASS_CRITICAL, LINK, NULL},
    {"audit_retention_requirement", CTL_CLASS_CRITICAL, TEXT, NULL},
    {"recurring_review_date", CTL_CLASS_CRITICAL, DATE, NULL},

    {"maintainers", CTL_CLASS_POC, LIST, NULL},
    {"stack_exception", CTL_CLASS_POC, TEXT, NULL},
    {"stack_exception_renewal_date", CTL_CLASS_POC, DATE, NULL}
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

_Static_assert(FIELDS <= CTL_DOSSIER_FIELDS_MAX && FIELDS <= 64,
               "a set has a bit for each field");

struct reader {
    asg_json_t *json;
    struct ctl_arena *arena;
    struct ctl_error *e;
};


static bool
wrong(struct reader *rd, const struct field *f, const char *expects)
{
    char param[64];

    snprintf(param, sizeof(param), "evidence.%s", f->name);

    return ctl_error_field(rd->e, "invalid_value", param, "%s must be %s.",
                           param, expects);
}


static bool
broken(struct reader *rd)
{
    switch (rd->json->fault) {
    case ASG_JSON_DUPLICATE:
        return ctl_error_field(rd->e, "duplicate_key", "evidence",
                               "A field stands twice in evidence.");
    case ASG_JSON_TOO_MUCH:
        return ctl_error_field(rd->e, "json_limit", "evidence",
                               "evidence is nested too deeply.");
    default:
        return ctl_error_field(rd->e, "invalid_json", "evidence",
                               "evidence is not valid JSON.");
    }
}


/* The string token; NULL when it is too long, or would hide something from
 * whoever reads it. */
static const char *
read_text(struct reader *rd)
{
    char *text = ctl_arena_alloc(rd->arena, rd->json->token.len + 1);
    asg_buf_t b;
    size_t i;

    if (text == NULL) {
        return NULL;
    }
    asg_buf_init(&b, text, rd->json->token.len);
    if (!asg_json_unescape(rd->json->token, &b)
        || b.len > CTL_DOSSIER_TEXT_MAX)
    {
        return NULL;
    }
    for (i = 0; i < b.len; i++) {
        if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f) {
            return NULL;
        }
    }

    return text;
}


static bool
is_link(const char *text)
{
    const char *rest = strncmp(text, "https://", 8) == 0 ? text + 8
                       : strncmp(text, "http://", 7) == 0 ? text + 7 : "";

    return rest[0] != '\0' && rest[0] != '/'
           && strpbrk(text, " <>\"\\") == NULL;
}


static int
two_digits(const char *text)
{
    return (text[0] - '0') * 10 + text[1] - '0';
}


static bool
is_date(const char *text)
{
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30,
                                           31, 30, 31};
    int year, month, day;
    bool leap;
    size_t i;

    for (i = 0; i < 10; i++) {
        if (i == 4 || i == 7 ? text[i] != '-'
                             : text[i] < '0' || text[i] > '9')
        {
            return false;
        }
    }
    year = two_digits(text) * 100 + two_digits(text + 2);
    month = two_digits(text + 5);
    day = two_digits(text + 8);
    leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return text[10] == '\0' && year >= 2000 && month >= 1 && month <= 12
           && day >= 1 && day <= days[month - 1] + (month == 2 && leap);
}


static bool
check_choice(struct reader *rd, const struct field *f, const char *text)
{
    char expects[128] = "one of";
    size_t len = strlen(expects), i;

    for (i = 0; f->choices[i] != NULL; i++) {
        if (strcmp(f->choices[i], text) == 0) {
            return true;
        }
        snprintf(expects + len, sizeof(expects) - len, "%s %s", i ? "," : "",
                 f->choices[i]);
        len = strlen(expects);
    }

    return wrong(rd, f, expects);
}


/* What a single text of the kind says, or why not. */
static bool
check_text(struct reader *rd, const struct field *f, const char *text)
{
    switch (f->kind) {
    case LINK:
        return is_link(text) || wrong(rd, f, "an address with http(s)://");
    case DATE:
        return is_date(text) || wrong(rd, f, "a date: YYYY-MM-DD");
    case CHOICE:
        return check_choice(rd, f, text);
    default:
        return true;
    }
}


static void
note(const struct field *f, const char *text, struct ctl_dossier *out)
{
    out->given |= (ctl_dossier_set_t) 1 << (f - fields);
    if (f->choices == reviews) {
        out->security_cleared = strcmp(text, "approved") == 0
                                || strcmp(text, "waived") == 0;
    } else if (strcmp(f->name, "stack_exception") == 0) {
        out->stack_exception = true;
    } else if (strcmp(f->name, "recurring_review_date") == 0) {
        out->review_date = text;
    }
}


static bool
value_text(struct reader *rd, asg_json_event_t ev, const struct field *f,
    struct ctl_dossier *out)
{
    const char *text = ev == ASG_JSON_STRING ? read_text(rd) : NULL;

    if (text == NULL) {
        return wrong(rd, f, "a text of one line, at most 2,000 bytes");
    }
    if (ctl_text_is_blank(text)) {
        return true;
    }
    if (!check_text(rd, f, text)) {
        return false;
    }
    note(f, text, out);

    return true;
}


static bool
value_list(struct reader *rd, asg_json_event_t ev, const struct field *f,
    struct ctl_dossier *out)
{
    static const char expects[] = "a list of at most 50 texts, none blank";
    const char *text;
    unsigned n = 0;

    if (ev != ASG_JSON_ARRAY) {
        return wrong(rd, f, expects);
    }
    while ((ev = asg_json_next(rd->json)) == ASG_JSON_STRING) {
        text = read_text(rd);
        if (text == NULL || ctl_text_is_blank(text)
            || n++ == CTL_DOSSIER_LIST_MAX)
        {
            return wrong(rd, f, expects);
        }
    }
    if (ev == ASG_JSON_ERROR) {
        return broken(rd);
    }
    if (ev != ASG_JSON_ARRAY_END) {
        return wrong(rd, f, expects);
    }
    if (n > 0) {
        note(f, "", out);
    }

    return true;
}


static bool
read_field(struct reader *rd, const struct field *f, struct ctl_dossier *out)
{
    asg_json_event_t ev = asg_json_next(rd->json);

    if (ev == ASG_JSON_ERROR) {
        return broken(rd);
    }
    if (ev == ASG_JSON_NULL) {
        return true;
    }

    return f->kind == LIST ? value_list(rd, ev, f, out)
                           : value_text(rd, ev, f, out);
}


static const struct field *
find(const asg_json_t *json)
{
    unsigned i;

    for (i = 0; i < FIELDS; i++) {
        if (asg_json_is(json, fields[i].name)) {
            return &fields[i];
        }
    }

    return NULL;
}


/* Named when it can be named on one line. */
static bool
unknown(struct reader *rd)
{
    const char *name = read_text(rd);
    char param[64];

    if (name == NULL || strlen(name) > 48) {
        name = "?";
    }
    snprintf(param, sizeof(param), "evidence.%s", name);

    return ctl_error_field(rd->e, "unknown_field", param,
                           "\"%s\" is no field of evidence.", name);
}


static bool
read_all(struct reader *rd, struct ctl_dossier *out)
{
    const struct field *f;
    asg_json_event_t ev = asg_json_next(rd->json);

    if (ev != ASG_JSON_OBJECT) {
        return ctl_error_field(rd->e, "invalid_value", "evidence",
                               "evidence must be an object.");
    }
    while ((ev = asg_json_next(rd->json)) == ASG_JSON_KEY) {
        f = find(rd->json);
        if (f == NULL) {
            return unknown(rd);
        }
        if (!read_field(rd, f, out)) {
            return false;
        }
    }

    return ev == ASG_JSON_OBJECT_END || broken(rd);
}


bool
ctl_dossier_read(asg_str_t raw, struct ctl_arena *arena,
    struct ctl_dossier *out, struct ctl_error *e)
{
    struct reader rd = {NULL, arena, e};
    bool ok;

    memset(out, 0, sizeof(*out));
    if (raw.len > CTL_DOSSIER_MAX) {
        return ctl_error_field(e, "invalid_value", "evidence",
                               "evidence must have at most %d bytes.",
                               CTL_DOSSIER_MAX);
    }
    rd.json = calloc(1, sizeof(*rd.json));
    if (rd.json == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    asg_json_begin(rd.json, raw, (uint64_t) (uintptr_t) rd.json);
    ok = read_all(&rd, out);
    free(rd.json);

    return ok;
}


ctl_dossier_set_t
ctl_dossier_missing(const struct ctl_dossier *dossier, enum ctl_class class)
{
    ctl_dossier_set_t wanted = 0;
    unsigned i;

    for (i = 0; i < FIELDS; i++) {
        if (fields[i].from != CTL_CLASS_POC && fields[i].from <= class) {
            wanted |= (ctl_dossier_set_t) 1 << i;
        }
    }

    return wanted & ~dossier->given;
}


bool
ctl_dossier_name(ctl_dossier_set_t set, unsigned i, const char **name)
{
    if (i >= FIELDS) {
        return false;
    }
    *name = (set >> i & 1) != 0 ? fields[i].name : NULL;

    return true;
}


bool
ctl_dossier_has(ctl_dossier_set_t set, const char *name)
{
    unsigned i;

    for (i = 0; i < FIELDS && strcmp(fields[i].name, name) != 0; i++) { }

    return i < FIELDS && (set >> i & 1) != 0;
}
