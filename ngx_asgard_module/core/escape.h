/*
 * Escapes of JSON strings, one at a time.
 *
 * Reads inside [p, end) only.  What unescapes a whole string is
 * asg_json_unescape(), or asg_sink_plain() for one of any length.
 */
#ifndef ASG_ESCAPE_H
#define ASG_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

/* Length of the escape whose backslash is at `p` (12 for a surrogate pair), and
 * the character that it stands for; 0 if it is none, as a lone surrogate. */
size_t asg_escape_read(const uint8_t *p, const uint8_t *end, uint32_t *point);

/* The character as UTF-8; returns its length, 1 to 4. */
size_t asg_escape_utf8(uint32_t point, uint8_t out[4]);

#endif
