/*
 * Time that only goes forward, for deadlines and waits inside a process.
 *
 * What is stored or compared between processes comes from the database's or
 * from Redis' clock, never from here.
 */
#ifndef CTL_CLOCK_H
#define CTL_CLOCK_H

#include <stdint.h>

/* Milliseconds since some moment in the past. */
int64_t ctl_clock_ms(void);

#endif
