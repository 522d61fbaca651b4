/*
 * Reading a refusal.
 */
#include "core/refused.h"

#include "core/rkey.h"
#include "core/trace.h"

#define SEEN_ALL  127u
#define SEEN_MORE 128u                  /* need not be there */


static bool
code_is_valid(asg_str_t code)
{
    size_t i;

    for (i = 0; i < code.len; i++) {
        if ((code.data[i] < 'a' || code.data[i] > 'z')
            && code.data[i] != '_')
        {
            return false;
        }
    }

    return code.len > 0 && code.len <= ASG_REFUSED_CODE_MAX;
}


/* Each piece between commas is a trace. */
static bool
more_is_valid(asg_str_t text)
{
    size_t i, from = 0;
    unsigned n = 0;

    for (i = 0; i <= text.len; i++) {
        if (i < text.len && text.data[i] != ',') {
            continue;
        }
        if (n++ == ASG_REFUSED_MORE_MAX
            || !asg_trace_is_valid((asg_str_t) {text.data + from, i - from}))
        {
            return false;
        }
        from = i + 1;
    }

    return true;
}


static bool
number_read(asg_str_t text, uint64_t *out)
{
    return asg_str_u64(text, out) && *out <= ASG_REFUSED_NUMBER_MAX;
}


/* The bit of the field; 0: its value is none. */
static unsigned
field_read(char name, asg_str_t value, asg_refused_t *r)
{
    switch (name) {
    case 'k':
        r->key = value;
        return asg_id_is_valid(value) ? 1u : 0;
    case 'p':
        r->project = value;
        return asg_id_is_valid(value) ? 2u : 0;
    case 'c':
        r->code = value;
        return code_is_valid(value) ? 4u : 0;
    case 't':
        r->trace = value;
        return asg_trace_is_valid(value) ? 8u : 0;
    case 'm':
        r->more = value;
        return more_is_valid(value) ? SEEN_MORE : 0;
    case 'n':
        return number_read(value, &r->count) && r->count > 0 ? 16u : 0;
    case 's':
        return number_read(value, &r->since_ms) ? 32u : 0;
    default:
        return number_read(value, &r->until_ms) ? 64u : 0;
    }
}


static bool
is_known(asg_str_t name)
{
    return name.len == 1
           && (name.data[0] == 'k' || name.data[0] == 'p'
               || name.data[0] == 'c' || name.data[0] == 't'
               || name.data[0] == 'm' || name.data[0] == 'n'
               || name.data[0] == 's' || name.data[0] == 'u');
}


asg_err_t
asg_refused_parse(const asg_str_t *fields, size_t n, asg_refused_t *out)
{
    asg_refused_t r = {.more = ASG_STR_NULL, .count = 0};
    unsigned seen = 0, bit;
    size_t i;

    if (n > ASG_REFUSED_FIELDS_MAX || n % 2 != 0) {
        return ASG_ERR_SYNTAX;
    }
    for (i = 0; i < n; i += 2) {
        if (!is_known(fields[i])) {
            continue;
        }
        bit = field_read(fields[i].data[0], fields[i + 1], &r);
        if (bit == 0 || (seen & bit) != 0) {
            return ASG_ERR_SYNTAX;
        }
        seen |= bit;
    }
    if ((seen & SEEN_ALL) != SEEN_ALL || r.until_ms < r.since_ms) {
        return ASG_ERR_SYNTAX;
    }
    *out = r;

    return ASG_OK;
}
