/*
 * Reading of times.
 */
#include "ledger/time_text.h"

#include <string.h>

#include "core/window.h"


bool
ctl_time_read(const char *name, const char *text, int64_t *at,
    struct ctl_error *e)
{
    return (strncmp(text, "0000", 4) != 0
            && asg_time_parse(asg_str_z(text), at) == ASG_OK)
           || ctl_error_field(e, "invalid_value", name,
                              "%s must be a time such as "
                              "2026-11-21T10:00:00Z.", name);
}
