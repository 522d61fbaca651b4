/*
 * Fallbacks that lead back to the name that they began at.
 */
#include "catalog/fallback_loops.h"

#include <string.h>

#define NAMES_MAX  256                  /* from one to the next of */

enum { NOT_YET, ON_THE_WAY, FOLLOWED };

struct walk {
    const struct ctl_routing *routing;
    struct ctl_routing_rule *rules;
    struct ctl_findings *findings;
    unsigned depth;
};


static bool
is_pattern(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && name[len - 1] == '*';
}


/* What `name` falls back to by a rule of its own; NULL: nothing. */
static struct ctl_routing_rule *
rule_of(const struct walk *w, const char *name)
{
    const struct ctl_routing_rule *found;
    struct ctl_routing_rule *rule = w->rules;

    found = ctl_routing_behind(w->routing, w->rules, name);
    while (found != NULL && rule != found) {
        rule = rule->next;
    }

    return found != NULL ? rule : NULL;
}


static bool
refuse(struct walk *w, const struct ctl_routing_rule *rule,
    const struct ctl_routing_target *back)
{
    bool direct = strcmp(rule->name, back->name) == 0;

    return ctl_finding_error(w->findings, w->routing->file, back->line,
                             "\"%.128s\" falls back to itself%s%.128s%s",
                             back->name, direct ? "" : ", over \"",
                             direct ? "" : rule->name, direct ? "" : "\"");
}


static bool
follow(struct walk *w, struct ctl_routing_rule *rule)
{
    const struct ctl_routing_target *t;
    struct ctl_routing_rule *next;
    bool ok = true;

    rule->followed = ON_THE_WAY;
    w->depth++;
    for (t = rule->targets; ok && t != NULL; t = t->next) {
        next = rule_of(w, t->name);
        if (next == NULL || next->followed == FOLLOWED) {
            continue;
        }
        if (next->followed == ON_THE_WAY) {
            ok = refuse(w, rule, t);
        } else if (w->depth == NAMES_MAX) {
            ok = ctl_finding_error(w->findings, w->routing->file, t->line,
                                   "falls back over more than 256 names");
        } else {
            ok = follow(w, next);
        }
    }
    w->depth--;
    rule->followed = FOLLOWED;

    return ok;
}


static bool
rules_follow(const struct ctl_routing *routing, struct ctl_routing_rule *rules,
    struct ctl_findings *f)
{
    struct walk w = {routing, rules, f, 0};
    struct ctl_routing_rule *rule;
    bool ok = true;

    for (rule = rules; rule != NULL; rule = rule->next) {
        rule->followed = is_pattern(rule->name) ? FOLLOWED : NOT_YET;
    }
    for (rule = rules; rule != NULL; rule = rule->next) {
        ok = (rule->followed == FOLLOWED || follow(&w, rule)) && ok;
    }

    return ok;
}


bool
ctl_fallback_loops_refuse(struct ctl_routing *routing, struct ctl_findings *f)
{
    bool ok = rules_follow(routing, routing->fallbacks, f);

    return rules_follow(routing, routing->on_context, f) && ok;
}
