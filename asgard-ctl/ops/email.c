/*
 * The shape of an address.
 */
#include "ops/email.h"

#include <string.h>


static bool
is_plausible(const char *text)
{
    const char *at = strchr(text, '@');
    const char *p;

    for (p = text; (unsigned char) *p > 0x20 && *p != 0x7f && *p != '<'
                   && *p != '>'; p++) { }

    return *p == '\0' && at != NULL && at != text && at[1] != '\0'
           && strchr(at + 1, '@') == NULL;
}


bool
ctl_email_check(const char *field, const char *text, struct ctl_error *e)
{
    return is_plausible(text)
           || ctl_error_field(e, "invalid_value", field,
                              "%s must be an e-mail address.", field);
}
