/*
 * Secrets between processes: text in an anonymous file that a child inherits.
 *
 * What is in it never stands in an environment, in argv or on a disk.  The
 * writer seals it, the reader maps it into memory kept out of core dumps.
 */
#ifndef CTL_VALUES_H
#define CTL_VALUES_H

#include <stddef.h>

#include "base/config.h"
#include "base/error.h"
#include "core/keyfile.h"
#include "core/str.h"

#define CTL_VALUES_MAX (256u * 1024)

/* A descriptor (close-on-exec) with `text`; -1 with an error. */
int ctl_values_write(asg_str_t text, struct ctl_error *e);
/* Of a file that holds secrets: a regular file that others cannot read. */
int ctl_values_from_file(const char *path, struct ctl_error *e);
/* The key file at `path`, parsed; wipe `keys` afterwards, also after false. */
bool ctl_values_keys(const char *path, asg_keyfile_t *keys,
    struct ctl_error *e);
/* Those of the setting kek_file, likewise. */
bool ctl_values_keks(const struct ctl_config *config, asg_keks_t *keks,
    struct ctl_error *e);
/* Of this process's own environment: KEY=VALUE lines; a value with a line
 * break is left out. */
int ctl_values_from_environment(struct ctl_error *e);

/* Private copy of the whole; wipe with ctl_values_release(). */
bool ctl_values_read(int fd, asg_str_t *text, struct ctl_error *e);
/* The same of a file that holds secrets. */
bool ctl_values_read_file(const char *path, asg_str_t *text,
    struct ctl_error *e);
void ctl_values_release(asg_str_t *text);

#endif
