/*
 * The OpenAPI document of this API, made by scripts/openapi.
 */
#ifndef CTL_OPENAPI_H
#define CTL_OPENAPI_H

#include <stddef.h>

extern const char ctl_openapi[];
extern const size_t ctl_openapi_len;

#endif
