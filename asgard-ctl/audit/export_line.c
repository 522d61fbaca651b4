/*
 * Reading and writing lines of an exported audit log.
 */
#include "audit/export_line.h"

#define TEXT_MAX 64                     /* of a time */

#define HEAD       "{\"audit_export\":1,\"after\":"
#define ENTRY      "{\"seq\":"
#define CHECKPOINT "{\"checkpoint\":"
#define SIGNATURE  ",\"signature\":\""


asg_str_t
ctl_export_hash(uint64_t seq, const uint8_t hash[CTL_EXPORT_HASH])
{
    return (asg_str_t) {(const char *) hash, seq > 0 ? CTL_EXPORT_HASH : 0};
}


static bool
word_take(asg_str_t *rest, const char *word)
{
    size_t n = strlen(word);

    if (rest->len < n || memcmp(rest->data, word, n) != 0) {
        return false;
    }
    rest->data += n;
    rest->len -= n;

    return true;
}


/* What stands before the next `stop`, which is taken too. */
static bool
text_take(asg_str_t *rest, char stop, size_t most, asg_str_t *out)
{
    const char *end = rest->len > 0
                      ? memchr(rest->data, stop, rest->len < most + 1
                                                 ? rest->len : most + 1)
                      : NULL;

    if (end == NULL) {
        return false;
    }
    *out = (asg_str_t) {rest->data, (size_t) (end - rest->data)};
    rest->len -= out->len + 1;
    rest->data = end + 1;

    return true;
}


static bool
number_take(asg_str_t *rest, uint64_t *out)
{
    asg_str_t text;

    return text_take(rest, ',', 20, &text) && asg_str_u64(text, out)
           && *out <= INT64_MAX;
}


static bool
hex_take(asg_str_t *rest, uint8_t *out, size_t n)
{
    asg_str_t text;

    return text_take(rest, '"', 2 * n, &text) && asg_hex_decode(text, out, n);
}


static bool
hash_take(asg_str_t *rest, struct ctl_export_line *out)
{
    return word_take(rest, "\"hash\":\"")
           && (out->seq > 0 ? hex_take(rest, out->hash, CTL_EXPORT_HASH)
                            : word_take(rest, "\""));
}


static bool
time_take(asg_str_t *rest, const char *name, asg_str_t *out)
{
    size_t i;

    if (!word_take(rest, name) || !text_take(rest, '"', TEXT_MAX, out)) {
        return false;
    }
    for (i = 0; i < out->len; i++) {
        if (out->data[i] < ' ' || out->data[i] == '\\'
            || out->data[i] > '~')
        {
            return false;
        }
    }

    return true;
}


static bool
head_read(asg_str_t rest, struct ctl_export_line *out)
{
    out->kind = CTL_EXPORT_HEAD;

    return number_take(&rest, &out->seq) && hash_take(&rest, out)
           && time_take(&rest, ",\"since\":\"", &out->since)
           && time_take(&rest, ",\"until\":\"", &out->until)
           && asg_str_eq_z(rest, "}");
}


static bool
entry_read(asg_str_t rest, struct ctl_export_line *out)
{
    out->kind = CTL_EXPORT_ENTRY;
    if (!number_take(&rest, &out->seq) || out->seq == 0
        || !hash_take(&rest, out) || !word_take(&rest, ",\"event\":")
        || rest.len < 3 || rest.data[0] != '['
        || memcmp(rest.data + rest.len - 2, "]}", 2) != 0)
    {
        return false;
    }
    out->event = (asg_str_t) {rest.data, rest.len - 1};

    return true;
}


static bool
checkpoint_read(asg_str_t line, asg_str_t rest, struct ctl_export_line *out)
{
    out->kind = CTL_EXPORT_CHECKPOINT;
    if (!number_take(&rest, &out->number) || out->number == 0
        || !word_take(&rest, "\"seq\":") || !number_take(&rest, &out->seq)
        || !hash_take(&rest, out) || !word_take(&rest, ",\"lines\":\"")
        || !hex_take(&rest, out->lines, CTL_EXPORT_HASH)
        || !time_take(&rest, ",\"at\":\"", &out->at)
        || !word_take(&rest, ",\"last\":"))
    {
        return false;
    }
    out->last = word_take(&rest, "true");
    if (!out->last && !word_take(&rest, "false")) {
        return false;
    }
    out->said = (asg_str_t) {line.data, (size_t) (rest.data - line.data)};

    return word_take(&rest, SIGNATURE)
           && hex_take(&rest, out->signature, CTL_EXPORT_SIGNATURE)
           && asg_str_eq_z(rest, "}");
}


bool
ctl_export_line_read(asg_str_t line, struct ctl_export_line *out)
{
    asg_str_t rest = line;

    memset(out, 0, sizeof(*out));
    if (line.len > CTL_EXPORT_LINE_MAX) {
        return false;
    }
    if (word_take(&rest, ENTRY)) {
        return entry_read(rest, out);
    }
    if (line.len > CTL_EXPORT_SHORT_MAX) {
        return false;
    }
    if (word_take(&rest, CHECKPOINT)) {
        return checkpoint_read(line, rest, out);
    }

    return word_take(&rest, HEAD) && head_read(rest, out);
}


static void
chain_put(asg_buf_t *b, const struct ctl_export_line *line)
{
    asg_buf_u64(b, line->seq);
    asg_buf_z(b, ",\"hash\":\"");
    asg_buf_hex(b, line->hash, line->seq > 0 ? CTL_EXPORT_HASH : 0);
    asg_buf_z(b, "\"");
}


static void
member_put(asg_buf_t *b, const char *before, asg_str_t text)
{
    asg_buf_z(b, before);
    asg_buf_str(b, text);
    asg_buf_z(b, "\"");
}


static void
checkpoint_put(asg_buf_t *b, const struct ctl_export_line *line)
{
    asg_buf_z(b, CHECKPOINT);
    asg_buf_u64(b, line->number);
    asg_buf_z(b, ",\"seq\":");
    chain_put(b, line);
    asg_buf_z(b, ",\"lines\":\"");
    asg_buf_hex(b, line->lines, CTL_EXPORT_HASH);
    asg_buf_z(b, "\"");
    member_put(b, ",\"at\":\"", line->at);
    asg_buf_z(b, line->last ? ",\"last\":true" : ",\"last\":false");
}


void
ctl_export_line_put(asg_buf_t *b, const struct ctl_export_line *line)
{
    switch (line->kind) {
    case CTL_EXPORT_HEAD:
        asg_buf_z(b, HEAD);
        chain_put(b, line);
        member_put(b, ",\"since\":\"", line->since);
        member_put(b, ",\"until\":\"", line->until);
        asg_buf_z(b, "}");
        break;
    case CTL_EXPORT_ENTRY:
        asg_buf_z(b, ENTRY);
        chain_put(b, line);
        asg_buf_z(b, ",\"event\":");
        break;
    case CTL_EXPORT_CHECKPOINT:
        checkpoint_put(b, line);
        break;
    }
}


void
ctl_export_end_put(asg_buf_t *b, const struct ctl_export_line *line)
{
    if (line->kind == CTL_EXPORT_CHECKPOINT) {
        asg_buf_z(b, SIGNATURE);
        asg_buf_hex(b, line->signature, CTL_EXPORT_SIGNATURE);
        asg_buf_z(b, "\"");
    }
    asg_buf_z(b, line->kind == CTL_EXPORT_HEAD ? "\n" : "}\n");
}
