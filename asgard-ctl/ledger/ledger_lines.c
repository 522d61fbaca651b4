/*
 * Reading a month out of the database, and the digest of what a file says.
 */
#include "ledger/ledger_lines.h"

#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "ledger/ledger_month.h"

#define PAGE        "1000"              /* entries of one question */
#define PAGE_BYTES  (64u * 1024 * 1024)
#define BLOCK_BYTES 16384

#define SQL_PAGE \
    "SELECT id, row_to_json(q) FROM (SELECT id, hold_id, seq, kind," \
    " delta_nano::text AS delta_nano, rank, cause, to_char(at AT TIME ZONE" \
    " 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at, partition," \
    " project_id, project_version, key_id, detail, encode(hash, 'hex')" \
    " AS hash FROM ledger WHERE " CTL_LEDGER_IN_MONTH \
    " AND id > $2::bigint ORDER BY id LIMIT " PAGE ") q ORDER BY id"

#define SQL_SUM \
    "SELECT count(*), coalesce(sum(delta_nano), 0) FROM ledger WHERE " \
    CTL_LEDGER_IN_MONTH


static bool
page_write(const struct ctl_rows *rows, FILE *out, EVP_MD_CTX *sha,
    struct ctl_error *e)
{
    const char *line;
    unsigned i;
    bool ok;

    for (i = 0; i < rows->nrows; i++) {
        line = ctl_rows_at(rows, i, 1);
        ok = EVP_DigestUpdate(sha, line, strlen(line)) == 1
             && EVP_DigestUpdate(sha, "\n", 1) == 1;
        if (!ok) {
            return ctl_error_internal(e, "SHA-256 failed");
        }
        if (out != NULL && fprintf(out, "%s\n", line) < 0) {
            return ctl_error_internal(e, "write: %s", strerror(errno));
        }
    }

    return true;
}


/* `page` is memory of its own, used anew for each page. */
static bool
pages_write(struct ctl_pg *pg, struct ctl_arena *page, const char *date,
    FILE *out, EVP_MD_CTX *sha, int64_t *entries, struct ctl_error *e)
{
    struct ctl_rows rows = {0};
    char after[24] = "0";

    *entries = 0;
    do {
        ctl_arena_reset(page);
        if (!CTL_PG(pg, page, &rows, e, SQL_PAGE, date, after)
            || !page_write(&rows, out, sha, e))
        {
            return false;
        }
        *entries += rows.nrows;
        if (rows.nrows > 0) {
            snprintf(after, sizeof(after), "%s",
                     ctl_rows_at(&rows, rows.nrows - 1, 0));
        }
    } while (rows.nrows > 0);

    return true;
}


static bool
sha_text(EVP_MD_CTX *sha, char out[CTL_SHA256_TEXT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0, i;

    if (EVP_DigestFinal_ex(sha, digest, &n) != 1
        || 2 * n + 1 != CTL_SHA256_TEXT)
    {
        return false;
    }
    for (i = 0; i < n; i++) {
        snprintf(out + 2 * (size_t) i, 3, "%02x", digest[i]);
    }

    return true;
}


static bool
sum_fill(struct ctl_pg *pg, struct ctl_arena *arena, const char *date,
    struct ctl_ledger_sum *sum, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(pg, arena, &rows, e, SQL_SUM, date)) {
        return false;
    }
    if (ctl_rows_i64(&rows, 0, 0) != sum->entries) {
        return ctl_error_internal(e, "the month %.7s changed while it was "
                                  "read", date);
    }
    sum->sum_nano = ctl_rows_at(&rows, 0, 1);
    sum->last = ctl_arena_printf(arena, "{\"month\":\"%.7s\",\"entries\":%lld,"
                                 "\"sum_nano\":\"%s\",\"sha256\":\"%s\"}\n",
                                 date, (long long) sum->entries,
                                 sum->sum_nano, sum->sha256);

    return sum->last != NULL || ctl_error_internal(e, "out of memory");
}


bool
ctl_ledger_lines(struct ctl_pg *pg, struct ctl_arena *arena, const char *date,
    FILE *out, struct ctl_ledger_sum *sum, struct ctl_error *e)
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    struct ctl_arena page;
    bool ok;

    ctl_arena_init(&page, PAGE_BYTES);
    ok = sha != NULL && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1;
    if (!ok) {
        ctl_error_internal(e, "SHA-256 failed");
    }
    ok = ok && pages_write(pg, &page, date, out, sha, &sum->entries, e)
         && (sha_text(sha, sum->sha256)
             || ctl_error_internal(e, "SHA-256 failed"))
         && sum_fill(pg, arena, date, sum, e);
    ctl_arena_reset(&page);
    EVP_MD_CTX_free(sha);

    return ok;
}


static bool
blocks_read(FILE *in, off_t left, EVP_MD_CTX *sha)
{
    unsigned char block[BLOCK_BYTES];
    size_t n;

    while (left > 0) {
        n = left < BLOCK_BYTES ? (size_t) left : BLOCK_BYTES;
        if (fread(block, 1, n, in) != n
            || EVP_DigestUpdate(sha, block, n) != 1)
        {
            return false;
        }
        left -= (off_t) n;
    }

    return true;
}


static bool
digest_is(FILE *in, off_t length, const char *sha256)
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    char text[CTL_SHA256_TEXT];
    bool ok = sha != NULL
              && EVP_DigestInit_ex(sha, EVP_sha256(), NULL) == 1
              && fseeko(in, 0, SEEK_SET) == 0 && blocks_read(in, length, sha)
              && sha_text(sha, text) && strcmp(text, sha256) == 0;

    EVP_MD_CTX_free(sha);

    return ok;
}


bool
ctl_ledger_file_is(const char *file, const struct ctl_ledger_sum *sum,
    bool *same, struct ctl_error *e)
{
    const size_t tail = strlen(sum->last);
    char last[BLOCK_BYTES];
    FILE *in = fopen(file, "re");
    off_t lines;

    if (in == NULL) {
        return ctl_error_set(e, 400, "invalid_value", "%.200s: %s.", file,
                             strerror(errno));
    }
    *same = false;
    if (fseeko(in, 0, SEEK_END) == 0 && tail <= sizeof(last)) {
        lines = ftello(in) - (off_t) tail;
        *same = lines >= 0 && fseeko(in, lines, SEEK_SET) == 0
                && fread(last, 1, tail, in) == tail
                && memcmp(last, sum->last, tail) == 0
                && digest_is(in, lines, sum->sha256);
    }
    fclose(in);

    return true;
}
