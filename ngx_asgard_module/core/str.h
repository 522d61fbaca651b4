/*
 * Borrowed strings and bounded writing.
 *
 * asg_str_t borrows: it never owns and is not NUL-terminated.
 * asg_buf_t writes into the caller's storage and never past it: when
 * something does not fit, nothing of it is written, `full` is set and stays
 * set, and every later write is dropped.  Check asg_buf_ok() once at the end.
 */
#ifndef ASG_STR_H
#define ASG_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    const char *data;
    size_t len;
} asg_str_t;

#define ASG_STR(literal) ((asg_str_t) {(literal), sizeof(literal) - 1})
#define ASG_STR_NULL     ((asg_str_t) {NULL, 0})

typedef struct {
    char *data;
    size_t len;
    size_t cap;
    bool full;
} asg_buf_t;

asg_str_t asg_str_z(const char *z);             /* of a C string; NULL ok */
bool asg_str_eq(asg_str_t a, asg_str_t b);      /* not constant-time */
/* For secrets: its time tells nothing but whether the lengths differ.  The one
 * function of both programs that compares them (scripts/lint sees to that). */
bool asg_str_eq_secret(asg_str_t a, asg_str_t b);
bool asg_str_eq_z(asg_str_t a, const char *z);

/* Whole of `s` as a number: digits only, no sign, no leading zero but "0". */
bool asg_str_u64(asg_str_t s, uint64_t *out);
/* The same with an optional '-'. */
bool asg_str_i64(asg_str_t s, int64_t *out);

void asg_buf_init(asg_buf_t *b, char *storage, size_t cap);
void asg_buf_put(asg_buf_t *b, const void *data, size_t len);
void asg_buf_str(asg_buf_t *b, asg_str_t s);
/* Here, because the length of a literal is then known at compile time. */
static inline void asg_buf_z(asg_buf_t *b, const char *z)
{
    if (z != NULL) {
        asg_buf_put(b, z, strlen(z));
    }
}
void asg_buf_u64(asg_buf_t *b, uint64_t n);
void asg_buf_i64(asg_buf_t *b, int64_t n);
void asg_buf_hex(asg_buf_t *b, const uint8_t *bytes, size_t n);
/* `s` as a JSON string with its quotes; control, quote, backslash, DEL and
 * invalid UTF-8 are escaped (the last as \ufffd), so the result is one line. */
void asg_buf_json(asg_buf_t *b, asg_str_t s);
bool asg_buf_ok(const asg_buf_t *b);
asg_str_t asg_buf_view(const asg_buf_t *b);

/* Exactly 2n lower-case hex digits into n bytes. */
bool asg_hex_decode(asg_str_t hex, uint8_t *out, size_t n);

#endif
