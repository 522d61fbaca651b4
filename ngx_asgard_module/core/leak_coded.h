/*
 * Bytes that are written as an escape: "\u0041" and "\/" of JSON, and of JSON
 * in JSON, where the backslash is two; "%41" of URLs.
 *
 * Only those count that stand for a byte of the secret: in honest text there
 * are nearly none, and looking for them costs two searches for a byte.
 *
 * Private to core/: leak.c uses it.
 */
#ifndef ASG_LEAK_CODED_H
#define ASG_LEAK_CODED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

#define ASG_LEAK_CODED_BYTES 7          /* of the longest escape */

/* Bytes of the secret, letters in any case: bit c. */
typedef struct {
    uint64_t bits[4];
} asg_leak_bytes_t;

/* Where escapes stand in a text; zeroed with `text` set before the first. */
typedef struct {
    asg_str_t text;
    size_t next[2];             /* place of the next of each mark */
    bool is_known[2];
} asg_leak_coded_t;

void asg_leak_bytes_add(asg_leak_bytes_t *bytes, asg_str_t secret);

/* The place of the first escape at or after `at`, which never falls from call
 * to call; text.len: there is none. */
size_t asg_leak_coded_next(asg_leak_coded_t *coded,
    const asg_leak_bytes_t *bytes, size_t at);
/* The length of the escape at `at`, and what it stands for; 0: it is none. */
size_t asg_leak_coded_byte(asg_str_t text, size_t at,
    const asg_leak_bytes_t *bytes, char *c);

#endif
