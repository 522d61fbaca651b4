/*
 * Cutting and judging lines of the witness.
 */
#include "core/spool.h"

#include <string.h>

/* What every line begins with, whatever its format.  It cannot stand inside a
 * string: a quote there is escaped. */
#define LINE_HEAD  "{\"f\":"

void asg_spool_lines_begin(asg_spool_lines_t *lines)
{
    lines->len = 0;
    lines->given = false;
    lines->number = 0;
}

/* Of more than the storage holds the last bytes stay: a whole line may stand
 * behind blocks that a loss of power left empty. */
static void take(asg_spool_lines_t *lines, const char *data, size_t len)
{
    size_t cap = sizeof(lines->text), over;

    if (len >= cap) {
        data += len - cap;
        len = cap;
    }
    over = lines->len + len > cap ? lines->len + len - cap : 0;
    if (over > 0) {
        memmove(lines->text, lines->text + over, lines->len - over);
        lines->len -= over;
    }
    if (len > 0) {
        memcpy(lines->text + lines->len, data, len);
        lines->len += len;
    }
}

bool asg_spool_lines_next(asg_spool_lines_t *lines, asg_str_t *piece,
    asg_str_t *line)
{
    const char *end;
    size_t len;

    if (lines->given) {
        lines->len = 0;
        lines->given = false;
    }
    if (piece->len == 0) {
        return false;
    }
    end = memchr(piece->data, '\n', piece->len);
    len = end != NULL ? (size_t) (end - piece->data) : piece->len;
    take(lines, piece->data, len);
    if (end == NULL) {
        piece->data += len;
        piece->len = 0;
        return false;
    }
    piece->data += len + 1;
    piece->len -= len + 1;
    lines->given = true;
    lines->number++;
    *line = (asg_str_t) {lines->text, lines->len};
    return true;
}

bool asg_spool_lines_rest(asg_spool_lines_t *lines, asg_str_t *line)
{
    if (lines->given || lines->len == 0) {
        return false;
    }
    *line = (asg_str_t) {lines->text, lines->len};
    return true;
}

/* Where the last line that was begun in this text begins. */
static size_t last_head(asg_str_t text)
{
    size_t head = sizeof(LINE_HEAD) - 1, at = 0;

    for (size_t i = 0; i + head <= text.len; i++) {
        if (text.data[i] == '{' && memcmp(text.data + i, LINE_HEAD, head) == 0)
        {
            at = i;
        }
    }
    return at;
}

asg_spool_state_t asg_spool_judge(asg_json_t *json, asg_str_t line, bool rest,
    asg_buf_t *scratch, asg_spool_line_t *out, asg_err_t *why)
{
    size_t from;

    if (rest) {
        *why = ASG_ERR_MISSING;
        return ASG_SPOOL_TORN;
    }
    *why = asg_spool_read(json, line, scratch, out);
    if (*why == ASG_OK) {
        return ASG_SPOOL_WHOLE;
    }
    from = last_head(line);
    if (from > 0) {
        line.data += from;
        line.len -= from;
        scratch->len = 0;
        if (asg_spool_read(json, line, scratch, out) == ASG_OK) {
            return ASG_SPOOL_BEHIND_TORN;
        }
    }
    return ASG_SPOOL_DAMAGED;
}
