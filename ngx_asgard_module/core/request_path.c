/*
 * Paths into a body, for refusals.
 */
#include "core/request_path.h"

#include <string.h>

#define NAME_MAX_BYTES 64       /* of one name in a path */

static size_t cut_utf8(const char *text, size_t len, size_t max)
{
    if (len <= max) {
        return len;
    }
    while (max > 0 && ((unsigned char) text[max] & 0xc0) == 0x80) {
        max--;
    }
    return max;
}

static void put_name(asg_buf_t *path, asg_str_t raw)
{
    char storage[ASG_JSON_KEY_BYTES];
    asg_buf_t plain;
    size_t n;

    asg_buf_init(&plain, storage, sizeof(storage));
    if (!asg_json_unescape(raw, &plain)) {
        return;
    }
    n = cut_utf8(storage, plain.len, NAME_MAX_BYTES);
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char) storage[i] < 0x20 || storage[i] == 0x7f) {
            storage[i] = '?';           /* a C string and a log line */
        }
    }
    asg_buf_put(path, storage, n);
}

static void put_path(asg_buf_t *path, const asg_step_t *at)
{
    if (at == NULL) {
        return;
    }
    put_path(path, at->up);
    if (at->name.data == NULL) {
        asg_buf_z(path, "[");
        asg_buf_u64(path, at->index);
        asg_buf_z(path, "]");
        return;
    }
    if (at->up != NULL) {
        asg_buf_z(path, ".");
    }
    put_name(path, at->name);
}

void asg_step_path(const asg_step_t *at, char path[ASG_REQUEST_PATH_MAX])
{
    asg_buf_t out;

    asg_buf_init(&out, path, ASG_REQUEST_PATH_MAX - 1);
    put_path(&out, at);
    path[out.len] = '\0';
}

bool asg_refuse(asg_refusal_t *why, asg_reason_t reason, const asg_step_t *at)
{
    asg_step_path(at, why->param);
    why->reason = reason;
    return false;
}

/* The key that the reader stopped at, up to its closing quote. */
static asg_str_t fault_key(const asg_json_t *j)
{
    size_t from = j->fault_at + 1;
    size_t to = from;

    while (to < j->text.len && j->text.data[to] != '"') {
        to += j->text.data[to] == '\\' ? 2 : 1;
    }
    return (asg_str_t) {j->text.data + from, to - from};
}

bool asg_refuse_json(asg_refusal_t *why, const asg_json_t *json,
    const asg_step_t *at)
{
    switch (json->fault) {
    case ASG_JSON_DUPLICATE:
        return asg_refuse(why, ASG_REASON_DUPLICATE_KEY,
                          &(asg_step_t) {.up = at, .name = fault_key(json)});
    case ASG_JSON_TOO_MUCH:
        return asg_refuse(why, ASG_REASON_JSON_LIMIT, NULL);
    default:
        return asg_refuse(why, ASG_REASON_INVALID_JSON, NULL);
    }
}
