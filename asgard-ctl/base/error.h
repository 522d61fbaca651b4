/*
 * Why an operation of asgard-ctl failed: what may be told, and what only the
 * log may hold.
 *
 * Filled once, where the failure is first understood, and handed up.  Only
 * `status`, `code`, `text` and `param` leave the process; `detail` goes to the
 * log.  Neither ever holds a secret.
 */
#ifndef CTL_ERROR_H
#define CTL_ERROR_H

#include <stdbool.h>

#define CTL_ERROR_TEXT   512
#define CTL_ERROR_DETAIL 1024

struct ctl_error {
    int status;                         /* HTTP status; 0: no error */
    char code[48];                      /* stable: "invalid_value" */
    char param[128];                    /* offending field, or empty */
    char text[CTL_ERROR_TEXT];
    char detail[CTL_ERROR_DETAIL];
};

/* Each returns false, so that a failing function can `return ctl_error_…`. */
bool ctl_error_set(struct ctl_error *e, int status, const char *code,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
bool ctl_error_field(struct ctl_error *e, const char *code, const char *param,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));   /* 400 */
/* 500 internal_error to the outside; the text is only for the log. */
bool ctl_error_internal(struct ctl_error *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* 503 of a part that is away: code e.g. "postgres_unavailable". */
bool ctl_error_away(struct ctl_error *e, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void ctl_error_clear(struct ctl_error *e);

#endif
