/*
 * asgard-ctl secrets: of who may read kek_file.  Ids and names are printed,
 * never a value.
 */
#include "proc/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/clock.h"
#include "core/envelope.h"
#include "ops/job_rewrap.h"
#include "ops/secret_store.h"
#include "ops/secret_sweep.h"
#include "proc/connections.h"
#include "proc/values.h"

#define IDLE_MS  30000                  /* then nobody works on a job */
#define LOOK_US  100000
#define ID_BYTES 64

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


/* --- wrapping anew, which a keeper does --- */

/* False: nobody worked on it for so long.  *seen is how far it is. */
static bool
rewrap_wait(struct session *s, const char *id, struct ctl_rewrap_seen *seen,
    struct ctl_error *e)
{
    int64_t until_ms = ctl_clock_ms() + IDLE_MS;
    int64_t steps = 0;

    for ( ;; ) {
        ctl_arena_reset(&s->with.arena);
        if (!ctl_job_rewrap_look(s->with.pg, &s->with.arena, id, seen, e)) {
            return false;
        }
        if (!ctl_job_is_live(seen->state) || seen->attempt > 0) {
            return true;
        }
        if (seen->steps != steps) {
            steps = seen->steps;
            until_ms = ctl_clock_ms() + IDLE_MS;
        }
        if (ctl_clock_ms() >= until_ms) {
            return ctl_error_set(e, 503, "keeper_unavailable",
                                 "No keeper whose first key is %s works on it"
                                 " now; it is done when one does:"
                                 " asgard-ctl reload", s->keks.keks[0].id);
        }
        usleep(LOOK_US);
    }
}


/* The one that is under way, or another. */
static bool
rewrap_begin(struct session *s, char id[ID_BYTES], struct ctl_error *e)
{
    int64_t until_ms = ctl_clock_ms() + IDLE_MS;
    const char *found = NULL;

    while (ctl_clock_ms() < until_ms) {
        ctl_arena_reset(&s->with.arena);
        if (!ctl_job_rewrap_want(s->with.pg, &s->with.arena, &s->keks,
                                 CTL_AUDIT_COMMAND, true, &found, e))
        {
            return false;
        }
        if (found != NULL) {
            snprintf(id, ID_BYTES, "%s", found);
            return true;
        }
        usleep(LOOK_US);                /* a page is just written */
    }

    return ctl_error_set(e, 503, "postgres_unavailable",
                         "Another wrapping of secrets holds on.");
}


static int
rewrap(struct session *s)
{
    struct ctl_rewrap_seen seen;
    char id[ID_BYTES];
    struct ctl_error e;

    if (!rewrap_begin(s, id, &e) || !rewrap_wait(s, id, &seen, &e)
        || !keks_tell(s, &e))
    {
        return ctl_command_failed(&e);
    }
    printf("%lld wrapped anew, %lld do not open%s\n",
           (long long) seen.rewrapped, (long long) seen.wrong,
           seen.state == CTL_JOB_CANCELLED ? "; another key came first" : "");

    return seen.state != CTL_JOB_DONE;
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
