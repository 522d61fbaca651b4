/*
 * As the gateway: what may only be public is not connected to elsewhere.
 */
#include "connect/public_socket.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "core/address.h"


curl_socket_t
ctl_public_socket(void *refused, curlsocktype purpose,
    struct curl_sockaddr *to)
{
    const struct sockaddr_in6 *six = (const void *) &to->addr;
    const struct sockaddr_in *four = (const void *) &to->addr;
    bool internal = to->family == AF_INET6
        ? asg_address_is_internal(six->sin6_addr.s6_addr, 16)
        : asg_address_is_internal((const uint8_t *) &four->sin_addr, 4);

    (void) purpose;
    if (internal && refused != NULL) {
        *(bool *) refused = true;
    }

    return internal ? CURL_SOCKET_BAD
                    : socket(to->family, to->socktype, to->protocol);
}
