/*
 * Reading the chain in pages, checking and writing it.
 */
#include "audit/audit_export.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "audit/export_sum.h"
#include "base/new_file.h"
#include "ledger/time_text.h"
#include "store/audit.h"

#define PAGE       "100"                /* entries of one question */
#define PAGE_BYTES (256u * 1024 * 1024)
#define SEGMENT    1000                 /* entries between two checkpoints */

/* The times of a chain are almost in order: an event is chained when it is
 * committed, and has the time at which its change began. */
#define SQL_RANGE \
    "SELECT r.first - 1, r.last, encode(p.hash, 'hex')," \
    " encode(l.hash, 'hex'), " CTL_TIME_ISO("now()") "," \
    " (SELECT count(*) FROM audit_events a WHERE NOT EXISTS (SELECT FROM" \
    " audit_seals s WHERE s.event_id = a.id)) FROM (SELECT first," \
    " greatest(last, first - 1) AS last, head FROM (SELECT h.hash AS head," \
    " CASE WHEN $1::timestamptz IS NULL THEN 1 ELSE coalesce((SELECT" \
    " min(s.seq) FROM audit_seals s JOIN audit_events a ON a.id = s.event_id" \
    " WHERE a.ts >= $1::timestamptz), h.seq + 1) END AS first," \
    " CASE WHEN $2::timestamptz IS NULL THEN h.seq ELSE coalesce((SELECT" \
    " max(s.seq) FROM audit_seals s JOIN audit_events a ON a.id = s.event_id" \
    " WHERE a.ts < $2::timestamptz), 0) END AS last FROM audit_head h) q) r" \
    " LEFT JOIN audit_seals p ON p.seq = r.first - 1" \
    " LEFT JOIN LATERAL (SELECT CASE WHEN $2::timestamptz IS NULL" \
    " THEN r.head ELSE (SELECT hash FROM audit_seals WHERE seq = r.last) END" \
    " AS hash) l ON true"

#define SQL_PAGE \
    "SELECT s.seq, encode(s.hash, 'hex')," \
    " CASE WHEN a.id IS NOT NULL THEN audit_text(a) END FROM audit_seals s" \
    " LEFT JOIN audit_events a ON a.id = s.event_id" \
    " WHERE s.seq > $1::bigint AND s.seq <= $2::bigint" \
    " ORDER BY s.seq LIMIT " PAGE

struct writing {
    FILE *out;
    EVP_PKEY *key;
    struct ctl_export_sum sum;
    struct ctl_export_line at;          /* the entry written last */
    uint64_t upto;
    const char *end, *now;              /* the hash of `upto`; the time */
    uint64_t checkpoints;
};


static bool
bytes_put(struct writing *w, asg_str_t bytes, struct ctl_error *e)
{
    ctl_export_sum_add(&w->sum, bytes);

    return fwrite(bytes.data, 1, bytes.len, w->out) == bytes.len
           || ctl_error_internal(e, "write: %s", strerror(errno));
}


static bool
head_put(struct writing *w, const struct ctl_audit_export *x,
    struct ctl_error *e)
{
    struct ctl_export_line head = w->at;
    char text[CTL_EXPORT_SHORT_MAX];
    asg_buf_t b;

    head.kind = CTL_EXPORT_HEAD;
    head.since = asg_str_z(x->since);
    head.until = asg_str_z(x->until);
    asg_buf_init(&b, text, sizeof(text));
    ctl_export_line_put(&b, &head);
    ctl_export_end_put(&b, &head);
    if (!asg_buf_ok(&b)) {
        return ctl_error_internal(e, "a head of an export is too long");
    }

    return bytes_put(w, asg_buf_view(&b), e);
}


static bool
checkpoint_put(struct writing *w, bool last, struct ctl_error *e)
{
    struct ctl_export_line line = w->at;
    char text[CTL_EXPORT_SHORT_MAX];
    asg_buf_t b;

    line.kind = CTL_EXPORT_CHECKPOINT;
    line.number = ++w->checkpoints;
    line.last = last;
    line.at = asg_str_z(w->now);
    if (!ctl_export_sum_take(&w->sum, line.lines)) {
        return ctl_error_internal(e, "SHA-256 failed");
    }
    asg_buf_init(&b, text, sizeof(text));
    ctl_export_line_put(&b, &line);
    if (!ctl_export_key_sign(w->key, asg_buf_view(&b), line.signature, e)) {
        return false;
    }
    ctl_export_end_put(&b, &line);
    if (!asg_buf_ok(&b)) {
        return ctl_error_internal(e, "a checkpoint of an export is too long");
    }

    return bytes_put(w, asg_buf_view(&b), e);
}


static bool
broken(uint64_t seq, struct ctl_error *e)
{
    return ctl_error_set(e, 409, "audit_broken", "The chain of the audit log "
                         "does not hold at seal %" PRIu64 ": see asgard-ctl "
                         "audit chain.", seq);
}


/* One that the database says was sealed, when its hash says so too. */
static bool
entry_put(struct writing *w, const struct ctl_rows *rows, unsigned i,
    struct ctl_error *e)
{
    struct ctl_export_line line = {.kind = CTL_EXPORT_ENTRY};
    asg_str_t event = asg_str_z(ctl_rows_at(rows, i, 2));
    uint8_t hash[CTL_EXPORT_HASH];
    char text[CTL_EXPORT_SHORT_MAX];
    asg_buf_t b;

    line.seq = (uint64_t) ctl_rows_i64(rows, i, 0);
    if (line.seq != w->at.seq + 1 || event.data == NULL
        || !asg_hex_decode(asg_str_z(ctl_rows_at(rows, i, 1)), line.hash,
                           CTL_EXPORT_HASH)
        || !ctl_export_sum_chain(ctl_export_hash(w->at.seq, w->at.hash),
                                 event, hash)
        || memcmp(hash, line.hash, CTL_EXPORT_HASH) != 0)
    {
        return broken(w->at.seq + 1, e);
    }
    if (event.len > CTL_EXPORT_LINE_MAX - CTL_EXPORT_SHORT_MAX) {
        return ctl_error_internal(e, "audit seal %" PRIu64 " is too long for "
                                  "a line", line.seq);
    }
    w->at = line;
    asg_buf_init(&b, text, sizeof(text));
    ctl_export_line_put(&b, &line);

    return bytes_put(w, asg_buf_view(&b), e) && bytes_put(w, event, e)
           && bytes_put(w, ASG_STR("}\n"), e)
           && (line.seq % SEGMENT != 0 || line.seq == w->upto
               || checkpoint_put(w, false, e));
}


static bool
page_put(struct ctl_pg *pg, struct ctl_arena *page, struct writing *w,
    struct ctl_error *e)
{
    struct ctl_rows rows;
    char after[24], upto[24];
    unsigned i;

    ctl_arena_reset(page);
    snprintf(after, sizeof(after), "%" PRIu64, w->at.seq);
    snprintf(upto, sizeof(upto), "%" PRIu64, w->upto);
    if (!CTL_PG(pg, page, &rows, e, SQL_PAGE, after, upto)) {
        return false;
    }
    for (i = 0; i < rows.nrows; i++) {
        if (!entry_put(w, &rows, i, e)) {
            return false;
        }
    }

    return rows.nrows > 0 || broken(w->at.seq + 1, e);
}


/* The sealer wrote down where the chain ends. */
static bool
end_check(const struct writing *w, struct ctl_error *e)
{
    uint8_t hash[CTL_EXPORT_HASH];

    return w->at.seq == 0
           || (w->end != NULL
               && asg_hex_decode(asg_str_z(w->end), hash, CTL_EXPORT_HASH)
               && memcmp(hash, w->at.hash, CTL_EXPORT_HASH) == 0)
           || broken(w->at.seq, e);
}


static bool
lines_put(struct ctl_pg *pg, const struct ctl_audit_export *x,
    struct writing *w, struct ctl_error *e)
{
    struct ctl_arena page;
    bool ok = head_put(w, x, e);

    ctl_arena_init(&page, PAGE_BYTES);
    while (ok && w->at.seq < w->upto) {
        ok = page_put(pg, &page, w, e);
    }
    ctl_arena_reset(&page);

    return ok && end_check(w, e) && checkpoint_put(w, true, e);
}


static bool
range_read(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_audit_export *x, struct writing *w, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e, SQL_RANGE, x->since, x->until)) {
        return false;
    }
    if (rows.nrows != 1) {
        return broken(0, e);
    }
    x->after = w->at.seq = (uint64_t) ctl_rows_i64(&rows, 0, 0);
    x->last = w->upto = (uint64_t) ctl_rows_i64(&rows, 0, 1);
    x->entries = (int64_t) (x->last - x->after);
    x->unsealed = ctl_rows_i64(&rows, 0, 5);
    w->end = ctl_rows_at(&rows, 0, 3);
    w->now = ctl_rows_at(&rows, 0, 4);

    return x->after == 0
           || (ctl_rows_at(&rows, 0, 2) != NULL
               && asg_hex_decode(asg_str_z(ctl_rows_at(&rows, 0, 2)),
                                 w->at.hash, CTL_EXPORT_HASH))
           || broken(x->after, e);
}


/* All pages are of one snapshot. */
static bool
snapshot_put(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_audit_export *x, FILE *out, struct ctl_error *e)
{
    struct writing w = {.out = out, .key = x->key};
    bool ok = ctl_export_sum_init(&w.sum)
              || ctl_error_internal(e, "SHA-256 failed");

    ok = ok && ctl_pg_begin(pg, e)
         && ctl_pg_exec(pg, e, "SET TRANSACTION ISOLATION LEVEL"
                        " REPEATABLE READ READ ONLY;"
                        " SET LOCAL statement_timeout = 0")
         && range_read(pg, arena, x, &w, e) && lines_put(pg, x, &w, e);
    ctl_pg_rollback(pg);
    ctl_export_sum_finish(&w.sum);

    return ok;
}


static bool
export_note(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct ctl_audit_export *x, struct ctl_error *e)
{
    const char *range = ctl_arena_printf(arena, "%" PRIu64 "-%" PRIu64,
                                         x->after + 1, x->last);
    const struct ctl_audit_field fields[] = {{"since", x->since},
                                             {"until", x->until}};
    const struct ctl_audit_event event = {
        .actor = CTL_AUDIT_COMMAND, .action = "audit.exported",
        .entity_kind = "audit", .entity_id = range,
        .data = ctl_audit_data(arena, fields, 2)};

    if (range == NULL || event.data == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return ctl_audit_write(pg, arena, &event, e);
}


/* No file without its entry, which the next export has. */
bool
ctl_audit_export(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_audit_export *x, struct ctl_error *e)
{
    struct ctl_new_file f;
    bool ok;

    if (!ctl_new_file_open(&f, arena, x->file, 0600, e)) {
        return false;
    }
    ok = snapshot_put(pg, arena, x, f.out, e) && ctl_pg_begin(pg, e)
         && export_note(pg, arena, x, e) && ctl_new_file_finish(&f, arena, e)
         && ctl_pg_commit(pg, e);
    if (!ok) {
        ctl_pg_rollback(pg);
        ctl_new_file_drop(&f);
    }

    return ok;
}
