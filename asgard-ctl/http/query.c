/*
 * Reading query strings.
 */
#include "http/query.h"

#include <string.h>

#include "base/utf8.h"


static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char) (c | 0x20);

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}


/* Percent and plus decoding; NULL for a bad escape, a NUL, no UTF-8. */
static const char *
decode(struct ctl_arena *arena, const char *p, size_t len)
{
    char *to = ctl_arena_alloc(arena, len + 1), *out = to;
    const char *end = p + len;
    int hi, lo;

    for (; out != NULL && p < end; p++) {
        if (*p != '%') {
            *out++ = *p == '+' ? ' ' : *p;
            continue;
        }
        hi = end - p > 2 ? hex_digit(p[1]) : -1;
        lo = hi >= 0 ? hex_digit(p[2]) : -1;
        if (lo < 0 || (hi == 0 && lo == 0)) {
            return NULL;
        }
        *out++ = (char) (hi * 16 + lo);
        p += 2;
    }

    return to != NULL && ctl_utf8_is_valid((asg_str_t) {to, (size_t) (out
           - to)}) ? to : NULL;
}


static bool
note_pair(struct ctl_request *rq, const struct ctl_query_field *fields,
    const char *p, size_t len, struct ctl_error *e)
{
    const char *eq = memchr(p, '=', len);
    size_t name_len = eq != NULL ? (size_t) (eq - p) : len;
    const struct ctl_query_field *f;

    for (f = fields; f->name != NULL; f++) {
        if (strlen(f->name) == name_len
            && memcmp(f->name, p, name_len) == 0)
        {
            break;
        }
    }
    if (f->name == NULL || *f->out != NULL) {
        return ctl_error_field(e, "unknown_field", "query",
                               "The query names a parameter that this route "
                               "does not know, or names one twice.");
    }
    *f->out = eq == NULL ? "" : decode(&rq->worker->arena, eq + 1,
                                       len - name_len - 1);

    return *f->out != NULL
           || ctl_error_field(e, "invalid_value", f->name,
                              "%s is not a well-formed parameter.", f->name);
}


bool
ctl_query_read(struct ctl_request *rq, const struct ctl_query_field *fields,
    struct ctl_error *e)
{
    const char *p = rq->query.data, *end, *amp;

    for (end = p + rq->query.len; p < end; p = amp + 1) {
        amp = memchr(p, '&', (size_t) (end - p));
        if (amp == NULL) {
            amp = end;
        }
        if (amp > p && !note_pair(rq, fields, p, (size_t) (amp - p), e)) {
            return false;
        }
    }

    return true;
}


static bool
fits(char c, char pattern)
{
    switch (pattern) {
    case '9':
        return c >= '0' && c <= '9';
    case 'f':
        return hex_digit(c) >= 0;
    default:
        return c == pattern;
    }
}


bool
ctl_query_cursor(const char *text, const char *pattern, struct ctl_error *e)
{
    size_t i;

    if (text == NULL) {
        return true;
    }
    for (i = 0; pattern[i] != '\0' && fits(text[i], pattern[i]); i++) { }

    return (pattern[i] == '\0' && text[i] == '\0')
           || ctl_error_field(e, "invalid_value", "cursor",
                              "cursor is not one that was given out.");
}


bool
ctl_query_limit(const char *text, unsigned *limit, struct ctl_error *e)
{
    uint64_t n = CTL_PAGE_DEFAULT;

    if (text != NULL
        && (!asg_str_u64(asg_str_z(text), &n) || n < 1 || n > CTL_PAGE_MAX))
    {
        return ctl_error_field(e, "invalid_value", "limit",
                               "limit must be from 1 to %d.", CTL_PAGE_MAX);
    }
    *limit = (unsigned) n;

    return true;
}


bool
ctl_query_page_read(struct ctl_request *rq, const char *pattern,
    struct ctl_query_page *page, struct ctl_error *e)
{
    const char *limit = NULL, *cursor = NULL;
    const struct ctl_query_field query[] = {
        {"limit", &limit}, {"cursor", &cursor}, {NULL, NULL}
    };

    if (!ctl_query_read(rq, query, e)
        || !ctl_query_limit(limit, &page->limit, e)
        || !ctl_query_cursor(cursor, pattern, e))
    {
        return false;
    }
    page->after = cursor != NULL ? cursor : "";

    return true;
}
