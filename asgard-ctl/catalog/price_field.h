/*
 * The names of fields in a map of prices (private to price_map.c).
 */
#ifndef CTL_PRICE_FIELD_H
#define CTL_PRICE_FIELD_H

#include "catalog/price_map.h"

struct ctl_price_field {
    enum ctl_price_kind kind;
    enum ctl_price_tier tier;
    int64_t per;                        /* tokens: 1, 1,000 or 1,000,000 */
    int64_t above_tokens;               /* 0: of every length */
};

/* False: the name prices nothing that is counted in tokens of a known kind. */
bool ctl_price_field_read(asg_str_t name, struct ctl_price_field *out);
/* Does it price anything at all? */
bool ctl_price_field_is_cost(asg_str_t name);
/* ... and each request, however many tokens it has? */
bool ctl_price_field_is_of_request(asg_str_t name);

#endif
