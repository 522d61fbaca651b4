/*
 * A UUID as 16 bytes, for who keeps a million of them.
 *
 * Only the usual text, in lower case with dashes, which comes out again as it
 * was: any other id is no UUID here.
 */
#ifndef ASG_UUID_H
#define ASG_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

#define ASG_UUID_BYTES  16
#define ASG_UUID_CHARS  36

/* False: it is none, and `out` has nothing of use. */
bool asg_uuid_pack(asg_str_t text, uint8_t out[ASG_UUID_BYTES]);
/* ASG_UUID_CHARS characters; no NUL. */
void asg_uuid_text(const uint8_t bytes[ASG_UUID_BYTES], char *out);

#endif
