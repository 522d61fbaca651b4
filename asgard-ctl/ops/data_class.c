/*
 * Data classes of projects.
 */
#include "ops/data_class.h"

#include <string.h>

#define CLASSES (sizeof(names) / sizeof(names[0]))

/* From the least strict on. */
static const char *const names[] = {"public", "internal", "confidential",
                                    "restricted"};


/* CLASSES: there is no such class. */
static size_t
rank_of(const char *text)
{
    size_t i;

    for (i = 0; i < CLASSES && strcmp(names[i], text) != 0; i++) { }

    return i;
}


bool
ctl_data_class_check(const char *text, struct ctl_error *e)
{
    return rank_of(text) < CLASSES
           || ctl_error_field(e, "invalid_value", "data_class",
                              "data_class must be public, internal, "
                              "confidential or restricted.");
}


/* With the scope that deciding takes: a token that only asks has it not.  Nor
 * has a manager who owns the project: it would be one person's word. */
static bool
may_loosen(const struct ctl_principal *who, const struct ctl_project *p)
{
    return who == NULL || ctl_access_is_admin(who)
           || (who->kind == CTL_PRINCIPAL_PERSON
               && ctl_access_covers(who, CTL_SCOPE_ADMIN)
               && who->email != NULL && p->manager_email != NULL
               && strcmp(who->email, p->manager_email) == 0
               && strcmp(who->email, p->owner_email) != 0);
}


bool
ctl_data_class_gate(const struct ctl_change *c, const struct ctl_project *p,
    const char *wanted, struct ctl_error *e)
{
    if (wanted == NULL || rank_of(wanted) >= rank_of(p->data_class)
        || may_loosen(c->who, p))
    {
        return true;
    }
    ctl_error_field(e, "approval_needed", "data_class",
                    "The project's data is %s; only its manager, who does not "
                    "own it, or an administrator says that it is less.",
                    p->data_class);
    e->status = 403;

    return false;
}
