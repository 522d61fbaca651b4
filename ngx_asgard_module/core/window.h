/*
 * Budget windows: names, and the ids that say which period a moment is in.
 *
 * A window id is the epoch second at which the period starts.  `s m h` are
 * multiples since the epoch; `d w` count from Monday 1970-01-05; `1w` is
 * written `7d`, `30d` is `1mo`; `total` has id 0 and no end.  UTC.
 *
 * A window of days, weeks or months may have a time zone.  Its periods then
 * begin where a list says that somebody computed with time zone data.
 */
#ifndef ASG_WINDOW_H
#define ASG_WINDOW_H

#include <stdint.h>

#include "core/err.h"
#include "core/str.h"

#define ASG_WINDOW_NAME_MAX    16
#define ASG_WINDOW_WEEK_OFFSET 345600
#define ASG_WINDOW_ZONE_MAX    48       /* with the NUL */
#define ASG_WINDOW_BOUNDARIES  64       /* of a calendar window, in `w` */
#define ASG_WINDOW_SPEC_MAX    1024
#define ASG_WINDOWS_MAX        8        /* of one budget */

typedef enum {
    ASG_WINDOW_TOTAL,
    ASG_WINDOW_PERIOD,
    ASG_WINDOW_MONTH,
    ASG_WINDOW_ZONED
} asg_window_kind_t;

#define ASG_WINDOW_NONE        (-1)     /* outside the list of boundaries */

typedef struct {
    asg_window_kind_t kind;
    char name[ASG_WINDOW_NAME_MAX];     /* canonical, NUL-terminated */
    int64_t length_s;                   /* of a period */
    int64_t offset_s;
    asg_str_t zone;                     /* of a zoned window; borrowed */
    asg_str_t boundaries;               /* "<id>/<id>/...", ascending */
} asg_window_t;

/* `total`, `1mo`, `N(s|m|h|d|w)` with N from 1 to 3,650 and at most 10 years.
 * SYNTAX or RANGE. */
ASG_MUST_CHECK asg_err_t asg_window_parse(asg_str_t name, asg_window_t *out);
/* True for a window of days, weeks or months: one that may have a zone. */
bool asg_window_is_of_days(const asg_window_t *w);
/* `Area/City` of the IANA list by its grammar (whether there is such a zone is
 * for the time zone data to say), or `UTC`. */
bool asg_zone_is_name(asg_str_t zone);
/* Gives a window of days its zone and the list of its boundaries, 2 to 64.
 * Both are borrowed.  RANGE: not a window of days; SYNTAX; *w is untouched
 * then. */
ASG_MUST_CHECK asg_err_t asg_window_zoned(asg_window_t *w, asg_str_t zone,
    asg_str_t boundaries);
/* Start of the period that holds `now`; 0 for total, ASG_WINDOW_NONE before
 * the first boundary of a zoned window and from its last on. */
int64_t asg_window_start(const asg_window_t *w, int64_t now);
/* First second after that period; 0 for total, ASG_WINDOW_NONE as above. */
int64_t asg_window_end(const asg_window_t *w, int64_t now);
/* The entry of the hash field `w` (docs/formats.md); a month window gets
 * boundaries from the start of the month of `now` on, a zoned one from the
 * period of an hour ago on (clocks differ), or all of them when that is not
 * in the list.  SPACE. */
ASG_MUST_CHECK asg_err_t asg_window_spec(const asg_window_t *w, int64_t now,
    asg_buf_t *out);

/* Epoch seconds as "2026-11-21T10:00:00Z" (21 bytes with the NUL).  A moment
 * outside the years 0 to 9999 is written as the nearest inside. */
void asg_time_rfc3339(int64_t epoch_s, char out[24]);
void asg_time_rfc3339_ms(int64_t epoch_ms, char out[28]);
/* RFC 3339 with `Z` or an offset; a fraction of a second is dropped.  SYNTAX,
 * or RANGE for a date or time that does not exist (as second 60). */
ASG_MUST_CHECK asg_err_t asg_time_parse(asg_str_t text, int64_t *epoch_s);

#endif
