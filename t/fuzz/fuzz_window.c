/* A window that is read has a name that reads the same; at any moment its
 * period holds the moment and borders on its neighbours.  A zone and list that
 * are taken give periods that do, between the first and the last boundary.  A
 * time that is read is written and read again the same. */
#include <assert.h>
#include <string.h>

#include "core/window.h"

#define MOMENT_MAX  INT64_C(200000000000)       /* year 8307 */

static void check_period(const asg_window_t *w, int64_t now)
{
    int64_t start = asg_window_start(w, now);
    int64_t end = asg_window_end(w, now);
    char spec[ASG_WINDOW_SPEC_MAX];
    asg_buf_t b;

    asg_buf_init(&b, spec, sizeof(spec));
    assert(asg_window_spec(w, now, &b) == ASG_OK);
    if (w->kind == ASG_WINDOW_TOTAL) {
        assert(start == 0 && end == 0);
        return;
    }
    assert(start <= now && now < end);
    assert(asg_window_start(w, start) == start);
    assert(asg_window_start(w, end - 1) == start);
    assert(asg_window_start(w, end) == end);
    assert(asg_window_end(w, start - 1) == start);
}

static void check_zoned(asg_str_t zone, asg_str_t list, int64_t now)
{
    asg_window_t w;
    char spec[ASG_WINDOW_SPEC_MAX];
    int64_t start, end;
    asg_buf_t b;

    assert(asg_window_parse(ASG_STR("1d"), &w) == ASG_OK);
    if (asg_window_zoned(&w, zone, list) != ASG_OK) {
        return;
    }
    asg_buf_init(&b, spec, sizeof(spec));
    assert(asg_window_spec(&w, now, &b) == ASG_OK);
    start = asg_window_start(&w, now);
    end = asg_window_end(&w, now);
    assert((start == ASG_WINDOW_NONE) == (end == ASG_WINDOW_NONE));
    if (start == ASG_WINDOW_NONE) {
        return;
    }
    assert(start <= now && now < end);
    assert(asg_window_start(&w, start) == start);
    assert(asg_window_end(&w, end - 1) == end);
    assert(asg_window_start(&w, end) == end
           || asg_window_start(&w, end) == ASG_WINDOW_NONE);
}

/* "<zone>@<list>" */
static void check_zone(asg_str_t text, int64_t now)
{
    const char *at = text.len > 0 ? memchr(text.data, '@', text.len) : NULL;
    size_t zone;

    if (at != NULL) {
        zone = (size_t) (at - text.data);
        check_zoned((asg_str_t) {text.data, zone},
                    (asg_str_t) {at + 1, text.len - zone - 1}, now);
    }
}

static void check_name(asg_str_t name, int64_t now)
{
    asg_window_t w, again;

    if (asg_window_parse(name, &w) != ASG_OK) {
        return;
    }
    assert(strlen(w.name) > 0 && strlen(w.name) < ASG_WINDOW_NAME_MAX);
    assert(asg_window_parse(asg_str_z(w.name), &again) == ASG_OK);
    assert(strcmp(again.name, w.name) == 0 && again.kind == w.kind
           && again.length_s == w.length_s && again.offset_s == w.offset_s);
    check_period(&w, now);
}

static void check_time(int64_t now)
{
    char text[28];
    int64_t again;

    asg_time_rfc3339(now, text);
    assert(strlen(text) == 20);
    assert(asg_time_parse(asg_str_z(text), &again) == ASG_OK && again == now);
    asg_time_rfc3339_ms(now * 1000 + 999, text);
    assert(strlen(text) == 24);
    assert(asg_time_parse(asg_str_z(text), &again) == ASG_OK && again == now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is a moment of eight bytes and a name, a time, or a zone and its
 * list. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text;
    char out[28];
    int64_t now, parsed;

    if (size < sizeof(now)) {
        return 0;
    }
    memcpy(&now, data, sizeof(now));
    asg_time_rfc3339(now, out);
    asg_time_rfc3339_ms(now, out);
    now = now % MOMENT_MAX;
    now = now < 0 ? -now : now;
    check_time(now);
    text = (asg_str_t) {(const char *) data + sizeof(now), size - sizeof(now)};
    check_name(text, now);
    check_zone(text, now);
    if (asg_time_parse(text, &parsed) == ASG_OK && parsed >= 0
        && parsed <= MOMENT_MAX)
    {
        check_time(parsed);
    }
    return 0;
}
