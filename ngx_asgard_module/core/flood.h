/*
 * How many credentials that are none an address may show.
 *
 * A table of fixed size, without a lock: threads, or processes that share the
 * memory, count in it at once.  Of an address it keeps one time: when it will
 * have been forgiven all that it showed, each of which moves it on by a second
 * over `per_s`.  An address whose time is a second ahead has shown too many.
 * Of what is done at the same moment one may be lost, or be counted for the
 * wrong address.
 *
 * An address has ASG_FLOOD_WAYS places; a new one takes that of the address
 * that is forgiven first.  So a flood from many addresses can push out other
 * floods' entries, and nothing else: it has no memory but its own.
 *
 *     static asg_flood_t flood;                       all zero: nobody
 *
 *     if (asg_flood_is_over(&flood, asg_flood_address(ip, 4), now_us, 10)) …
 */
#ifndef ASG_FLOOD_H
#define ASG_FLOOD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ASG_FLOOD_SETS 2048
#define ASG_FLOOD_WAYS 4

typedef struct {
    _Atomic uint64_t address;           /* 0: nobody's */
    _Atomic uint64_t forgiven_us;
} asg_flood_place_t;

typedef struct {
    asg_flood_place_t places[ASG_FLOOD_SETS][ASG_FLOOD_WAYS];
} asg_flood_t;

/* What counts together: an IPv4 address (`len` 4, network order), also where
 * it is written as IPv6, or an IPv6 /64 (16).  Of another length all are one,
 * as the clients of a unix socket are.  Never 0. */
uint64_t asg_flood_address(const uint8_t *bytes, size_t len);

/* Counts one at `now_us`, of a clock that only goes forward; true: it is one
 * more than `per_s` a second, and as many at once, and was not counted.
 * `per_s` 0: any number. */
bool asg_flood_is_over(asg_flood_t *flood, uint64_t address, uint64_t now_us,
                       uint64_t per_s);

#endif
