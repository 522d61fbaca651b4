/*
 * The address of a client, as nginx tells it, as one number for what counts
 * together: an IPv4 address, or an IPv6 /64 (core/flood.h).
 */
#ifndef CTL_REMOTE_H
#define CTL_REMOTE_H

#include <stdint.h>

#include "core/str.h"

/* What is no address is nobody's, as the clients of a unix socket are. */
uint64_t ctl_remote_network(asg_str_t text);

#endif
