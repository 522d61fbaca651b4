/*
 * Lists of headers for libcurl, some of which hold a secret.
 */
#ifndef CTL_HEADERS_H
#define CTL_HEADERS_H

#include <curl/curl.h>

/* Wipes each line before it is freed.  NULL ok. */
void ctl_headers_free(struct curl_slist *all);

#endif
