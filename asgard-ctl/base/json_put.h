/*
 * A member of a JSON object that is being written: `before` is all that comes
 * before its value, as ",\"a\":".
 */
#ifndef CTL_JSON_PUT_H
#define CTL_JSON_PUT_H

#include "core/str.h"

static inline void
ctl_put_i64(asg_buf_t *out, const char *before, int64_t n)
{
    asg_buf_z(out, before);
    asg_buf_i64(out, n);
}


static inline void
ctl_put_text(asg_buf_t *out, const char *before, asg_str_t text)
{
    asg_buf_z(out, before);
    asg_buf_json(out, text);
}

#endif
