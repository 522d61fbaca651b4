/*
 * Headers that an endpoint's requests carry beyond those that we write for
 * every provider.
 *
 * What frames a request, what we write ourselves, and what carries a secret is
 * never one of them: neither a manifest nor a snapshot may set it.
 */
#ifndef ASG_CATALOG_HEADERS_H
#define ASG_CATALOG_HEADERS_H

#include "core/catalog.h"

/* Letters, digits and hyphens, and none of those. */
bool asg_catalog_header_name_is_free(asg_str_t name);
/* Printable ASCII; the whole value may be "{project}". */
bool asg_catalog_header_value_is_clean(asg_str_t value);

/* The array after the key "headers"; `out` has room for
 * ASG_CATALOG_HEADERS_MAX. */
ASG_MUST_CHECK asg_err_t asg_catalog_headers_read(asg_json_t *json,
    asg_header_t *out, unsigned *n);

/* What is sent for a value: the project's id for "{project}". */
asg_str_t asg_catalog_header_value(asg_str_t value, asg_str_t project);

#endif
