/*
 * Commands that work on the database directly: migrate, bootstrap, and the
 * break-glass project kill, unkill and key revoke.
 */
#include "proc/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "meter/outbox_send.h"
#include "ops/key.h"
#include "ops/project.h"
#include "ops/token.h"
#include "store/audit.h"
#include "store/migrate.h"

#define ARENA_BYTES (4u * 1024 * 1024)

#define REDIS_TIMEOUT_MS 2000

/* A database connection and the change that a command makes. */
struct session {
    struct ctl_pg *pg;
    struct ctl_arena arena;
    struct ctl_change change;
};


int
ctl_command_failed(const struct ctl_error *e)
{
    fprintf(stderr, "asgard-ctl: %s%s%s\n", e->text,
            e->detail[0] ? " -- " : "", e->detail);

    return 1;
}


static int
usage(const char *text)
{
    fprintf(stderr, "usage: asgard-ctl %s\n", text);

    return 2;
}


static bool
session_open(struct session *s, const struct ctl_config *c,
    struct ctl_error *e)
{
    memset(s, 0, sizeof(*s));
    ctl_arena_init(&s->arena, ARENA_BYTES);
    s->pg = ctl_pg_open(c->postgres, "asgard-ctl command");

    return (s->pg != NULL || ctl_error_internal(e, "out of memory"))
           && ctl_change_begin(&s->change, s->pg, &s->arena,
                               CTL_AUDIT_COMMAND, NULL, e);
}


static void
session_close(struct session *s)
{
    ctl_change_abort(&s->change);
    ctl_arena_reset(&s->arena);
    ctl_pg_close(s->pg);
}


int
ctl_command_migrate(const struct ctl_config *c, int argc, char **argv)
{
    struct ctl_error e;
    unsigned applied;

    (void) argv;
    if (argc != 0) {
        return usage("migrate");
    }
    if (c->postgres_owner == NULL) {
        fprintf(stderr, "asgard-ctl: %s: migrate needs postgres_owner\n",
                c->file);
        return 1;
    }
    if (!ctl_migrate(c->postgres_owner, c->postgres, &applied, &e)) {
        return ctl_command_failed(&e);
    }
    printf("schema is current (%u applied)\n", applied);

    return 0;
}


int
ctl_command_bootstrap(const struct ctl_config *c, int argc, char **argv)
{
    const char *name = "bootstrap";
    char text[CTL_CREDENTIAL_TEXT];
    struct session s;
    struct ctl_error e;
    bool ok;

    if (argc == 3 && strcmp(argv[1], "--name") == 0) {
        name = argv[2];
    } else if (argc != 1) {
        return usage("admin bootstrap [--name NAME]");
    }
    if (strcmp(argv[0], "bootstrap") != 0) {
        return usage("admin bootstrap [--name NAME]");
    }
    ok = session_open(&s, c, &e)
         && ctl_token_mint_operator(&s.change, name, 0, text, &e)
         && ctl_change_commit(&s.change, &e);
    if (ok) {
        printf("%s\n", text);
        OPENSSL_cleanse(text, sizeof(text));
    }
    session_close(&s);

    return ok ? 0 : ctl_command_failed(&e);
}


/* Redis hears of it from this process, meter or not. */
static bool
send_change(const struct ctl_config *c, struct session *s,
    struct ctl_error *e)
{
    struct ctl_redis *redis = ctl_redis_open(c->redis, REDIS_TIMEOUT_MS);
    bool ok = redis != NULL || ctl_error_internal(e, "%s: not an address",
                                                  "redis");

    ok = ok && ctl_outbox_send_ids(s->pg, redis, &s->arena, s->change.outbox,
                                   s->change.noutbox, e);
    ctl_redis_close(redis);

    return ok;
}


static int
finish_break_glass(const struct ctl_config *c, struct session *s,
    const char *done)
{
    struct ctl_error e;

    if (!ctl_change_commit(&s->change, &e)) {
        return ctl_command_failed(&e);
    }
    if (!send_change(c, s, &e)) {
        fprintf(stderr, "asgard-ctl: %s in the database, but Redis could not "
                "be told: %s %s\n", done, e.text, e.detail);
        return 1;
    }
    printf("%s\n", done);

    return 0;
}


int
ctl_command_project(const struct ctl_config *c, int argc, char **argv)
{
    const char *reason = NULL;
    struct session s;
    struct ctl_error e;
    bool kill;
    int status = 1;

    if (argc == 4 && strcmp(argv[2], "--reason") == 0) {
        reason = argv[3];
    } else if (argc != 2) {
        return usage("project kill|unkill ID [--reason TEXT]");
    }
    kill = strcmp(argv[0], "kill") == 0;
    if (!kill && strcmp(argv[0], "unkill") != 0) {
        return usage("project kill|unkill ID [--reason TEXT]");
    }
    if (session_open(&s, c, &e)
        && ctl_project_set_killed(&s.change, argv[1], kill, reason, &e))
    {
        status = finish_break_glass(c, &s, kill ? "killed" : "unkilled");
    } else {
        ctl_command_failed(&e);
    }
    session_close(&s);

    return status;
}


int
ctl_command_key(const struct ctl_config *c, int argc, char **argv)
{
    struct session s;
    struct ctl_error e;
    int status = 1;

    if (argc != 2 || strcmp(argv[0], "revoke") != 0) {
        return usage("key revoke ID");
    }
    if (session_open(&s, c, &e)
        && ctl_key_revoke(&s.change, NULL, argv[1], &e))
    {
        status = finish_break_glass(c, &s, "revoked");
    } else {
        ctl_command_failed(&e);
    }
    session_close(&s);

    return status;
}
