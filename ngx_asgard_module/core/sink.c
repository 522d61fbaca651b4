/* Writing text whose length nobody knows before. */
#include "core/sink.h"

#include <string.h>

#include "core/escape.h"
#include "core/scan.h"

#define NUMBER_MAX 24

void asg_sink_init(asg_sink_t *s, asg_emit_pt emit, void *data)
{
    *s = (asg_sink_t) {.emit = emit, .data = data};
}

void asg_sink_str(asg_sink_t *s, asg_str_t text)
{
    if (s->status != 0 || text.len == 0) {
        return;
    }
    s->length += text.len;
    if (s->emit != NULL) {
        s->status = s->emit(s->data, text.data, text.len);
    }
}

void asg_sink_z(asg_sink_t *s, const char *z)
{
    asg_sink_str(s, asg_str_z(z));
}

void asg_sink_i64(asg_sink_t *s, int64_t n)
{
    char storage[NUMBER_MAX];
    asg_buf_t text;

    asg_buf_init(&text, storage, sizeof(storage));
    asg_buf_i64(&text, n);
    asg_sink_str(s, asg_buf_view(&text));
}

void asg_sink_name(asg_sink_t *s, asg_str_t name)
{
    char storage[6 * ASG_SINK_NAME + 2];
    asg_buf_t text;

    asg_buf_init(&text, storage, sizeof(storage));
    asg_buf_json(&text, name);
    if (name.len > ASG_SINK_NAME || !asg_buf_ok(&text)) {
        s->status = 1;
    }
    asg_sink_str(s, asg_buf_view(&text));
}

static void put_escaped(asg_sink_t *s, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    const char *brief = c == '"' ? "\\\"" : c == '\\' ? "\\\\"
        : c == '\n' ? "\\n" : c == '\r' ? "\\r" : c == '\t' ? "\\t" : NULL;

    if (brief != NULL) {
        asg_sink_z(s, brief);
    } else {
        asg_sink_str(s, (asg_str_t) {escape, sizeof(escape)});
    }
}

void asg_sink_quoted(asg_sink_t *s, asg_str_t json)
{
    const uint8_t *p = (const uint8_t *) json.data;
    const uint8_t *end = json.len > 0 ? p + json.len : p;

    while (p < end) {
        const uint8_t *stop = asg_scan_raw(p, end);

        asg_sink_str(s, (asg_str_t) {(const char *) p, (size_t) (stop - p)});
        p = stop;
        if (p < end) {
            put_escaped(s, *p++);
        }
    }
}

void asg_sink_plain(asg_sink_t *s, asg_str_t raw)
{
    const uint8_t *p = (const uint8_t *) raw.data;
    const uint8_t *end = raw.len > 0 ? p + raw.len : p;

    while (p < end) {
        const uint8_t *slash = memchr(p, '\\', (size_t) (end - p));
        const uint8_t *stop = slash != NULL ? slash : end;
        uint8_t utf8[4];
        uint32_t point;
        size_t n;

        asg_sink_str(s, (asg_str_t) {(const char *) p, (size_t) (stop - p)});
        p = stop;
        n = p < end ? asg_escape_read(p, end, &point) : 0;
        if (n == 0) {
            return;
        }
        asg_sink_str(s, (asg_str_t) {(const char *) utf8,
                                     asg_escape_utf8(point, utf8)});
        p += n;
    }
}
