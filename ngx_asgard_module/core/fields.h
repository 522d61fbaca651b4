/*
 * Which fields a request body may have.
 *
 * The lists are data (core/fields.def, one line a field: route set, path,
 * type); a model may allow more top-level names.  A field that is not listed is
 * refused by name, so that no option of a backend can be reached that we do not know.
 */
#ifndef ASG_FIELDS_H
#define ASG_FIELDS_H

#include "core/str.h"

typedef enum {
    ASG_API_CHAT = 0,           /* /v1/chat/completions */
    ASG_API_COMPLETIONS,        /* /v1/completions */
    ASG_API_EMBEDDINGS,         /* /v1/embeddings */
    ASG_API_GATEWAY,            /* /api/gateway/chat: chat + data_class */
    ASG_API_COUNT
} asg_api_t;

#define ASG_ALLOW_MAX 64        /* extra names of one model */

const char *asg_api_name(asg_api_t api);        /* "chat/completions", … */

#endif
