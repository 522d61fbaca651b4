/*
 * Budgets in request bodies.
 */
#include "http/budget_json.h"

#include <string.h>

#include "http/json_in.h"
#include "ledger/time_text.h"

#define TIME_MAX 40

struct reading {
    struct ctl_arena *arena;
    struct ctl_budget_list *list;
};


/* Both or neither. */
static bool
read_increase(struct ctl_budget_list *list,
    const struct ctl_json_usd *increase, const char *until,
    struct ctl_error *e)
{
    int64_t at;

    if (!increase->given && until == NULL) {
        return true;
    }
    if (!increase->given || until == NULL) {
        return ctl_error_field(e, "missing_field",
                               until == NULL ? "increase_until"
                                             : "increase_usd",
                               "increase_usd and increase_until belong "
                               "together.");
    }

    return ctl_time_read("increase_until", until, &at, e)
           && ctl_budget_list_increase(list, increase->null ? 0
                                             : increase->nusd, at, e);
}


static bool
read_item(void *data, asg_str_t raw, struct ctl_error *e)
{
    struct reading *rd = data;
    const char *window = NULL, *zone = "UTC";
    struct ctl_json_usd limit = {0}, increase = {0};
    const char *until = NULL;
    int64_t soft_pct = CTL_BUDGET_SOFT_PCT;
    const struct ctl_json_field fields[] = {
        {"window", CTL_JSON_TEXT, true, 16, &window},
        {"limit_usd", CTL_JSON_USD, true, 0, &limit},
        {"zone", CTL_JSON_TEXT, false, ASG_WINDOW_ZONE_MAX - 1, &zone},
        {"soft_pct", CTL_JSON_INT, false, 0, &soft_pct},
        {"increase_usd", CTL_JSON_USD, false, 0, &increase},
        {"increase_until", CTL_JSON_TEXT, false, TIME_MAX, &until},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(raw, fields, rd->arena, e)
           && ctl_budget_list_add(rd->list, window, zone, limit.null,
                                  limit.nusd, e)
           && ctl_budget_list_soft(rd->list, soft_pct, e)
           && read_increase(rd->list, &increase, until, e);
}


bool
ctl_budget_json_read(asg_str_t raw, struct ctl_arena *arena,
    struct ctl_budget_list *list, struct ctl_error *e)
{
    struct reading rd = {arena, list};

    memset(list, 0, sizeof(*list));

    return raw.data == NULL
           || ctl_json_each(raw, "budgets", ASG_WINDOWS_MAX, arena, read_item,
                            &rd, e);
}
