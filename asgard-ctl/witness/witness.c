/*
 * Reading witness files.
 */
#include "witness/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/rkey.h"

#define PIECE_BYTES  65536
#define TAIL_LOOKS   20                 /* at a line that is being written */
#define TAIL_MS      5

struct reading {
    struct ctl_witness *w;
    ctl_witness_line_pt line;
    ctl_witness_bad_pt bad;
    void *data;
};


static const char *
why_text(asg_spool_state_t state, asg_err_t why)
{
    if (state != ASG_SPOOL_DAMAGED) {
        return "a line was cut off here, by a loss of power or a full disk";
    }
    switch (why) {
    case ASG_ERR_MISSING:
        return "the line lacks something";
    case ASG_ERR_RANGE:
        return "the line has an id, a verb or a number that cannot be";
    case ASG_ERR_VERSION:
        return "the line is not of format 1";
    case ASG_ERR_LIMIT:
        return "the line is too long";
    default:
        return "the line is no line of a witness";
    }
}


static void
period_take(struct ctl_witness *w, int64_t at_ms)
{
    if (w->lines == 1 || at_ms < w->first_ms) {
        w->first_ms = at_ms;
    }
    if (w->lines == 1 || at_ms > w->last_ms) {
        w->last_ms = at_ms;
    }
}


/* Ids and amounts that the ledger can have; sets the evidence. */
static bool
is_usable(struct ctl_witness *w, const asg_spool_line_t *line)
{
    return line->verb.len == 1 && asg_id_is_valid(line->hold)
           && line->amount_nusd <= ASG_NUSD_MAX
           && line->held_nusd <= ASG_NUSD_MAX
           && ctl_evidence_of_verb(line->verb.data[0], line->amount_nusd,
                                   &w->evidence)
           && w->evidence.rank != CTL_EVIDENCE_PROVIDER;
}


static bool
line_take(struct reading *r, asg_str_t text, bool rest, struct ctl_error *e)
{
    struct ctl_witness *w = r->w;
    asg_spool_line_t line;
    asg_spool_state_t state;
    asg_buf_t scratch;
    asg_err_t why;
    bool readable;

    asg_buf_init(&scratch, w->scratch, sizeof(w->scratch));
    state = asg_spool_judge(&w->json, text, rest, &scratch, &line, &why);
    readable = state == ASG_SPOOL_WHOLE || state == ASG_SPOOL_BEHIND_TORN;
    if (readable && !is_usable(w, &line)) {
        readable = false;
        state = ASG_SPOOL_DAMAGED;
        why = ASG_ERR_RANGE;
    }
    w->torn += state == ASG_SPOOL_TORN || state == ASG_SPOOL_BEHIND_TORN;
    w->damaged += state == ASG_SPOOL_DAMAGED;
    if (state != ASG_SPOOL_WHOLE) {
        r->bad(r->data, state, why_text(state, why));
    }
    if (!readable) {
        return true;
    }
    w->lines++;
    period_take(w, line.at_ms);

    return r->line(r->data, &line, e);
}


static bool
piece_take(struct reading *r, asg_str_t piece, struct ctl_error *e)
{
    asg_str_t text;

    while (asg_spool_lines_next(&r->w->cut, &piece, &text)) {
        r->w->number = r->w->cut.number;
        if (!line_take(r, text, false, e)) {
            return false;
        }
    }

    return true;
}


/* How much of a file is read: what it has now, of a stream all. */
static int64_t
size_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_size
                                                      : INT64_MAX;
}


/* A last line without its end may be one that a gateway is writing now. */
static bool
file_read(struct reading *r, int fd, struct ctl_error *e)
{
    const struct timespec pause = {0, TAIL_MS * 1000000L};
    char piece[PIECE_BYTES];
    int64_t left = size_of(fd);
    unsigned looks = 0;
    asg_str_t text;
    ssize_t n;

    while (left > 0 || asg_spool_lines_rest(&r->w->cut, &text)) {
        n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ctl_error_set(e, 404, "missing_file", "%.200s cannot be "
                                 "read: %s", r->w->file, strerror(errno));
        }
        if (n > 0) {
            looks = 0;
            left -= n;
            if (!piece_take(r, (asg_str_t) {piece, (size_t) n}, e)) {
                return false;
            }
        } else if (!asg_spool_lines_rest(&r->w->cut, &text)) {
            return true;
        } else if (looks++ == TAIL_LOOKS) {
            r->w->number = r->w->cut.number + 1;
            return line_take(r, text, true, e);
        } else {
            nanosleep(&pause, NULL);
        }
    }

    return true;
}


bool
ctl_witness_read(struct ctl_witness *w, const char *file,
    ctl_witness_line_pt line, ctl_witness_bad_pt bad, void *data,
    struct ctl_error *e)
{
    struct reading r = {w, line, bad, data};
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    bool ok;

    if (fd < 0) {
        return ctl_error_set(e, 404, "missing_file", "%.200s cannot be "
                             "read: %s", file, strerror(errno));
    }
    w->file = file;
    asg_spool_lines_begin(&w->cut);
    ok = file_read(&r, fd, e);
    close(fd);

    return ok;
}
