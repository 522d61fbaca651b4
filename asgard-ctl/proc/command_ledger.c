/*
 * Commands about the months of the ledger: ledger months, ledger export, prune.
 */
#include "proc/command.h"

#include <stdio.h>
#include <string.h>

#include "ledger/ledger_export.h"
#include "ledger/ledger_month.h"
#include "ledger/ledger_prune.h"
#include "proc/connections.h"

#define LONGEST_MS (12 * 3600 * 1000)   /* a month may be long */


static bool
months_print(struct ctl_connections *c, struct ctl_error *e)
{
    struct ctl_ledger_month *months;
    unsigned i, n;

    if (!ctl_pg_exec(c->pg, e, "SET statement_timeout = 0")
        || !ctl_ledger_month_list(c->pg, &c->arena, &months, &n, e))
    {
        return false;
    }
    printf("%-7s  %10s  %16s  %-8s  %s\n", "month", "entries", "sum USD",
           "state", "sha256");
    for (i = 0; i < n; i++) {
        printf("%-7s  %10s  %16s  %-8s  %s\n", months[i].month,
               months[i].entries, months[i].sum_usd, months[i].state,
               months[i].sha256 != NULL ? months[i].sha256 : "-");
    }

    return true;
}


/* As the owner: what was exported, and what goes, is not the running role's
 * to say. */
static bool
owner_open(struct ctl_connections *c, const struct ctl_config *config,
    struct ctl_error *e)
{
    if (!ctl_connections_open(c, config, e)) {
        return false;
    }
    if (config->postgres_owner == NULL) {
        return ctl_error_field(e, "invalid_value", "postgres_owner",
                               "%s: this needs postgres_owner", config->file);
    }
    ctl_pg_close(c->pg);
    c->pg = ctl_pg_open(config->postgres_owner, "asgard-ctl ledger");
    if (c->pg == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    ctl_pg_deadline(c->pg, LONGEST_MS);

    return true;
}


static int
months(const struct ctl_config *config)
{
    struct ctl_connections c;
    struct ctl_error e;
    bool ok = ctl_connections_open(&c, config, &e);

    if (ok) {
        ctl_pg_deadline(c.pg, LONGEST_MS);
        ok = months_print(&c, &e);
    }
    ctl_connections_close(&c);

    return ok ? 0 : ctl_command_failed(&e);
}


static int
export(const struct ctl_config *config, const char *month, const char *file)
{
    struct ctl_connections c;
    struct ctl_ledger_sum sum;
    struct ctl_error e;
    bool ok = owner_open(&c, config, &e)
              && ctl_ledger_export(c.pg, c.redis, &c.arena, month, file, &sum,
                                   &e);

    if (ok) {
        printf("%lld entries of %s are in %s, SHA-256 %s\n",
               (long long) sum.entries, month, file, sum.sha256);
    }
    ctl_connections_close(&c);

    return ok ? 0 : ctl_command_failed(&e);
}


int
ctl_command_ledger(const struct ctl_config *c, int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "months") == 0) {
        return months(c);
    }
    if (argc == 3 && strcmp(argv[0], "export") == 0) {
        return export(c, argv[1], argv[2]);
    }
    fprintf(stderr, "usage: asgard-ctl ledger months|export YYYY-MM FILE\n");

    return 2;
}


int
ctl_command_prune(const struct ctl_config *config, int argc, char **argv)
{
    struct ctl_connections c;
    struct ctl_ledger_sum sum;
    struct ctl_error e;
    bool ok;

    if (argc != 3 || strcmp(argv[1], "--export") != 0) {
        fprintf(stderr, "usage: asgard-ctl prune YYYY-MM --export FILE\n");
        return 2;
    }
    ok = owner_open(&c, config, &e)
         && ctl_ledger_prune(c.pg, &c.arena, argv[0], argv[2], &sum, &e);
    if (ok) {
        printf("%s is pruned: %lld entries, SHA-256 %s; keep %s\n", argv[0],
               (long long) sum.entries, sum.sha256, argv[2]);
    }
    ctl_connections_close(&c);

    return ok ? 0 : ctl_command_failed(&e);
}
