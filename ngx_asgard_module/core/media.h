/*
 * What a URL or an id inside a prompt may point to.
 *
 * The gateway fetches none of them; the model's backend may.  So nothing may
 * name a place that only the backend's network can reach, or a file.  The
 * functions take raw JSON string tokens (between the quotes) and own nothing.
 */
#ifndef ASG_MEDIA_H
#define ASG_MEDIA_H

#include "core/str.h"

#define ASG_MEDIA_DATA_MAX (20u * 1024 * 1024)  /* bytes of a data: URL */
#define ASG_MEDIA_URL_MAX  4096                 /* bytes of any other */

/* A `data:image/…` URL within the bound that is no SVG, or http(s) to a public
 * host. */
bool asg_media_image_is_allowed(asg_str_t raw);
/* Does the URL hold its content itself?  Of one that is allowed. */
bool asg_media_is_data(asg_str_t raw);
/* An id or base64 text: no URL but data:. */
bool asg_media_is_no_url(asg_str_t raw);

#endif
