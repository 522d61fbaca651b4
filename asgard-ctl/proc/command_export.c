/*
 * Commands about exports of the audit log: audit export, audit key, audit
 * verify.  The last two are also for who has neither a database nor a
 * configuration.
 */
#include "proc/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/audit_export.h"
#include "audit/audit_verify.h"
#include "core/window.h"
#include "proc/connections.h"

#define COULD_NOT_LOOK 3                /* neither well nor broken */
#define LONGEST_MS     (12 * 3600 * 1000)       /* a log may be long */
#define KEY_MEMORY     65536


/* What the three are told. */
struct words {
    const char *key, *since, *until, *file;
};


static bool
word_set(const char **to, const char *value)
{
    if (*to != NULL) {
        return false;
    }
    *to = value;

    return true;
}


static bool
time_set(const char **to, const char *value)
{
    int64_t s;

    return asg_time_parse(asg_str_z(value), &s) == ASG_OK
           && word_set(to, value);
}


static bool
option_read(const char *name, const char *value, struct words *out)
{
    return (strcmp(name, "--key") == 0 && word_set(&out->key, value))
           || (strcmp(name, "--since") == 0 && time_set(&out->since, value))
           || (strcmp(name, "--until") == 0 && time_set(&out->until, value));
}


/* Options and one file, in any order. */
static bool
words_read(int argc, char **argv, struct words *out)
{
    int i;

    memset(out, 0, sizeof(*out));
    for (i = 0; i < argc; i++) {
        if (argv[i][0] != '-') {
            if (!word_set(&out->file, argv[i])) {
                return false;
            }
        } else if (i + 1 == argc || !option_read(argv[i], argv[i + 1], out)) {
            return false;
        } else {
            i++;
        }
    }

    return out->file != NULL;
}


static void
export_report(const struct ctl_audit_export *x)
{
    printf("%" PRId64 " entries of the audit log", x->entries);
    if (x->entries > 0) {
        printf(", %" PRIu64 " to %" PRIu64 ",", x->after + 1, x->last);
    }
    printf(" are in %s\n", x->file);
    if (x->unsealed > 0) {
        printf("%" PRId64 " that came just now have no seal yet and are not: "
               "they come with the next\n", x->unsealed);
    }
}


static bool
export_write(struct ctl_connections *c, const struct ctl_config *config,
    struct ctl_audit_export *x, struct ctl_error *e)
{
    if (!ctl_connections_open(c, config, e)) {
        return false;
    }
    ctl_pg_deadline(c->pg, LONGEST_MS);

    return ctl_audit_export(c->pg, &c->arena, x, e);
}


int
ctl_command_audit_export(const struct ctl_config *config, int argc,
    char **argv)
{
    struct ctl_audit_export x;
    struct ctl_connections c;
    struct words words;
    struct ctl_error e;
    bool ok;

    if (!words_read(argc, argv, &words) || words.key == NULL) {
        fprintf(stderr, "usage: asgard-ctl audit export --key FILE"
                " [--since TIME] [--until TIME] FILE\n");
        return 2;
    }
    x = (struct ctl_audit_export) {.since = words.since, .until = words.until,
                                   .file = words.file};
    x.key = ctl_export_key_secret(words.key, &e);
    if (x.key == NULL) {
        return ctl_command_failed(&e);
    }
    ok = export_write(&c, config, &x, &e);
    if (ok) {
        export_report(&x);
    }
    ctl_connections_close(&c);
    EVP_PKEY_free(x.key);

    return ok ? 0 : ctl_command_failed(&e);
}


static int
key_make(const char *file)
{
    struct ctl_arena arena;
    struct ctl_error e;
    bool ok;

    ctl_arena_init(&arena, KEY_MEMORY);
    ok = ctl_export_key_make(&arena, file, &e);
    if (ok) {
        printf("%s signs exports and stays here; %s.pub is for those who "
               "verify them\n", file, file);
    }
    ctl_arena_reset(&arena);

    return ok ? 0 : ctl_command_failed(&e);
}


static int
verify(const struct words *words)
{
    struct ctl_audit_verified found;
    struct ctl_error e;
    EVP_PKEY *key = ctl_export_key_public(words->key, &e);
    bool ok = key != NULL
              && ctl_audit_verify(words->file, key, stdout, &found, &e);

    EVP_PKEY_free(key);
    if (!ok) {
        (void) ctl_command_failed(&e);
        return COULD_NOT_LOOK;
    }
    printf("%" PRIu64 " entries after %" PRIu64 " to %" PRIu64 ", %" PRIu64
           " checkpoints, the last of %s: %u broken\n", found.entries,
           found.after, found.last, found.checkpoints,
           found.at[0] != '\0' ? found.at : "no time", found.broken);

    return found.broken != 0;
}


bool
ctl_command_audit_is_bare(int argc, char **argv)
{
    return argc > 0 && (strcmp(argv[0], "key") == 0
                        || strcmp(argv[0], "verify") == 0);
}


int
ctl_command_audit_bare(int argc, char **argv)
{
    bool make = strcmp(argv[0], "key") == 0;
    struct words words;

    if (!words_read(argc - 1, argv + 1, &words) || words.since != NULL
        || words.until != NULL || (words.key == NULL) != make)
    {
        fprintf(stderr, "usage: asgard-ctl audit key FILE\n"
                "       asgard-ctl audit verify --key PUBLIC FILE\n");
        return 2;
    }

    return make ? key_make(words.file) : verify(&words);
}
