/*
 * What every call of a notice has in common, whatever it speaks: no proxy, an
 * end after notify_timeout and with the process, no internal address unless
 * notify_internal is on.
 */
#ifndef CTL_OUTWARD_H
#define CTL_OUTWARD_H

#include <curl/curl.h>

#include "base/config.h"

struct ctl_outward {
    const struct ctl_config *config;
    int stop_fd;                        /* readable: calls end; -1: none */
    bool internal;                      /* an address was refused */
};

/* `o` is there as long as the handle. */
void ctl_outward_set(struct ctl_outward *o, CURL *curl);
/* Why a call failed: constant, without the address. */
const char *ctl_outward_why(const struct ctl_outward *o, CURLcode rc);

#endif
