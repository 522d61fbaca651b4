/*
 * A witness file of any bytes is cut into the same lines whatever the pieces
 * that it is read in, and each of them is judged without harm.
 *
 * Input: one byte (length of a piece), the file.
 */
#include <stdlib.h>
#include <string.h>

#include "core/spool.h"

static asg_json_t json;
static asg_spool_lines_t lines;
static char scratch_text[ASG_EVENT_LINE];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static uint64_t mix(uint64_t sum, asg_str_t line)
{
    for (size_t i = 0; i < line.len; i++) {
        sum = sum * 1099511628211u + (uint8_t) line.data[i];
    }
    return sum * 31 + line.len;
}

static void judge(asg_str_t line, bool rest)
{
    asg_spool_line_t spool;
    asg_spool_state_t state;
    asg_buf_t scratch;
    asg_err_t why;

    asg_buf_init(&scratch, scratch_text, sizeof(scratch_text));
    state = asg_spool_judge(&json, line, rest, &scratch, &spool, &why);
    must(rest == (state == ASG_SPOOL_TORN));
    if (state == ASG_SPOOL_WHOLE || state == ASG_SPOOL_BEHIND_TORN) {
        must(spool.hold.data != NULL && spool.partition < 16);
        must(spool.amount_nusd >= 0 && spool.held_nusd >= 0);
    }
    must((why == ASG_OK) == (state == ASG_SPOOL_WHOLE));
}

static uint64_t cut(asg_str_t file, size_t step, bool look)
{
    asg_str_t piece, line;
    uint64_t sum = 0, n = 0;

    asg_spool_lines_begin(&lines);
    while (file.len > 0) {
        piece = (asg_str_t) {file.data, file.len < step ? file.len : step};
        file.data += piece.len;
        file.len -= piece.len;
        while (asg_spool_lines_next(&lines, &piece, &line)) {
            must(line.len <= ASG_SPOOL_TEXT && lines.number == ++n);
            sum = mix(sum, line);
            if (look) {
                judge(line, false);
            }
        }
    }
    if (asg_spool_lines_rest(&lines, &line)) {
        sum = mix(sum, line) + 1;
        if (look) {
            judge(line, true);
        }
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t file;

    if (size < 1) {
        return 0;
    }
    file = (asg_str_t) {(const char *) data + 1, size - 1};
    must(cut(file, file.len + 1, true) == cut(file, data[0] + 1u, false));
    return 0;
}
