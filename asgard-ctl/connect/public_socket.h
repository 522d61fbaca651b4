/*
 * libcurl's sockets to public addresses alone: looked at when it connects, so
 * that a name that means another address by then leads nowhere.
 */
#ifndef CTL_PUBLIC_SOCKET_H
#define CTL_PUBLIC_SOCKET_H

#include <curl/curl.h>

/* A CURLOPT_OPENSOCKETFUNCTION.  Its data is a bool, which becomes true when an
 * address was refused, or NULL. */
curl_socket_t ctl_public_socket(void *refused, curlsocktype purpose,
    struct curl_sockaddr *to);

#endif
