/*
 * A line of an exported audit log that is read is written as the same bytes,
 * and what is taken of it lies within it.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "audit/export_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char written[CTL_EXPORT_SHORT_MAX];

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static bool is_within(asg_str_t part, asg_str_t whole)
{
    return part.len == 0
        || (part.data >= whole.data
            && part.data + part.len <= whole.data + whole.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text = {(const char *) data, size}, head;
    struct ctl_export_line line;
    asg_buf_t b;

    if (!ctl_export_line_read(text, &line)) {
        return 0;
    }
    check(is_within(line.event, text) && is_within(line.since, text)
          && is_within(line.until, text) && is_within(line.at, text)
          && is_within(line.said, text));
    asg_buf_init(&b, written, sizeof(written));
    ctl_export_line_put(&b, &line);
    head = asg_buf_view(&b);
    check(asg_buf_ok(&b) && head.len <= size
          && memcmp(head.data, data, head.len) == 0);
    if (line.kind == CTL_EXPORT_ENTRY) {
        check(line.event.data == text.data + head.len);
        check(head.len + line.event.len + 1 == size);
        return 0;
    }
    check(line.kind != CTL_EXPORT_CHECKPOINT || asg_str_eq(line.said, head));
    ctl_export_end_put(&b, &line);
    check(asg_buf_ok(&b) && b.len == size + 1
          && memcmp(written, data, size) == 0);
    return 0;
}
