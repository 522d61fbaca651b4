/*
 * Reading and writing all of something on a socket that does not block, until a
 * time that does not move.
 */
#ifndef CTL_DEADLINE_H
#define CTL_DEADLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_deadline {
    int64_t at_ms;                      /* of base/clock.h */
};

struct ctl_deadline ctl_deadline_in(int ms);
int64_t ctl_deadline_left_ms(const struct ctl_deadline *by);    /* or <= 0 */
/* False: not all of it came, or went, in time. */
bool ctl_deadline_read(const struct ctl_deadline *by, int fd, char *out,
    size_t len);
bool ctl_deadline_write(const struct ctl_deadline *by, int fd,
    const char *data, size_t len);

#endif
