/*
 * A record that is read can be written, and is then read as the same.
 *
 * Input: one byte (key or project), the text.
 */
#include <stdlib.h>
#include <string.h>

#include "core/record.h"

static asg_json_t json;
static char written[8 * ASG_RECORD_BYTES_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static void check_key(asg_str_t text)
{
    static asg_key_record_t a, b;
    asg_buf_t out;

    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    if (asg_record_key_read(&json, text, &a) != ASG_OK) {
        return;
    }
    must(asg_record_key_names_len(&a) <= sizeof(a.names));
    asg_buf_init(&out, written, sizeof(written));
    must(asg_record_key_write(&out, &a, ASG_STR("p1"), ASG_STR("n"))
         == ASG_OK);
    if (out.len > ASG_RECORD_BYTES_MAX) {
        return;
    }
    must(asg_record_key_read(&json, asg_buf_view(&out), &b) == ASG_OK);
    must(strcmp(a.key_id, b.key_id) == 0 && a.version == b.version);
    must(strcmp(a.project_id, b.project_id) == 0);
    must(strcmp(a.prefix, b.prefix) == 0 && a.expires == b.expires);
    must(a.revoked == b.revoked && a.budgeted == b.budgeted);
    must(a.all_models == b.all_models && a.models_len == b.models_len);
    must(a.aliases_len == b.aliases_len && a.budgets_len == b.budgets_len);
    must(memcmp(a.names, b.names, asg_record_key_names_len(&a)) == 0);
}

static void check_project(asg_str_t text)
{
    asg_project_record_t a, b;
    asg_buf_t out;

    if (asg_record_project_read(&json, text, &a) != ASG_OK) {
        return;
    }
    asg_buf_init(&out, written, sizeof(written));
    must(asg_record_project_write(&out, &a) == ASG_OK);
    must(asg_record_project_read(&json, asg_buf_view(&out), &b) == ASG_OK);
    must(a.version == b.version && a.partition == b.partition);
    must(a.state == b.state && a.killed == b.killed);
    must(a.data_class == b.data_class);
    must(strcmp(a.project_id, b.project_id) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text;

    if (size < 1) {
        return 0;
    }
    text = (asg_str_t) {(const char *) data + 1, size - 1};
    if ((data[0] & 1) != 0) {
        check_key(text);
    } else {
        check_project(text);
    }
    return 0;
}
