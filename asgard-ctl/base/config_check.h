/*
 * What a configuration may not be, whatever its lines say: readable by those
 * who should not know its passwords, with passwords that anybody knows, or
 * open to listeners.
 *
 * Errors name the setting, and never show a value.
 */
#ifndef CTL_CONFIG_CHECK_H
#define CTL_CONFIG_CHECK_H

#include <stdbool.h>

#include "base/config.h"
#include "base/error.h"
#include "core/str.h"

/* The password in an address (scheme://user:password@..., password=...); null
 * when there is none.  Borrowed from it. */
asg_str_t ctl_config_password(const char *address);

/* The file behind `fd`, before the environment replaces anything: with a
 * password in it, it is root's or our own and others may not read it. */
bool ctl_config_check_file(const struct ctl_config *c, int fd,
    struct ctl_error *e);

/* A value of the environment, which every process of this user can read. */
bool ctl_config_check_variable(const char *name, const char *value,
    struct ctl_error *e);

/* Variables that a library of ours takes a password from. */
bool ctl_config_check_libraries(struct ctl_error *e);

/* Before anything is served: passwords are no samples and not short, and the
 * control plane's own address is https or of this machine. */
bool ctl_config_check_start(const struct ctl_config *c, struct ctl_error *e);

/* Is the server of `mail_url` this very machine? */
bool ctl_config_mail_is_local(const struct ctl_config *c);

#endif
