/*
 * The detail of a usage event: whatever a gateway wrote, what comes out is
 * within the text, is of its grammar, and can be stored.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/rkey.h"
#include "meter/drain_detail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static asg_json_t json;

static void check(bool ok)
{
    if (!ok) {
        abort();
    }
}

static bool is_within(asg_str_t part, asg_str_t whole)
{
    return part.data >= whole.data
        && part.data + part.len <= whole.data + whole.len;
}

/* The last quarter is the pins, what is before it the detail. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text = {(const char *) data, size - size / 4};
    asg_str_t pins = {(const char *) data + text.len, size / 4};
    struct ctl_detail d;

    ctl_detail_read(&json, text, pins, &d);
    if (!is_within(d.json, text)) {
        check(asg_str_eq_z(d.json, "{}"));
        check(d.key.len == 0 && d.project_version == 0);
    } else {
        check(d.json.len == text.len);
        check(memmem(d.json.data, d.json.len, "\\u0000", 6) == NULL
              || memmem(d.json.data, d.json.len, "\\\\u0000", 7) != NULL);
    }
    check(d.project.len == 0 || asg_id_is_valid(d.project));
    check(d.key.len == 0 || d.key.len == 36);
    return 0;
}
