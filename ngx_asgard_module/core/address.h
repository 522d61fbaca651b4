/*
 * Which addresses are no public ones: what is reached there is this machine, a
 * network of its own, a cloud's metadata, or nobody.
 *
 * The one list of them, for hosts that are written as addresses (url.h) and for
 * what a name server says.  An address in IPv6 that carries one in IPv4 is
 * judged by that.
 */
#ifndef ASG_ADDRESS_H
#define ASG_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Loopback, private, link-local, unspecified, CGNAT, benchmark, multicast or
 * reserved, or one of these in IPv6, NAT64 or 6to4?  `len` bytes in network
 * order: 4 or 16; of another length nothing is public. */
bool asg_address_is_internal(const uint8_t *address, size_t len);

#endif
