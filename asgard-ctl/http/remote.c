/*
 * Addresses of clients.
 */
#include "http/remote.h"

#include <arpa/inet.h>
#include <string.h>

#include "core/flood.h"


uint64_t
ctl_remote_network(asg_str_t text)
{
    char z[INET6_ADDRSTRLEN];
    uint8_t bytes[sizeof(struct in6_addr)];

    if (text.len == 0 || text.len >= sizeof(z)) {
        return asg_flood_address(NULL, 0);
    }
    memcpy(z, text.data, text.len);
    z[text.len] = '\0';
    if (inet_pton(AF_INET, z, bytes) == 1) {
        return asg_flood_address(bytes, sizeof(struct in_addr));
    }

    return asg_flood_address(bytes, inet_pton(AF_INET6, z, bytes) == 1
                                    ? sizeof(bytes) : 0);
}
