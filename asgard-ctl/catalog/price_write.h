/*
 * Writing a map of prices: the operator's own table.
 */
#ifndef CTL_PRICE_WRITE_H
#define CTL_PRICE_WRITE_H

#include "base/error.h"
#include "catalog/price_map.h"

#define CTL_PRICE_DIGEST 65             /* SHA-256, hex, NUL */

/* Replaces `file` at once or not at all; who reads it meanwhile has the old one
 * or the new one.  `source` is a name for people. */
bool ctl_price_map_write(const struct ctl_price_map *map, const char *source,
    const char *file, char digest[CTL_PRICE_DIGEST], struct ctl_error *e);

#endif
