/*
 * Commands about what runs: check, reload, status.
 */
#include "proc/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/config_check.h"
#include "core/keyfile.h"
#include "ops/readiness.h"
#include "proc/command_catalog.h"
#include "proc/connections.h"
#include "proc/gateway_metrics.h"
#include "proc/litellm_report.h"
#include "proc/notifier.h"
#include "proc/peppers.h"
#include "proc/reload.h"
#include "proc/role.h"
#include "proc/values.h"
#include "redis/eviction.h"
#include "store/migrations.h"


/* One line of `check`; counts what failed. */
static void
report(unsigned *failed, const char *what, bool ok, const struct ctl_error *e)
{
    if (ok) {
        printf("ok    %s\n", what);
        return;
    }
    printf("FAIL  %s: %s %s\n", what, e->text, e->detail);
    ++*failed;
}


static bool
check_key_file(const struct ctl_config *config, struct ctl_error *e)
{
    static asg_keyfile_t keys;
    bool ok = ctl_values_keys(config->key_file, &keys, e);

    asg_keyfile_wipe(&keys);

    return ok;
}


static bool
check_schema(struct ctl_connections *c, struct ctl_error *e)
{
    struct ctl_rows rows;
    int64_t have, most;

    if (!CTL_PG(c->pg, &c->arena, &rows, e,
            "SELECT coalesce(max(number), 0), count(*) FROM schema_migrations"
            " WHERE number > $1", "0"))
    {
        return false;
    }
    most = ctl_rows_i64(&rows, 0, 0);
    have = ctl_rows_i64(&rows, 0, 1);

    return (most == ctl_migrations[ctl_migrations_n - 1].number
            && have == (int64_t) ctl_migrations_n)
           || ctl_error_set(e, 409, "schema", "the schema has %lld steps up to "
                            "number %lld, this program needs %zu up to %d: run "
                            "migrate", (long long) have, (long long) most,
                            ctl_migrations_n,
                            ctl_migrations[ctl_migrations_n - 1].number);
}


/* The peppers, as api gets them. */
static bool
check_peppers(const struct ctl_config *config, struct ctl_error *e)
{
    int fd = ctl_peppers_open(config, e);

    if (fd < 0) {
        return false;
    }
    close(fd);

    return true;
}


static void
check_files(unsigned *failed, const struct ctl_config *config, bool keeper)
{
    struct ctl_error e;

    if (keeper) {
        report(failed, "key file", check_key_file(config, &e), &e);
    }
    if (config->pepper_file != NULL || !keeper) {
        report(failed, "peppers", check_peppers(config, &e)
               && (!keeper || ctl_peppers_agree(config, &e)), &e);
    }
}


static void
check_modules(unsigned *failed, const struct ctl_config *config)
{
    ctl_litellm_report(config);
    if (ctl_command_catalog(config, 0, NULL) != 0) {
        printf("FAIL  service modules\n");
        ++*failed;
    }
}


int
ctl_command_check(const struct ctl_config *config, int argc, char **argv)
{
    bool keeper = argc == 0;
    struct ctl_connections c;
    struct ctl_error e;
    unsigned failed = 0;

    if (!keeper && !ctl_role_is_without_keeper(argc, argv)) {
        fprintf(stderr, "usage: asgard-ctl check [--without keeper]\n");
        return 2;
    }
    printf("ok    configuration %s\n", config->file);
    report(&failed, "passwords and public_url",
           ctl_config_check_start(config, &e), &e);
    check_files(&failed, config, keeper);
    report(&failed, "notices", ctl_notifier_check(config, &e), &e);
    if (ctl_connections_open(&c, config, &e)) {
        report(&failed, "PostgreSQL and its schema", check_schema(&c, &e),
               &e);
        report(&failed, "Redis",
               ctl_redis_check_eviction(c.redis, &c.arena, &e), &e);
    } else {
        report(&failed, "connections", false, &e);
    }
    ctl_connections_close(&c);
    if (keeper) {
        check_modules(&failed, config);
    }

    return failed != 0;
}


int
ctl_command_reload(const struct ctl_config *config, int argc, char **argv)
{
    struct ctl_error e;
    int64_t version;

    (void) argv;
    if (argc != 0) {
        fprintf(stderr, "usage: asgard-ctl reload\n");
        return 2;
    }
    if (!ctl_reload(config, &version, &e)) {
        return ctl_command_failed(&e);
    }
    printf("catalog %lld is served\n", (long long) version);

    return 0;
}


static void
print_roles(struct ctl_connections *c)
{
    struct ctl_error e;
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(c->pg, &c->arena, &rows, &e,
            "SELECT role, pid, round(extract(epoch FROM now() - at), 1),"
            " info FROM role_beats WHERE role <> $1 ORDER BY role", ""))
    {
        return;
    }
    for (i = 0; i < rows.nrows; i++) {
        printf("role      %-8s process %s, heard %s s ago %s\n",
               ctl_rows_at(&rows, i, 0), ctl_rows_at(&rows, i, 1),
               ctl_rows_at(&rows, i, 2), ctl_rows_at(&rows, i, 3));
    }
}


static void
print_counts(struct ctl_connections *c)
{
    struct ctl_error e;
    struct ctl_rows rows;

    if (!CTL_PG(c->pg, &c->arena, &rows, &e,
            "SELECT (SELECT count(*) FROM projects),"
            " (SELECT count(*) FROM keys WHERE revoked_at IS NULL),"
            " (SELECT count(*) FROM ledger),"
            " (SELECT count(*) FROM outbox WHERE sent_at IS NULL),"
            " (SELECT count(*) FROM partitions WHERE step = $1),"
            " (SELECT coalesce(max(version), 0) FROM catalog_snapshots),"
            " (SELECT count(*) FROM notices JOIN notice_channels"
            "  USING (channel) WHERE state = 'waiting'),"
            " (SELECT count(*) FROM notices WHERE state = 'dead'),"
            " (SELECT count(*) FROM jobs WHERE state = 'ready'),"
            " (SELECT count(*) FROM jobs WHERE state = 'running'),"
            " (SELECT count(*) FROM resources WHERE needs_attention)",
            "open"))
    {
        return;
    }
    printf("projects  %s\nkeys      %s not revoked\nledger    %s entries\n"
           "outbox    %s waiting\npartition %s of 16 open\ncatalog   %s\n"
           "notices   %s waiting, %s given up\n"
           "jobs      %s waiting, %s running\n"
           "resources %s need attention\n",
           ctl_rows_at(&rows, 0, 0), ctl_rows_at(&rows, 0, 1),
           ctl_rows_at(&rows, 0, 2), ctl_rows_at(&rows, 0, 3),
           ctl_rows_at(&rows, 0, 4), ctl_rows_at(&rows, 0, 5),
           ctl_rows_at(&rows, 0, 6), ctl_rows_at(&rows, 0, 7),
           ctl_rows_at(&rows, 0, 8), ctl_rows_at(&rows, 0, 9),
           ctl_rows_at(&rows, 0, 10));
}


/* What the keeper found of the systems that connectors work with, and when:
 * it looks no more when their variables are gone. */
static void
print_connectors(struct ctl_connections *c)
{
    struct ctl_error e;
    struct ctl_rows rows;
    unsigned i;

    if (!CTL_PG(c->pg, &c->arena, &rows, &e,
            "SELECT connector, told, to_char(checked_at AT TIME ZONE 'UTC',"
            " 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),"
            " round(extract(epoch FROM now() - checked_at))"
            " FROM connector_status, LATERAL (SELECT 0 AS i,"
            "  coalesce(reason, $1) AS told UNION ALL SELECT i, 'warning: '"
            "  || text FROM jsonb_array_elements_text(warnings)"
            "  WITH ORDINALITY AS w (text, i)) t ORDER BY connector, i",
            "can make keys"))
    {
        return;
    }
    for (i = 0; i < rows.nrows; i++) {
        printf("%-9s %s (seen %s, %s s ago)\n", ctl_rows_at(&rows, i, 0),
               ctl_rows_at(&rows, i, 1), ctl_rows_at(&rows, i, 2),
               ctl_rows_at(&rows, i, 3));
    }
}


/* What was not looked at, because another part is away, is not ok. */
static const char *
known(const char *state, const char *needed, const char *name)
{
    static char text[64];

    if (strcmp(needed, "ok") == 0) {
        return state;
    }
    snprintf(text, sizeof(text), "not known without %s", name);

    return text;
}


int
ctl_command_status(const struct ctl_config *config, int argc, char **argv)
{
    struct ctl_connections c;
    struct ctl_readiness state;
    struct ctl_error e;
    int status = 1;

    (void) argv;
    if (argc != 0) {
        fprintf(stderr, "usage: asgard-ctl status\n");
        return 2;
    }
    if (!ctl_connections_open(&c, config, &e)) {
        ctl_command_failed(&e);
    } else {
        ctl_readiness_check(c.pg, c.redis, &c.arena, &state);
        printf("ready     %s\nredis     %s\npostgres  %s\nctl       %s\n"
               "served    %s\n", state.ready ? "yes" : "no", state.redis,
               state.postgres,
               known(state.ctl, state.postgres, "PostgreSQL"),
               known(state.catalog, state.redis, "Redis"));
        print_roles(&c);
        print_counts(&c);
        print_connectors(&c);
        ctl_gateway_print_endpoints(config);
        status = !state.ready;
    }
    ctl_connections_close(&c);

    return status;
}
