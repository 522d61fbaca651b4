/*
 * A trace id that is taken stands in a header, a log line and JSON as it is;
 * what we make is taken.
 *
 * Input: the id; its first 16 bytes also make one of ours.
 */
#include <stdlib.h>
#include <string.h>

#include "core/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static bool is_plain(asg_str_t text)
{
    static const char set[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

    for (size_t i = 0; i < text.len; i++) {
        if (memchr(set, text.data[i], sizeof(set) - 1) == NULL) {
            return false;
        }
    }
    return text.len >= 1 && text.len <= ASG_TRACE_MAX;
}

static void check_json(asg_str_t text)
{
    char storage[ASG_TRACE_MAX + 2];
    asg_buf_t b;

    asg_buf_init(&b, storage, sizeof(storage));
    asg_buf_json(&b, text);
    must(asg_buf_ok(&b) && b.len == text.len + 2);
    must(memcmp(storage + 1, text.data, text.len) == 0);
}

/* What may stand in a header of ours as it is. */
static bool is_context(asg_str_t text)
{
    static const char form[] = "00-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-"
                               "hhhhhhhhhhhhhhhh-hh";

    for (size_t i = 0; i < text.len; i++) {
        const char *set = form[i] == 'h' ? "0123456789abcdef" : "0-";

        if (text.len != sizeof(form) - 1 || text.data[i] == '\0'
            || strchr(set, text.data[i]) == NULL)
        {
            return false;
        }
    }
    return text.len == sizeof(form) - 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text = {(const char *) data, size};
    char out[ASG_TRACE_MAX + 1];

    must(asg_trace_is_valid(text) == is_plain(text));
    if (is_plain(text)) {
        check_json(text);
    }
    must(!asg_traceparent_is_valid(text) || is_context(text));
    if (size >= 16) {
        must(asg_trace_make(data, out) == 35 && strlen(out) == 35);
        must(asg_trace_is_valid(asg_str_z(out)));
    }
    return 0;
}
