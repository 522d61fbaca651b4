/*
 * Networks of clients: from which addresses a key may be used.
 *
 * One is an address or a CIDR, IPv4 or IPv6, without bits behind its length; a
 * list is up to 16 of them with commas between.  An IPv4 address in IPv6
 * (::ffff:0:0/96) is what it carries: a client is of the same network however
 * the server listens.
 */
#ifndef ASG_NETWORK_H
#define ASG_NETWORK_H

#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

#define ASG_NETWORKS_MAX    16
#define ASG_NETWORK_TEXT    49          /* of one, at most */
#define ASG_NETWORKS_TEXT   (ASG_NETWORKS_MAX * (ASG_NETWORK_TEXT + 1))

typedef struct {
    uint8_t n;                          /* 0: any address */
    struct {
        uint8_t len;                    /* of the address: 4 or 16 */
        uint8_t bits;
        uint8_t address[16];
    } of[ASG_NETWORKS_MAX];
} asg_networks_t;

/* The empty text is the empty list.  SYNTAX: one is no network; RANGE: bits
 * behind its length; LIMIT: more than 16. */
ASG_MUST_CHECK asg_err_t asg_networks_parse(asg_str_t text,
    asg_networks_t *out);
/* The same again, each as a CIDR. */
void asg_networks_write(asg_buf_t *out, const asg_networks_t *networks);
/* Is the address, 4 or 16 bytes in network order, in one of them?  Of any other
 * length it is in none. */
bool asg_networks_have(const asg_networks_t *networks, const uint8_t *address,
    size_t len);

#endif
