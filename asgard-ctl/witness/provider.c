/*
 * Reading files of providers' records, a batch of lines at a time.
 */
#include "witness/provider.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/spool.h"
#include "store/audit.h"
#include "witness/awaited.h"
#include "witness/provider_judge.h"
#include "witness/replay_judge.h"

#define PIECE_BYTES  65536
#define BATCH_LINES  500
#define SHOWN        1000               /* refusals that are printed */

#define SQL_RECORDS \
    "INSERT INTO provider_records (hold_id, amount_nano, import, source," \
    " tokens) SELECT DISTINCT ON (i, a) i, a, $2::uuid, d->>'source'," \
    " (SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(d)" \
    " WHERE key IN ('pt', 'ct', 'cat', 'cwt', 'rt', 'cwh', 'ait', 'aot'))" \
    " FROM jsonb_to_recordset($1::jsonb) AS t(n int, i text, a bigint," \
    " d jsonb) ORDER BY i, a, n ON CONFLICT DO NOTHING"

struct importing {
    struct ctl_leader leader;
    struct ctl_provider_counts *counts;
    const char *actor;
    FILE *out;
    asg_json_t json;
    asg_spool_lines_t cut;
    struct ctl_provider_line lines[BATCH_LINES];
    struct ctl_replay_line to[BATCH_LINES];
    unsigned n;
};


static void
refuse(struct importing *im, const char *file, uint64_t number,
    const char *why)
{
    if (++im->counts->refused <= SHOWN) {
        fprintf(im->out, "%s:%llu: refused: %s\n", file,
                (unsigned long long) number, why);
    } else if (im->counts->refused == SHOWN + 1) {
        fprintf(im->out, "more lines are refused than are shown\n");
    }
}


/* The digest of what was written down; no audit, no change. */
static bool
import_seal(struct importing *im, const char *id, int64_t n,
    struct ctl_error *e)
{
    struct ctl_arena *arena = im->leader.arena;
    struct ctl_audit_field fields[] = {
        {"file", im->to[0].file},
        {"records", ctl_arena_printf(arena, "%lld", (long long) n)},
        {"sha256", NULL}
    };
    struct ctl_audit_event event = {
        .actor = im->actor, .action = "ledger.evidence",
        .entity_kind = "evidence", .entity_id = id
    };
    struct ctl_rows rows;

    if (!CTL_PG(im->leader.pg, arena, &rows, e, "SELECT encode(sha256("
                "convert_to(provider_records_text($1::uuid), 'UTF8')), 'hex')",
                id))
    {
        return false;
    }
    fields[2].value = ctl_rows_at(&rows, 0, 0);
    event.data = ctl_audit_data(arena, fields, 3);

    return (event.data != NULL || ctl_error_internal(e, "out of memory"))
           && ctl_audit_write(im->leader.pg, arena, &event, e);
}


/* Written down before Redis is told: once, of lines that say the same. */
static bool
records_write(struct importing *im, const char *text, struct ctl_error *e)
{
    struct ctl_pg *pg = im->leader.pg;
    struct ctl_rows id, rows;
    bool ok;

    if (!ctl_pg_begin(pg, e)) {
        return false;
    }
    ok = ctl_pg_query(pg, im->leader.arena, &id, e,
                      "SELECT gen_random_uuid()", 0, NULL)
         && CTL_PG(pg, im->leader.arena, &rows, e, SQL_RECORDS, text,
                   ctl_rows_at(&id, 0, 0))
         && (rows.affected == 0
             || import_seal(im, ctl_rows_at(&id, 0, 0), rows.affected, e));
    if (!ok) {
        ctl_pg_rollback(pg);
        return false;
    }

    return ctl_pg_commit(pg, e);
}


/* *told: the ledger must get it from now on. */
static bool
line_tell(struct importing *im, struct ctl_replay_line *line, bool *told,
    struct ctl_error *e)
{
    enum ctl_replay_told how;

    if (!ctl_replay_tell(&im->leader, line, &how, e)) {
        return false;
    }
    *told = how == CTL_REPLAY_TOLD;
    im->counts->told += *told;
    if (!*told) {
        refuse(im, line->file, line->number, line->refusal != NULL
               ? line->refusal : "Redis does not take it");
    }

    return true;
}


static bool
batch_tell(struct importing *im, const bool *take, struct ctl_error *e)
{
    const char *text = ctl_replay_text(im->leader.arena, im->to, im->n, take);
    bool told[BATCH_LINES] = {false};
    unsigned i;

    if (text == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!records_write(im, text, e)) {
        return false;
    }
    for (i = 0; i < im->n; i++) {
        if (take[i] && !line_tell(im, &im->to[i], &told[i], e)) {
            return false;
        }
    }
    text = ctl_replay_text(im->leader.arena, im->to, im->n, told);

    return text != NULL
           ? ctl_awaited_add(im->leader.pg, im->leader.arena, text, e)
           : ctl_error_internal(e, "out of memory");
}


static bool
batch_end(struct importing *im, struct ctl_error *e)
{
    bool take[BATCH_LINES] = {false}, any = false;
    struct ctl_replay_line *line;
    unsigned i;

    if (im->n == 0) {
        return true;
    }
    if (!ctl_provider_judge(im->leader.pg, im->leader.arena, im->lines,
                            im->to, im->n, e))
    {
        return false;
    }
    for (i = 0; i < im->n; i++) {
        line = &im->to[i];
        if (line->refusal != NULL) {
            refuse(im, line->file, line->number, line->refusal);
        }
        im->counts->known += line->refusal == NULL && line->known;
        take[i] = line->refusal == NULL && !line->known;
        any = any || take[i];
    }
    if (any && !batch_tell(im, take, e)) {
        return false;
    }
    im->n = 0;
    ctl_arena_reset(im->leader.arena);

    return true;
}


static bool
line_take(struct importing *im, const char *file, asg_str_t text,
    struct ctl_error *e)
{
    struct ctl_arena *arena = im->leader.arena;
    struct ctl_provider_line *line = &im->lines[im->n];
    const char *why;

    if (text.len == 0) {
        return true;
    }
    im->counts->lines++;
    text = ctl_arena_str(arena, text);
    if (arena->failed) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!ctl_provider_line_read(&im->json, text, line, &why)) {
        refuse(im, file, im->cut.number, why);
        return true;
    }
    im->to[im->n++] = (struct ctl_replay_line) {.file = file,
                                                .number = im->cut.number};

    return im->n < BATCH_LINES || batch_end(im, e);
}


static bool
piece_take(struct importing *im, const char *file, asg_str_t piece,
    struct ctl_error *e)
{
    asg_str_t text;

    while (asg_spool_lines_next(&im->cut, &piece, &text)) {
        if (!line_take(im, file, text, e)) {
            return false;
        }
    }

    return true;
}


/* The last line may lack its end. */
static bool
file_end(struct importing *im, const char *file, struct ctl_error *e)
{
    asg_str_t text;

    if (asg_spool_lines_rest(&im->cut, &text)) {
        im->cut.number++;
        if (!line_take(im, file, text, e)) {
            return false;
        }
    }

    return batch_end(im, e);
}


static bool
file_import(struct importing *im, const char *file, struct ctl_error *e)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    char piece[PIECE_BYTES];
    bool ok = fd >= 0;
    ssize_t n = -1;

    asg_spool_lines_begin(&im->cut);
    while (ok && (n = read(fd, piece, sizeof(piece))) != 0) {
        if (n > 0) {
            ok = piece_take(im, file, (asg_str_t) {piece, (size_t) n}, e);
        } else if (errno != EINTR) {
            break;
        }
    }
    if (n < 0) {
        ok = ctl_error_set(e, 404, "missing_file", "%.200s cannot be read: %s",
                           file, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }

    return ok && file_end(im, file, e);
}


bool
ctl_provider_import(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *actor, const char *const *files,
    unsigned nfiles, FILE *out, struct ctl_provider_counts *counts,
    struct ctl_error *e)
{
    struct importing *im = calloc(1, sizeof(*im));
    unsigned i;
    bool ok;

    memset(counts, 0, sizeof(*counts));
    if (im == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    im->leader.pg = pg;
    im->leader.redis = redis;
    im->leader.arena = arena;
    for (i = 0; i < ASG_PARTITIONS; i++) {
        im->leader.parts[i].part = i;
    }
    im->counts = counts;
    im->actor = actor;
    im->out = out;
    ok = ctl_awaited_begin(pg, e);
    for (i = 0; ok && i < nfiles; i++) {
        ok = file_import(im, files[i], e);
    }
    ok = ok && ctl_awaited_wait(pg, arena, &counts->missing, e);
    free(im);

    return ok;
}
