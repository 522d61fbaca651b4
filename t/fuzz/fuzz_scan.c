/*
 * The scans against the scalar one, and that against what it promises.
 *
 * Input: one byte that says where the text begins in its memory, the text.  It
 * is scanned from each of its bytes, in memory of just its size.
 */
#include <stdlib.h>
#include <string.h>

#include "core/scan.h"

#define TEXT_MAX  2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

/* Whole characters up to `stop`, and at `stop` none that may be passed. */
static void check_reference(const uint8_t *p, const uint8_t *end)
{
    const uint8_t *stop = asg_scan_at(0)->text(p, end);
    const uint8_t *raw = asg_scan_at(0)->raw(p, end);

    must(p <= stop && stop <= raw && raw <= end);
    while (p < stop) {
        size_t n = *p < 0x80 ? 1 : asg_scan_utf8(p, end);

        must(n > 0 && !(n == 1 && asg_scan_is_stop(*p)));
        p += n;
    }
    must(p == stop);
    must(p == end || asg_scan_is_stop(*p)
         || (*p >= 0x80 && asg_scan_utf8(p, end) == 0));
    while (p < raw) {
        must(!asg_scan_is_stop(*p++));
    }
    must(p == end || asg_scan_is_stop(*p));
}

static void check_from(const uint8_t *p, const uint8_t *end)
{
    const asg_scan_t *reference = asg_scan_at(0), *scan;

    for (unsigned i = 1; (scan = asg_scan_at(i)) != NULL; i++) {
        must(scan->text(p, end) == reference->text(p, end));
        must(scan->raw(p, end) == reference->raw(p, end));
        must(scan->line(p, end) == reference->line(p, end));
    }
    must(asg_scan_text(p, end) == reference->text(p, end));
    must(asg_scan_raw(p, end) == reference->raw(p, end));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t offset = size > 0 ? data[0] % 64 : 0;
    uint8_t *memory, *text, *end;

    if (size < 2 || size > TEXT_MAX) {
        return 0;
    }
    memory = malloc(offset + size - 1);
    must(memory != NULL);
    text = memory + offset;
    end = text + size - 1;
    memset(memory, '"', offset);
    memcpy(text, data + 1, size - 1);
    check_reference(text, end);
    for (const uint8_t *p = text; p <= end && p <= text + 32; p++) {
        check_from(p, end);
    }
    free(memory);
    return 0;
}
