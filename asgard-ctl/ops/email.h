/*
 * Addresses as they are named: by their shape only, for whether one exists no
 * program can tell.  They are stored in lower case.
 */
#ifndef CTL_EMAIL_H
#define CTL_EMAIL_H

#include "base/error.h"

#define CTL_EMAIL_MAX 254

/* 400 invalid_value that names `field`. */
bool ctl_email_check(const char *field, const char *text, struct ctl_error *e);

#endif
