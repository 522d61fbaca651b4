/*
 * Header lists that are wiped.
 */
#include "connect/headers.h"

#include <string.h>

#include <openssl/crypto.h>


void
ctl_headers_free(struct curl_slist *all)
{
    struct curl_slist *h;

    for (h = all; h != NULL; h = h->next) {
        OPENSSL_cleanse(h->data, strlen(h->data));
    }
    curl_slist_free_all(all);
}
