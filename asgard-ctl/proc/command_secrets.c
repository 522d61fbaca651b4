/*
 * asgard-ctl secrets: of who may read kek_file.  Ids and names are printed,
 * never a value.
 */
#include "proc/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/envelope.h"
#include "ops/secret_store.h"
#include "ops/secret_sweep.h"
#include "proc/connections.h"
#include "proc/values.h"

struct session {
    struct ctl_connections with;
    asg_keks_t keks;
};


static bool
session_open(struct session *s, const struct ctl_config *c,
    struct ctl_error *e)
{
    memset(s, 0, sizeof(*s));

    return ctl_values_keks(c, &s->keks, e)
           && ctl_connections_open(&s->with, c, e);
}


static void
session_close(struct session *s)
{
    asg_keks_wipe(&s->keks);
    ctl_connections_close(&s->with);
}


static void
tell(const char *path, int64_t version, const char *why)
{
    printf("%s version %lld: %s\n", path, (long long) version, why);
}


/* The KEKs that may be taken out of the file. */
static bool
keks_tell(struct session *s, struct ctl_error *e)
{
    int64_t n;
    size_t i;

    for (i = 0; i < s->keks.nkeks; i++) {
        if (!ctl_secret_wrapped_by(s->with.pg, &s->with.arena,
                                   s->keks.keks[i].id, &n, e))
        {
            return false;
        }
        printf("kek %s%s: %lld\n", s->keks.keks[i].id,
               i == 0 ? " (in use)" : n == 0 ? " (unused)" : "",
               (long long) n);
    }

    return true;
}


static int
verify(struct session *s)
{
    struct ctl_secret_sweep sweep;
    struct ctl_error e;

    ctl_secret_sweep_begin(&sweep, tell);
    while (sweep.more) {
        if (!ctl_secret_verify(&sweep, s->with.pg, &s->with.arena, &s->keks,
                               &e))
        {
            (void) ctl_command_failed(&e);
            return 3;
        }
        ctl_arena_reset(&s->with.arena);
    }
    if (!keks_tell(s, &e)) {
        (void) ctl_command_failed(&e);
        return 3;
    }
    printf("%u secrets, %u of them do not open\n", sweep.looked,
           sweep.wrong);

    return sweep.wrong > 0;
}


static int
rewrap(struct session *s)
{
    struct ctl_secret_sweep sweep;
    struct ctl_error e;

    ctl_secret_sweep_begin(&sweep, tell);
    while (sweep.more) {
        if (!ctl_secret_rewrap(&sweep, s->with.pg, &s->with.arena, &s->keks,
                               CTL_AUDIT_COMMAND, &e))
        {
            return ctl_command_failed(&e);
        }
        ctl_arena_reset(&s->with.arena);
    }
    if (!keks_tell(s, &e)) {
        return ctl_command_failed(&e);
    }
    printf("%u wrapped anew, %u do not open\n", sweep.rewrapped,
           sweep.wrong);

    return sweep.wrong > 0;
}


/* Standard input to its end, without the line break of who typed it. */
static bool
value_read(uint8_t *to, size_t cap, asg_str_t *out, struct ctl_error *e)
{
    size_t len = 0;
    ssize_t n;

    while (len < cap && (n = read(STDIN_FILENO, to + len, cap - len)) > 0) {
        len += (size_t) n;
    }
    if (len == cap) {
        return ctl_error_field(e, "invalid_value", "value",
                               "A secret has at most %d bytes.",
                               ASG_ENVELOPE_PLAIN_MAX);
    }
    len -= len > 0 && to[len - 1] == '\n';
    *out = (asg_str_t) {(const char *) to, len};

    return len > 0 || ctl_error_field(e, "missing_field", "value",
                                      "No value came on standard input.");
}


static bool
value_put(struct session *s, const char *resource_id, const char *output,
    asg_str_t value, struct ctl_secret_ref *ref, struct ctl_error *e)
{
    struct ctl_change c;

    if (!ctl_change_begin(&c, s->with.pg, &s->with.arena, CTL_AUDIT_COMMAND,
                          NULL, e))
    {
        return false;
    }
    if (!ctl_secret_put(&c, &s->keks, resource_id, output, value, false, ref,
                        e)
        || !ctl_secret_refer(&c, resource_id, output, ref, e))
    {
        ctl_change_abort(&c);
        return false;
    }

    return ctl_change_commit(&c, e);
}


static int
put(struct session *s, const char *resource_id, const char *output)
{
    static uint8_t room[ASG_ENVELOPE_PLAIN_MAX + 2];
    struct ctl_secret_ref ref;
    struct ctl_error e;
    asg_str_t value;
    bool ok = value_read(room, sizeof(room), &value, &e)
              && value_put(s, resource_id, output, value, &ref, &e);

    OPENSSL_cleanse(room, sizeof(room));
    if (ok) {
        printf("%s version %lld\n", ref.path, (long long) ref.version);
    }

    return ok ? 0 : ctl_command_failed(&e);
}


int
ctl_command_secrets(const struct ctl_config *c, int argc, char **argv)
{
    const char *verb = argc > 0 ? argv[0] : "";
    struct session s;
    struct ctl_error e;
    int status;

    if (!(argc == 1 && (strcmp(verb, "verify") == 0
                        || strcmp(verb, "rewrap") == 0))
        && !(argc == 3 && strcmp(verb, "put") == 0))
    {
        fprintf(stderr, "usage: asgard-ctl secrets verify | rewrap"
                " | put RESOURCE OUTPUT\n");
        return 2;
    }
    if (!session_open(&s, c, &e)) {
        session_close(&s);
        (void) ctl_command_failed(&e);
        return verb[0] == 'v' ? 3 : 1;
    }
    status = verb[0] == 'v' ? verify(&s) : verb[0] == 'r' ? rewrap(&s)
             : put(&s, argv[1], argv[2]);
    session_close(&s);

    return status;
}
