/*
 * Bodies and query strings of the control plane: refused with a code and no
 * control character in the message, or read into texts that are UTF-8 and
 * within the bounds of their fields.
 *
 * Input: one byte of choices (0: a query, 1: a body, 2: a list of objects), the
 * text.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "http/query.h"
#include "http/route.h"
#include "../lib/json_body.h"

#define ARENA_MAX       (1 << 20)

static struct ctl_arena arena;
static struct ctl_worker worker;
static struct ctl_error error;
static unsigned nitems;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static bool read_body(asg_str_t text, struct json_body *r)
{
    memset(r, 0, sizeof(*r));
    r->flag = -1;
    return json_body_read(text, r, &arena, &error);
}

static void check_refusal(void)
{
    must(error.status == 400 && error.code[0] != '\0');
    for (const char *p = error.text; *p != '\0'; p++) {
        must((unsigned char) *p >= 0x20 && *p != 0x7f);
    }
    must(ctl_utf8_is_valid(asg_str_z(error.text)));
    must(ctl_utf8_is_valid(asg_str_z(error.param)));
}

static void check_body(asg_str_t text)
{
    struct json_body r;

    if (!read_body(text, &r)) {
        check_refusal();
        return;
    }
    must(r.name != NULL && r.name[0] != '\0');
    must(strlen(r.name) <= JSON_BODY_NAME);
    must(ctl_utf8_is_valid(asg_str_z(r.name)));
    must(r.flag >= -1 && r.flag <= 1);
    must(r.usd.nusd >= 0 && r.usd.nusd <= ASG_NUSD_MAX);
    must(r.list.n <= JSON_BODY_LIST);
    for (unsigned i = 0; i < r.list.n; i++) {
        must(r.list.items[i] != NULL);
    }
    must(r.object == NULL
         || (r.object[0] == '{' && strlen(r.object) <= JSON_BODY_OBJECT));
    must(r.raw.len == 0
         || (r.raw.data >= text.data
             && r.raw.data + r.raw.len <= text.data + text.len));
}

static bool take_item(void *data, asg_str_t raw, struct ctl_error *e)
{
    asg_str_t *text = data;

    (void) e;
    must(raw.data > text->data && raw.len >= 2 && raw.data[0] == '{');
    must(raw.data + raw.len <= text->data + text->len);
    nitems++;
    return true;
}

static void check_list(asg_str_t text)
{
    nitems = 0;
    if (!ctl_json_each(text, "items", JSON_BODY_LIST, &arena, take_item, &text,
                       &error))
    {
        check_refusal();
    }
    must(nitems <= JSON_BODY_LIST);
}

static void check_query(asg_str_t text)
{
    const char *cursor = NULL, *limit = NULL, *q = NULL;
    const struct ctl_query_field fields[] = {
        {"cursor", &cursor}, {"limit", &limit}, {"q", &q}, {NULL, NULL}
    };
    struct ctl_request rq = {.worker = &worker, .query = text};
    unsigned n = 0;

    if (!ctl_query_read(&rq, fields, &error)) {
        check_refusal();
        return;
    }
    must(q == NULL || ctl_utf8_is_valid(asg_str_z(q)));
    if (ctl_query_limit(limit, &n, &error)) {
        must(n >= 1 && n <= 1000);
    }
    if (ctl_query_cursor(cursor, "9-f", &error)) {
        must(cursor == NULL || strlen(cursor) == 3);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text;

    if (size == 0) {
        return 0;
    }
    text = (asg_str_t) {(const char *) data + 1, size - 1};
    ctl_error_clear(&error);
    ctl_arena_init(&arena, ARENA_MAX);
    ctl_arena_init(&worker.arena, ARENA_MAX);
    if (data[0] % 3 == 0) {
        check_query(text);
    } else if (data[0] % 3 == 1) {
        check_body(text);
    } else {
        check_list(text);
    }
    ctl_arena_reset(&arena);
    ctl_arena_reset(&worker.arena);
    return 0;
}
