/*
 * The connector `http`; connect/http.c says what its service is told.
 */
#ifndef CTL_HTTP_H
#define CTL_HTTP_H

#include "connect/connector.h"

const char *ctl_http_unarmed(const struct ctl_connect *with,
    const char *config, struct ctl_arena *arena);
void ctl_http_step(const struct ctl_connect *with,
    const struct ctl_step_in *in, struct ctl_step_out *out);

#endif
