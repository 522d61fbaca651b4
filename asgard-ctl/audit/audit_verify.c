/*
 * Walking along the lines of an exported audit log.
 */
#include "audit/audit_verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "audit/export_sum.h"

#define SHOWN 100

/* Where we are.  The hash that the next entry builds on is the one that stands
 * in the line before, or the one that this line gives: when one of them was
 * changed, only that line is told. */
struct walk {
    FILE *out;
    EVP_PKEY *key;
    struct ctl_audit_verified *found;
    struct ctl_export_sum sum;
    uint64_t line;                      /* number in the file */
    uint64_t seq;                       /* of the entry before */
    uint8_t told[CTL_EXPORT_HASH], made[CTL_EXPORT_HASH];
    uint64_t unread;                    /* lines since then that are none */
    uint64_t checkpoint;                /* the last one's number */
    uint64_t from;                      /* its line, or the first */
    unsigned broken_before;             /* when it was passed */
    bool placed, last;                  /* `seq` is known; the end was seen */
};


__attribute__((format(printf, 2, 3)))
static void
tell(struct walk *w, const char *fmt, ...)
{
    va_list args;

    if (++w->found->broken > SHOWN) {
        return;
    }
    fprintf(w->out, "line %" PRIu64 ": ", w->line);
    va_start(args, fmt);
    vfprintf(w->out, fmt, args);
    va_end(args);
    fputc('\n', w->out);
}


static void
head_look(struct walk *w, const struct ctl_export_line *line)
{
    if (w->line != 1) {
        tell(w, "a head of an export stands here");
        return;
    }
    w->placed = true;
    w->seq = w->found->after = w->found->last = line->seq;
    memcpy(w->told, line->hash, CTL_EXPORT_HASH);
    memcpy(w->made, line->hash, CTL_EXPORT_HASH);
}


/* Does the entry's hash rest on the one before? */
static bool
entry_fits(struct walk *w, const struct ctl_export_line *line,
    uint8_t made[CTL_EXPORT_HASH])
{
    uint8_t other[CTL_EXPORT_HASH];

    if (!ctl_export_sum_chain(ctl_export_hash(w->seq, w->told), line->event,
                              made)
        || !ctl_export_sum_chain(ctl_export_hash(w->seq, w->made),
                                 line->event, other))
    {
        return false;
    }
    if (memcmp(other, line->hash, CTL_EXPORT_HASH) == 0) {
        memcpy(made, other, CTL_EXPORT_HASH);
    }

    return memcmp(made, line->hash, CTL_EXPORT_HASH) == 0;
}


/* Entries that stand neither here nor, perhaps, in lines that are none. */
static void
gap_tell(struct walk *w, uint64_t next)
{
    if (next <= w->seq + 1 + w->unread) {
        return;
    }
    if (next == w->seq + 2) {
        tell(w, "entry %" PRIu64 " is gone before it", w->seq + 1);
    } else {
        tell(w, "of the entries %" PRIu64 " to %" PRIu64 " some or all are "
             "gone before it", w->seq + 1, next - 1);
    }
}


static void
entry_look(struct walk *w, const struct ctl_export_line *line)
{
    uint8_t made[CTL_EXPORT_HASH];

    w->found->entries++;
    if (w->placed && line->seq <= w->seq) {
        tell(w, "entry %" PRIu64 " stands behind entry %" PRIu64, line->seq,
             w->seq);
        return;
    }
    memcpy(made, line->hash, CTL_EXPORT_HASH);
    if (w->placed && line->seq != w->seq + 1) {
        gap_tell(w, line->seq);
    } else if (w->placed && !entry_fits(w, line, made)) {
        tell(w, "entry %" PRIu64 " was changed", line->seq);
    }
    w->placed = true;
    w->unread = 0;
    w->seq = w->found->last = line->seq;
    memcpy(w->told, line->hash, CTL_EXPORT_HASH);
    memcpy(w->made, made, CTL_EXPORT_HASH);
}


/* What a checkpoint says of the lines since the one before is told when none
 * of them was told already. */
static void
lines_look(struct walk *w, const struct ctl_export_line *line,
    const uint8_t lines[CTL_EXPORT_HASH])
{
    if (line->number != w->checkpoint + 1) {
        tell(w, "checkpoint %" PRIu64 " follows checkpoint %" PRIu64,
             line->number, w->checkpoint);
    }
    gap_tell(w, line->seq + 1);
    if (w->found->broken > w->broken_before) {
        return;
    }
    if (memcmp(lines, line->lines, CTL_EXPORT_HASH) != 0
        || line->seq != w->seq
        || memcmp(line->hash, w->told, CTL_EXPORT_HASH) != 0)
    {
        tell(w, "checkpoint %" PRIu64 " was signed for other lines than %"
             PRIu64 " to %" PRIu64, line->number, w->from, w->line - 1);
    }
}


static void
checkpoint_look(struct walk *w, const struct ctl_export_line *line,
    const uint8_t lines[CTL_EXPORT_HASH])
{
    w->found->checkpoints++;
    if (ctl_export_key_fits(w->key, line->said, line->signature)) {
        lines_look(w, line, lines);
        w->last = line->last;
        snprintf(w->found->at, sizeof(w->found->at), "%.*s",
                 (int) line->at.len, line->at.data);
    } else {
        tell(w, "the signature of checkpoint %" PRIu64 " is not of this key, "
             "or the checkpoint was changed", line->number);
    }
    w->checkpoint = line->number;
    w->from = w->line;
    w->broken_before = w->found->broken;
}


/* `text` has its newline, unless the file ends without one. */
static bool
line_look(struct walk *w, asg_str_t text, struct ctl_error *e)
{
    uint8_t lines[CTL_EXPORT_HASH];
    struct ctl_export_line line;
    asg_str_t bare = {text.data, text.len - 1};
    bool whole = text.data[text.len - 1] == '\n';
    bool read = whole && ctl_export_line_read(bare, &line);

    w->line++;
    if (w->last) {
        tell(w, "stands behind the last checkpoint");
    }
    if (read && w->line == 1 && line.kind != CTL_EXPORT_HEAD) {
        tell(w, "the head of the export should stand here");
    }
    if (read && line.kind == CTL_EXPORT_CHECKPOINT
        && !ctl_export_sum_take(&w->sum, lines))
    {
        return ctl_error_internal(e, "SHA-256 failed");
    }
    ctl_export_sum_add(&w->sum, text);
    if (!read) {
        tell(w, whole ? "is no line of an export" : "is cut off");
        w->unread++;
    } else if (line.kind == CTL_EXPORT_CHECKPOINT) {
        checkpoint_look(w, &line, lines);
    } else if (line.kind == CTL_EXPORT_ENTRY) {
        entry_look(w, &line);
    } else {
        head_look(w, &line);
    }

    return true;
}


/* One line with its newline; what is longer than any comes in pieces.  0: the
 * end, or a failure. */
static size_t
line_get(FILE *in, char *to)
{
    size_t n = 0;
    int c;

    while (n <= CTL_EXPORT_LINE_MAX && (c = getc_unlocked(in)) != EOF) {
        to[n++] = (char) c;
        if (c == '\n') {
            break;
        }
    }

    return n;
}


static bool
lines_look_all(struct walk *w, FILE *in, const char *file,
    struct ctl_error *e)
{
    char *text = malloc(CTL_EXPORT_LINE_MAX + 1);
    bool ok = text != NULL || ctl_error_internal(e, "out of memory");
    size_t n;

    while (ok && (n = line_get(in, text)) > 0) {
        ok = line_look(w, (asg_str_t) {text, n}, e);
    }
    free(text);
    if (ok && ferror(in)) {
        return ctl_error_set(e, 404, "missing_file", "%.200s: %s.", file,
                             strerror(errno));
    }
    if (ok && !w->last) {
        w->line++;
        tell(w, "the last checkpoint should stand here: the end of the file is"
             " gone");
    }

    return ok;
}


bool
ctl_audit_verify(const char *file, EVP_PKEY *key, FILE *out,
    struct ctl_audit_verified *found, struct ctl_error *e)
{
    struct walk w = {.out = out, .key = key, .found = found, .from = 1};
    FILE *in = fopen(file, "re");
    bool ok;

    memset(found, 0, sizeof(*found));
    if (in == NULL) {
        return ctl_error_set(e, 404, "missing_file", "%.200s: %s.", file,
                             strerror(errno));
    }
    ok = (ctl_export_sum_init(&w.sum)
          || ctl_error_internal(e, "SHA-256 failed"))
         && lines_look_all(&w, in, file, e);
    ctl_export_sum_finish(&w.sum);
    fclose(in);

    return ok;
}
