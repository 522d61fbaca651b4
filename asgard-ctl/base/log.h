/*
 * One line a message, on stderr or a file: time, role, level, text.
 *
 * Control bytes are escaped, so that no input can start a line of its own.
 * There is no way to print a struct ctl_secret.
 */
#ifndef CTL_LOG_H
#define CTL_LOG_H

#include "base/error.h"

enum ctl_log_level { CTL_LOG_ERROR, CTL_LOG_WARN, CTL_LOG_INFO, CTL_LOG_DEBUG };

void ctl_log_open(const char *role, int fd, enum ctl_log_level most);
/* A file, which may be rotated: each line goes to the one that stands at `path`
 * (borrowed) by then.  False with errno: it cannot be opened. */
bool ctl_log_open_file(const char *role, const char *path,
    enum ctl_log_level most);
void ctl_log(enum ctl_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* "while <doing>": code, text and private detail of an error. */
void ctl_log_error(const struct ctl_error *e, const char *doing);

#endif
