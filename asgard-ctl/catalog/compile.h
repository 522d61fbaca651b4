/*
 * The catalog as the snapshot that the gateway reads (docs/formats.md):
 * provider keys sealed for their scheme, host, port and version, the whole
 * authenticated.
 */
#ifndef CTL_COMPILE_H
#define CTL_COMPILE_H

#include "base/error.h"
#include "catalog/catalog.h"
#include "core/seal.h"

struct ctl_compile {
    struct ctl_arena *arena;            /* of the text */
    const asg_named_key_t *seal;
    int64_t version;                    /* > 0 */
    int64_t created;                    /* epoch seconds, database clock */
    int64_t max_age_s;
};

/* Every model's card_version is known.  A NUL stands after the text. */
bool ctl_compile_snapshot(const struct ctl_catalog *c,
    const struct ctl_compile *with, asg_str_t *text, struct ctl_error *e);

/* What a request of that API names on the request line; the model has it. */
bool ctl_compile_path(const struct ctl_module *module,
    const struct ctl_model *model, asg_api_t api, asg_buf_t *path);

#endif
