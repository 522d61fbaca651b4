/*
 * Commands about money and its record: audit, reseed.
 */
#include "proc/command.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ops/audit_chain.h"
#include "ops/audit_money.h"
#include "ops/partition_lead.h"
#include "ops/restored.h"
#include "proc/connections.h"

#define RESEED_WAIT_MS 30000


static int
audit_chain(struct ctl_connections *c)
{
    struct ctl_error e;
    unsigned broken;
    int64_t checked;

    if (!ctl_audit_chain(c->pg, &c->arena, stdout, &broken, &checked, &e)) {
        return ctl_command_failed(&e);
    }
    printf("%lld links checked, %u broken\n", (long long) checked, broken);

    return broken != 0;
}


static int
audit_money(struct ctl_connections *c)
{
    struct ctl_error e;
    unsigned broken;

    if (!ctl_audit_money(c->pg, c->redis, &c->arena, stdout, &broken, &e)) {
        return ctl_command_failed(&e);
    }
    printf(broken ? "%u rows break the invariants\n"
                  : "every amount is accounted for (%u broken)\n", broken);

    return broken != 0;
}


int
ctl_command_audit(const struct ctl_config *config, int argc, char **argv)
{
    struct ctl_connections c;
    struct ctl_error e;
    int status;

    if (argc != 1 || (strcmp(argv[0], "money") != 0
                      && strcmp(argv[0], "chain") != 0))
    {
        fprintf(stderr, "usage: asgard-ctl audit money|chain\n");
        return 2;
    }
    if (!ctl_connections_open(&c, config, &e)) {
        status = ctl_command_failed(&e);
    } else {
        status = argv[0][0] == 'm' ? audit_money(&c) : audit_chain(&c);
    }
    ctl_connections_close(&c);

    return status;
}


/* The clock is above every version that was counted up from 1. */
static bool
reseed(struct ctl_connections *c, bool restored, struct ctl_error *e)
{
    return (!restored
            || ctl_restored_raise(c->pg, &c->arena, (int64_t) time(NULL),
                                  CTL_COMMAND_ACTOR, e))
           && ctl_lead_force_reseed(c->pg, &c->arena, -1, RESEED_WAIT_MS, e);
}


int
ctl_command_reseed(const struct ctl_config *config, int argc, char **argv)
{
    bool restored = argc == 1 && strcmp(argv[0], "--restored") == 0;
    struct ctl_connections c;
    struct ctl_error e;
    int status = 0;

    if (argc != (restored ? 1 : 0)) {
        fprintf(stderr, "usage: asgard-ctl reseed [--restored]\n");
        return 2;
    }
    if (!ctl_connections_open(&c, config, &e) || !reseed(&c, restored, &e)) {
        status = ctl_command_failed(&e);
    } else {
        printf("all partitions are seeded and open\n");
    }
    ctl_connections_close(&c);

    return status;
}
