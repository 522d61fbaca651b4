/* Names of rules, actions and modes, and what is done when nobody says. */
#include "core/guard.h"

typedef struct {
    const char *name;
    const char *category;
    asg_action_t action;
} rule_t;

static const rule_t rules[ASG_RULE_COUNT] = {
    [ASG_RULE_PROMPT_INJECTION] = {"prompt-injection", "injection",
                                   ASG_ACTION_FLAG},
    [ASG_RULE_PII_EMAIL] = {"pii-email", "pii", ASG_ACTION_REDACT},
    [ASG_RULE_PII_SSN] = {"pii-ssn", "pii", ASG_ACTION_REDACT},
    [ASG_RULE_PII_CREDIT_CARD] = {"pii-credit-card", "pii", ASG_ACTION_REDACT},
    [ASG_RULE_SECRET_AWS_ACCESS_KEY] = {"secret-aws-access-key", "secret",
                                        ASG_ACTION_BLOCK},
    [ASG_RULE_SECRET_GITHUB_PAT] = {"secret-github-pat", "secret",
                                    ASG_ACTION_BLOCK},
    [ASG_RULE_SECRET_PRIVATE_KEY] = {"secret-private-key", "secret",
                                     ASG_ACTION_BLOCK}
};

static const char *const action_names[ASG_ACTION_COUNT] = {
    [ASG_ACTION_ALLOW] = "allow", [ASG_ACTION_FLAG] = "flag",
    [ASG_ACTION_REDACT] = "redact", [ASG_ACTION_BLOCK] = "block"
};

static const char *const mode_names[ASG_GUARD_MODE_COUNT] = {
    [ASG_GUARD_UNSAID] = "", [ASG_GUARD_ENFORCE] = "enforce",
    [ASG_GUARD_MONITOR] = "monitor", [ASG_GUARD_OFF] = "off"
};

const char *asg_rule_name(asg_rule_t rule)
{
    return (unsigned) rule < ASG_RULE_COUNT ? rules[rule].name : "unknown";
}

const char *asg_rule_category(asg_rule_t rule)
{
    return (unsigned) rule < ASG_RULE_COUNT ? rules[rule].category : "unknown";
}

asg_err_t asg_rule_parse(asg_str_t name, asg_rule_t *out)
{
    for (unsigned i = 0; i < ASG_RULE_COUNT; i++) {
        if (asg_str_eq_z(name, rules[i].name)) {
            *out = (asg_rule_t) i;
            return ASG_OK;
        }
    }
    return ASG_ERR_SYNTAX;
}

const char *asg_action_name(asg_action_t action)
{
    return (unsigned) action < ASG_ACTION_COUNT ? action_names[action]
                                                : "unknown";
}

asg_err_t asg_action_parse(asg_str_t name, asg_action_t *out)
{
    for (unsigned i = 0; i < ASG_ACTION_COUNT; i++) {
        if (asg_str_eq_z(name, action_names[i])) {
            *out = (asg_action_t) i;
            return ASG_OK;
        }
    }
    return ASG_ERR_SYNTAX;
}

const char *asg_guard_mode_name(asg_guard_mode_t mode)
{
    return (unsigned) mode < ASG_GUARD_MODE_COUNT ? mode_names[mode] : "";
}

asg_err_t asg_guard_mode_parse(asg_str_t name, asg_guard_mode_t *out)
{
    for (unsigned i = ASG_GUARD_ENFORCE; i < ASG_GUARD_MODE_COUNT; i++) {
        if (asg_str_eq_z(name, mode_names[i])) {
            *out = (asg_guard_mode_t) i;
            return ASG_OK;
        }
    }
    return ASG_ERR_SYNTAX;
}

void asg_guard_actions_default(asg_action_t actions[ASG_RULE_MAX])
{
    for (unsigned i = 0; i < ASG_RULE_MAX; i++) {
        actions[i] = i < ASG_RULE_COUNT ? rules[i].action : ASG_ACTION_ALLOW;
    }
}

void asg_guard_actions_of_answers(asg_action_t actions[ASG_RULE_MAX])
{
    for (unsigned i = 0; i < ASG_RULE_MAX; i++) {
        actions[i] = i < ASG_RULE_COUNT ? ASG_ACTION_FLAG : ASG_ACTION_ALLOW;
    }
}

void asg_guard_actions_monitor(asg_action_t actions[ASG_RULE_MAX])
{
    for (unsigned i = 0; i < ASG_RULE_MAX; i++) {
        actions[i] = actions[i] == ASG_ACTION_ALLOW ? ASG_ACTION_ALLOW
                                                    : ASG_ACTION_FLAG;
    }
}
