/*
 * What a project shows of itself: its evidence, field by field, and from which
 * classification on each field is demanded.
 *
 * The evidence is one flat JSON object, replaced as a whole.  An empty text or
 * list and null are the same as a field that is left out.  What a field says is
 * its project's own claim: that it is there is checked, not that it is true;
 * people who decide read it.
 */
#ifndef CTL_DOSSIER_H
#define CTL_DOSSIER_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "core/str.h"
#include "policy/ladder.h"

#define CTL_DOSSIER_MAX        (32 * 1024)  /* bytes of the whole */
#define CTL_DOSSIER_TEXT_MAX   2000         /* of a text, unescaped */
#define CTL_DOSSIER_LIST_MAX   50           /* items, each a short text */
#define CTL_DOSSIER_FIELDS_MAX 40

/* Which fields are given, by their place in the table. */
typedef uint64_t ctl_dossier_set_t;

/* Texts are of the arena. */
struct ctl_dossier {
    ctl_dossier_set_t given;
    bool security_cleared;              /* security_review_status */
    bool stack_exception;               /* declared */
    const char *review_date;            /* recurring_review_date; or NULL */
};

/* 400 by the field `evidence.<name>`: unknown_field, invalid_value; what is
 * wrong with the JSON as everywhere. */
bool ctl_dossier_read(asg_str_t raw, struct ctl_arena *arena,
    struct ctl_dossier *out, struct ctl_error *e);

/* What a project of this classification must show and does not. */
ctl_dossier_set_t ctl_dossier_missing(const struct ctl_dossier *dossier,
    enum ctl_class class);
/* The name of field `i` if it is in the set, else NULL; false at the end. */
bool ctl_dossier_name(ctl_dossier_set_t set, unsigned i, const char **name);
/* The field `name` is in the set. */
bool ctl_dossier_has(ctl_dossier_set_t set, const char *name);

#endif
