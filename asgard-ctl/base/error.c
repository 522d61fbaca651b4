/*
 * Filling of struct ctl_error.
 */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>


void
ctl_error_clear(struct ctl_error *e)
{
    memset(e, 0, sizeof(*e));
}


static void
error_code(struct ctl_error *e, int status, const char *code)
{
    ctl_error_clear(e);
    e->status = status;
    snprintf(e->code, sizeof(e->code), "%s", code);
}


bool
ctl_error_set(struct ctl_error *e, int status, const char *code,
    const char *fmt, ...)
{
    va_list ap;

    error_code(e, status, code);
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);

    return false;
}


bool
ctl_error_field(struct ctl_error *e, const char *code, const char *param,
    const char *fmt, ...)
{
    va_list ap;

    error_code(e, 400, code);
    snprintf(e->param, sizeof(e->param), "%s", param);
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);

    return false;
}


bool
ctl_error_internal(struct ctl_error *e, const char *fmt, ...)
{
    va_list ap;

    error_code(e, 500, "internal_error");
    snprintf(e->text, sizeof(e->text),
             "Something failed on our side; the log has the details.");
    va_start(ap, fmt);
    vsnprintf(e->detail, sizeof(e->detail), fmt, ap);
    va_end(ap);

    return false;
}


bool
ctl_error_away(struct ctl_error *e, const char *code, const char *fmt, ...)
{
    va_list ap;

    error_code(e, 503, code);
    snprintf(e->text, sizeof(e->text),
             "A part that this needs is away; try again shortly.");
    va_start(ap, fmt);
    vsnprintf(e->detail, sizeof(e->detail), fmt, ap);
    va_end(ap);

    return false;
}
