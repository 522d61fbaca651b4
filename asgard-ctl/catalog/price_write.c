/*
 * A map of prices as text: one line a model, prices exact as N e-12 USD.
 */
#include "catalog/price_write.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/sha.h>

#define LENGTH_UNIT 1000
#define PATH_BYTES  4096

struct text {
    char *bytes;
    size_t len;
};


static void
set_print(FILE *out, const struct ctl_prices *p, int64_t above_tokens,
    enum ctl_price_tier tier)
{
    static const char *const behind[CTL_TIERS] = {
        "", "_priority", "_flex", "_batches"
    };
    unsigned kind;

    for (kind = 0; kind < CTL_PRICE_KINDS; kind++) {
        if (!ctl_prices_say(p, kind)) {
            continue;
        }
        fprintf(out, ", \"%s", ctl_price_map_field(kind));
        if (above_tokens > 0) {
            fprintf(out, "_above_%" PRId64 "k_tokens",
                    above_tokens / LENGTH_UNIT);
        }
        fprintf(out, "%s\": %" PRId64 "e-12", behind[tier], p->pusd[kind]);
    }
}


/* Names need no escape: ctl_manifest_is_name(). */
static void
model_print(FILE *out, const struct ctl_price *p)
{
    unsigned tier;

    fprintf(out, ",\n\"%s\": {\"mode\": \"%s\"", p->name,
            p->embedding ? "embedding" : "chat");
    for (tier = 0; tier < CTL_TIERS; tier++) {
        set_print(out, &p->base[tier], 0, tier);
        if (p->above_tokens > 0) {
            set_print(out, &p->above[tier], p->above_tokens, tier);
        }
    }
    fputs("}", out);
}


static bool
text_make(const struct ctl_price_map *map, const char *source,
    struct text *text)
{
    FILE *out = open_memstream(&text->bytes, &text->len);
    char storage[PATH_BYTES];
    asg_buf_t name;
    unsigned i;
    bool ok;

    if (out == NULL) {
        return false;
    }
    asg_buf_init(&name, storage, sizeof(storage) - 1);
    asg_buf_json(&name, asg_str_z(source));
    storage[name.len] = '\0';
    fprintf(out, "{\n\"_meta\": {\"source\": %s, \"models_left_out\": %u, "
            "\"fields_left_out\": %u}", asg_buf_ok(&name) ? storage : "null",
            map->models_left_out, map->fields_left_out);
    for (i = 0; i < map->n; i++) {
        model_print(out, &map->items[i]);
    }
    fputs("\n}\n", out);
    ok = ferror(out) == 0;

    return fclose(out) == 0 && ok;
}


static bool
bytes_write(int fd, struct text text)
{
    size_t at = 0;
    ssize_t n;

    while (at < text.len) {
        n = write(fd, text.bytes + at, text.len - at);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        at += n > 0 ? (size_t) n : 0;
    }

    return fchmod(fd, 0644) == 0 && fsync(fd) == 0;
}


/* The name itself must reach the disk too. */
static bool
folder_sync(const char *file)
{
    char path[PATH_BYTES];
    int fd;
    bool ok;

    snprintf(path, sizeof(path), "%s", file);
    fd = open(dirname(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        close(fd);
    }

    return ok;
}


static bool
file_replace(const char *file, struct text text)
{
    char work[PATH_BYTES];
    int fd, n = snprintf(work, sizeof(work), "%s.XXXXXX", file);
    bool ok;

    if (n < 0 || (size_t) n >= sizeof(work)) {
        errno = ENAMETOOLONG;
        return false;
    }
    fd = mkostemp(work, O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ok = bytes_write(fd, text);
    ok = close(fd) == 0 && ok && rename(work, file) == 0;
    if (!ok) {
        n = errno;
        unlink(work);
        errno = n;
    }

    return ok && folder_sync(file);
}


static void
digest_print(struct text text, char digest[CTL_PRICE_DIGEST])
{
    uint8_t sha[SHA256_DIGEST_LENGTH];
    asg_buf_t hex;

    SHA256((const uint8_t *) text.bytes, text.len, sha);
    asg_buf_init(&hex, digest, CTL_PRICE_DIGEST - 1);
    asg_buf_hex(&hex, sha, sizeof(sha));
    digest[CTL_PRICE_DIGEST - 1] = '\0';
}


bool
ctl_price_map_write(const struct ctl_price_map *map, const char *source,
    const char *file, char digest[CTL_PRICE_DIGEST], struct ctl_error *e)
{
    struct text text = {NULL, 0};
    bool ok;

    if (!text_make(map, source, &text)) {
        free(text.bytes);
        return ctl_error_internal(e, "out of memory");
    }
    digest_print(text, digest);
    ok = file_replace(file, text)
         || ctl_error_set(e, 400, "invalid_value", "%.200s: %s", file,
                          strerror(errno));
    free(text.bytes);

    return ok;
}
