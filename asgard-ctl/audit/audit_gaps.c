/*
 * Fields of budgets, end users and their sets.
 */
#include "audit/audit_gaps.h"

#include <string.h>

#define FIELD_BYTES   96                /* kind, window, id */

enum { FIELD_AT, FIELD_WINDOWS, FIELD_LIMIT, FIELD_CURRENT, FIELD_SPENT,
       FIELD_HELD, FIELDS };


/* A field without which reserve calls the window unseeded, as `name`; false
 * when all are there. */
static bool
window_gap(const struct ctl_reply *hash, const char *window,
    char name[FIELD_BYTES])
{
    char names[FIELDS][FIELD_BYTES] = {"at", "w"};
    asg_str_t id;
    size_t i;

    snprintf(names[FIELD_LIMIT], FIELD_BYTES, "l:%s", window);
    snprintf(names[FIELD_CURRENT], FIELD_BYTES, "c:%s", window);
    id = ctl_reply_field(hash, names[FIELD_CURRENT]);
    snprintf(names[FIELD_SPENT], FIELD_BYTES, "s:%s:%.*s", window,
             (int) id.len, id.data);
    snprintf(names[FIELD_HELD], FIELD_BYTES, "h:%s:%.*s", window,
             (int) id.len, id.data);
    for (i = 0; i < FIELDS; i++) {
        if (ctl_reply_field(hash, names[i]).len == 0) {
            memcpy(name, names[i], FIELD_BYTES);
            return true;
        }
    }

    return false;
}


/* Both lists are in the same order. */
static unsigned
windows_check(const struct ctl_audit_gaps *g, FILE *out)
{
    char name[FIELD_BYTES];
    const char *budget, *window;
    unsigned i, at = 0, gaps = 0;

    for (i = 0; i < g->windows->nrows; i++) {
        budget = ctl_rows_at(g->windows, i, 0);
        window = ctl_rows_at(g->windows, i, 1);
        while (at < g->budgets->nrows
               && strcmp(ctl_rows_at(g->budgets, at, 0), budget) != 0)
        {
            at++;
        }
        if (at == g->budgets->nrows
            || !window_gap(&g->hashes[at], window, name))
        {
            continue;
        }
        gaps++;
        if (out != NULL) {
            fprintf(out, "M4 %s:%s: Redis has lost the field %s\n", budget,
                    window, name);
        }
    }

    return gaps;
}


/* The set of a default has as many as the default says. */
static unsigned
set_check(const struct ctl_audit_gaps *g, unsigned at, asg_str_t there,
    FILE *out)
{
    asg_str_t said = ctl_reply_field(&g->hashes[at], "un");

    if (asg_str_eq(said.len > 0 ? said : ASG_STR("0"), there)) {
        return 0;
    }
    if (out != NULL) {
        fprintf(out, "M4 %s: Redis has lost who its end users are\n",
                ctl_rows_at(g->budgets, at, 0));
    }

    return 1;
}


/* One that is within a window has counters of this epoch, or a budget of its
 * own by now. */
static unsigned
user_check(const struct ctl_audit_gaps *g, unsigned at, FILE *out)
{
    const struct ctl_reply *hash = &g->hashes[at];
    asg_str_t epoch = ctl_reply_field(hash, "e");
    uint64_t n;

    if (ctl_reply_field(hash, "v").len > 0
        || (ctl_reply_field(hash, "d").len > 0 && asg_str_u64(epoch, &n)
            && (int64_t) n == g->epoch))
    {
        return 0;
    }
    if (out != NULL) {
        fprintf(out, "M4 %s: Redis has lost the counters of an end user of"
                " %s\n", ctl_rows_at(g->budgets, at, 0),
                ctl_rows_at(g->budgets, at, 1));
    }

    return 1;
}


unsigned
ctl_audit_gaps(const struct ctl_audit_gaps *g, FILE *out)
{
    unsigned i, sets = 0, gaps = windows_check(g, out);

    for (i = 0; i < g->budgets->nrows; i++) {
        if (ctl_rows_at(g->budgets, i, 2)[0] != 't') {
            continue;
        }
        gaps += ctl_rows_at(g->budgets, i, 1) == NULL
                ? set_check(g, i, g->sets[sets++].text, out)
                : user_check(g, i, out);
    }

    return gaps;
}
