/*
 * An answer that is one JSON object, whole in memory.
 */
#include <string.h>

#include "core/answer_parts.h"

static void scan_all(asg_answer_scan_t *scan, asg_str_t body,
    asg_words_t words)
{
    asg_answer_scan_begin(scan, words);
    asg_answer_scan_feed(scan, body.data, body.len, 0);
}

static void add_piece(asg_answer_splice_t *out, const char *data, size_t len)
{
    if (len > 0) {
        out->piece[out->npieces++] = (asg_str_t) {data, len};
        out->length += len;
    }
}

static void splice(const asg_answer_t *a, asg_str_t body,
    asg_answer_splice_t *out)
{
    asg_answer_edit_t edits[ASG_ANSWER_EDITS];
    unsigned n = asg_answer_edits(a, body.data, edits);
    size_t at = 0;

    out->npieces = 0;
    out->length = 0;
    for (unsigned i = 0; i < n; i++) {
        add_piece(out, body.data + at, edits[i].from - at);
        add_piece(out, edits[i].text.data, edits[i].text.len);
        at = edits[i].to;
    }
    add_piece(out, body.data + at, body.len - at);
}

asg_err_t asg_answer_json(asg_answer_t *a, asg_str_t body,
    asg_answer_splice_t *out)
{
    asg_answer_scan_t *scan = &a->scan;

    scan_all(scan, body, a->words);
    a->usage.content_bytes += scan->content_bytes;
    a->text_bytes += scan->text_bytes;
    if (!asg_answer_scan_is_whole(scan) || scan->done_mark) {
        a->usage.malformed = true;
        asg_answer_judge(a);
        return ASG_ERR_SYNTAX;
    }
    a->usage.done = true;
    a->usage.error_event = scan->is_error;
    a->usage.tier = scan->tier;
    memcpy(a->usage.id, scan->id, sizeof(scan->id));
    asg_answer_take_usage(a);
    asg_answer_judge(a);
    a->usage.leaked = a->leak != NULL && asg_leak_finds(a->leak, body);
    splice(a, body, out);
    return ASG_OK;
}

asg_str_t asg_answer_content(asg_str_t body)
{
    asg_answer_scan_t scan;

    scan_all(&scan, body, ASG_WORDS_OPENAI);
    if (!asg_answer_scan_is_whole(&scan) || scan.content.to == 0) {
        return ASG_STR_NULL;
    }
    return (asg_str_t) {body.data + scan.content.from,
                        scan.content.to - scan.content.from};
}
