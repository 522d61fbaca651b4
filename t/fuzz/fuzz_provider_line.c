/*
 * A line of a provider's record: what is taken lies within the text, is within
 * its bounds, and says the same when it is written as a detail.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/rkey.h"
#include "witness/provider_line.h"

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
    return part.len == 0
        || (part.data >= whole.data
            && part.data + part.len <= whole.data + whole.len);
}

static void check_numbers(const struct ctl_provider_line *line)
{
    asg_tokens_t tokens;

    check(line->amount_nusd >= -1 && line->amount_nusd <= ASG_NUSD_MAX);
    for (size_t i = 0; i < CTL_PROVIDER_COUNTS; i++) {
        check(line->counts[i] >= -1 && line->counts[i] <= ASG_TOKENS_MAX);
    }
    check(ctl_provider_line_has_tokens(line) || line->amount_nusd >= 0);
    ctl_provider_line_tokens(line, &tokens);
    check(tokens.prompt >= 0 && tokens.completion >= 0 && tokens.cached >= 0);
    check(tokens.prompt == (line->counts[0] > 0 ? line->counts[0] : 0));
}

/* The detail's members, and a call's name before them, are a line again. */
static void check_again(const struct ctl_provider_line *line)
{
    static char text[4 * CTL_PROVIDER_LINE];
    struct ctl_provider_line again;
    const char *why;
    asg_buf_t b;
    char *flags;

    asg_buf_init(&b, text, sizeof(text) - 1);
    asg_buf_z(&b, "{\"f\":1,\"rid\":\"r\"");
    if (!ctl_provider_line_has_tokens(line)) {
        asg_buf_z(&b, ",\"amount\":1");
    }
    ctl_provider_line_put(&b, line);
    check(asg_buf_ok(&b));
    text[b.len] = '\0';
    flags = strstr(text, ",\"flags\":[");
    check(flags != NULL);
    b.len = (size_t) (flags - text);
    asg_buf_z(&b, "}");
    if (b.len > CTL_PROVIDER_LINE
        || memchr(line->source.data, '\\', line->source.len) != NULL)
    {
        return;
    }
    if (ctl_provider_line_read(&json, asg_buf_view(&b), &again, &why)) {
        check(asg_str_eq(again.source, line->source));
        check(memcmp(again.counts, line->counts, sizeof(again.counts)) == 0);
    } else {
        /* a byte of the source that is written as an escape, alone */
        check(memchr(text, '\\', b.len) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text = {(const char *) data, size};
    struct ctl_provider_line line;
    const char *why = NULL;

    if (!ctl_provider_line_read(&json, text, &line, &why)) {
        check(why != NULL && why[0] != '\0');
        return 0;
    }
    check(why == NULL && size <= CTL_PROVIDER_LINE);
    check(is_within(line.hold, text) && is_within(line.rid, text)
          && is_within(line.source, text));
    check((line.hold.len > 0) != (line.rid.len > 0));
    check(line.hold.len == 0 || asg_id_is_valid(line.hold));
    check(line.source.len >= 1 && line.source.len <= 100);
    check_numbers(&line);
    check_again(&line);
    return 0;
}
