/*
 * Commands about money and its record: audit, replay, evidence, reseed.
 */
#include "proc/command.h"

#include <stdio.h>
#include <string.h>

#include "audit/audit_chain.h"
#include "audit/audit_explain.h"
#include "audit/audit_money.h"
#include "audit/audit_witness.h"
#include "core/rkey.h"
#include "core/window.h"
#include "meter/partition_lead.h"
#include "meter/restored.h"
#include "proc/connections.h"
#include "store/audit.h"
#include "witness/provider.h"
#include "witness/replay.h"

#define RESEED_WAIT_MS 30000
#define COULD_NOT_LOOK 3                /* neither well nor broken */
#define QUESTION_MS    (30 * 60 * 1000) /* of large ledgers and files */


/* What `audit` was asked for. */
struct audit_words {
    bool money, chain;
    const char *explain;
    struct ctl_witness_words witness;
};


static int
could_not_look(const struct ctl_error *e)
{
    (void) ctl_command_failed(e);

    return COULD_NOT_LOOK;
}


static int
audit_chain(struct ctl_connections *c)
{
    struct ctl_error e;
    unsigned broken;
    int64_t checked;

    if (!ctl_audit_chain(c->pg, &c->arena, stdout, &broken, &checked, &e)) {
        return could_not_look(&e);
    }
    printf("%lld links checked, %u broken\n", (long long) checked, broken);

    return broken != 0;
}


static int
audit_money(struct ctl_connections *c, const struct audit_words *words)
{
    struct ctl_error e;
    unsigned broken, missed;

    ctl_pg_deadline(c->pg, QUESTION_MS);
    if (!ctl_audit_money(c->pg, c->redis, &c->arena, stdout, &broken, &missed,
                         &e)
        || (words->witness.nfiles > 0
            && !ctl_audit_witness(c->pg, c->redis, &c->arena, &words->witness,
                                  stdout, &broken, &e)))
    {
        return could_not_look(&e);
    }
    if (words->witness.nfiles == 0) {
        printf("the witness files were not looked at (M5): name them with "
               "--witness\n");
    }
    if (missed > 0 && broken == 0) {
        printf("nothing is broken in what could be compared\n");
        return COULD_NOT_LOOK;
    }
    printf(broken ? "%u rows break the invariants\n"
                  : "every amount is accounted for (%u broken)\n", broken);

    return broken != 0;
}


static int
audit_explain(struct ctl_connections *c, const struct audit_words *words)
{
    struct ctl_error e;
    bool found;

    if (!ctl_audit_explain(c->pg, c->redis, &c->arena, words->explain,
                           words->witness.files, words->witness.nfiles, stdout,
                           &found, &e))
    {
        return could_not_look(&e);
    }

    return !found;
}


/* RFC 3339, once; "" before. */
static bool
time_read(const char *text, const char **out)
{
    int64_t s;

    if (**out != '\0' || asg_time_parse(asg_str_z(text), &s) != ASG_OK) {
        return false;
    }
    *out = text;

    return true;
}


static bool
audit_word_read(const char *name, const char *value, struct audit_words *out)
{
    struct ctl_witness_words *w = &out->witness;

    if (strcmp(name, "--witness") == 0 && w->nfiles < CTL_WITNESS_FILES) {
        w->files[w->nfiles++] = value;
        return true;
    }
    if (strcmp(name, "--explain") == 0 && out->explain == NULL
        && asg_id_is_valid(asg_str_z(value)))
    {
        out->explain = value;
        return true;
    }

    return (strcmp(name, "--since") == 0 && time_read(value, &w->since))
           || (strcmp(name, "--until") == 0 && time_read(value, &w->until));
}


static bool
audit_words_read(int argc, char **argv, struct audit_words *out)
{
    int i;

    memset(out, 0, sizeof(*out));
    out->witness.since = out->witness.until = "";
    out->money = argc > 0 && strcmp(argv[0], "money") == 0;
    out->chain = argc == 1 && strcmp(argv[0], "chain") == 0;
    for (i = 1; out->money && i < argc; i += 2) {
        if (i + 1 == argc || !audit_word_read(argv[i], argv[i + 1], out)) {
            return false;
        }
    }

    return out->money || out->chain;
}


int
ctl_command_audit(const struct ctl_config *config, int argc, char **argv)
{
    struct audit_words words;
    struct ctl_connections c;
    struct ctl_error e;
    int status;

    if (argc > 0 && strcmp(argv[0], "export") == 0) {
        return ctl_command_audit_export(config, argc - 1, argv + 1);
    }
    if (!audit_words_read(argc, argv, &words)) {
        fprintf(stderr, "usage: asgard-ctl audit money [--explain HOLD]"
                " [--witness FILE]... [--since TIME]"
                " [--until TIME]\n"
                "       asgard-ctl audit chain\n"
                "       asgard-ctl audit key|export|verify, see --help\n");
        return 2;
    }
    if (!ctl_connections_open(&c, config, &e)) {
        status = could_not_look(&e);
    } else {
        status = words.chain ? audit_chain(&c)
                 : words.explain != NULL ? audit_explain(&c, &words)
                 : audit_money(&c, &words);
    }
    ctl_connections_close(&c);

    return status;
}


/* Whether the ledger has what it was told. */
static void
told_report(uint64_t told, int64_t missing)
{
    if (missing > 0) {
        printf("the ledger has not got %lld of them: is asgard-ctl running? "
               "Say it again when it is\n", (long long) missing);
    } else if (told > 0) {
        printf("the ledger has them all\n");
    }
}


static int
replay_report(const struct ctl_replay_counts *n)
{
    printf("%llu lines: %llu told, %llu known already, %llu still open, %llu "
           "refused\n", (unsigned long long) n->lines,
           (unsigned long long) n->told, (unsigned long long) n->known,
           (unsigned long long) n->open, (unsigned long long) n->refused);
    told_report(n->told, n->missing);
    if (n->gaps > 0) {
        printf("%llu gaps of the usage stream are closed\n",
               (unsigned long long) n->gaps);
    }

    return n->refused > 0 || n->missing > 0;
}


int
ctl_command_replay(const struct ctl_config *config, int argc, char **argv)
{
    struct ctl_replay_counts counts;
    struct ctl_connections c;
    struct ctl_error e;
    int status;

    if (argc < 1 || argv[0][0] == '-') {
        fprintf(stderr, "usage: asgard-ctl replay LOG...\n");
        return 2;
    }
    if (!ctl_connections_open(&c, config, &e)
        || !ctl_replay(c.pg, c.redis, &c.arena, CTL_AUDIT_COMMAND,
                       (const char *const *) argv, (unsigned) argc, stdout,
                       &counts, &e))
    {
        status = ctl_command_failed(&e);
    } else {
        status = replay_report(&counts);
    }
    ctl_connections_close(&c);

    return status;
}


static int
evidence_report(const struct ctl_provider_counts *n)
{
    printf("%llu lines: %llu told, %llu known already, %llu refused\n",
           (unsigned long long) n->lines, (unsigned long long) n->told,
           (unsigned long long) n->known, (unsigned long long) n->refused);
    told_report(n->told, n->missing);

    return n->refused > 0 || n->missing > 0;
}


int
ctl_command_evidence(const struct ctl_config *config, int argc, char **argv)
{
    struct ctl_provider_counts counts;
    struct ctl_connections c;
    struct ctl_error e;
    int status;

    if (argc < 1 || argv[0][0] == '-') {
        fprintf(stderr, "usage: asgard-ctl evidence FILE...\n");
        return 2;
    }
    if (!ctl_connections_open(&c, config, &e)) {
        status = ctl_command_failed(&e);
    } else {
        ctl_pg_deadline(c.pg, QUESTION_MS);
        status = ctl_provider_import(c.pg, c.redis, &c.arena,
                                     CTL_AUDIT_COMMAND,
                                     (const char *const *) argv,
                                     (unsigned) argc, stdout, &counts, &e)
                 ? evidence_report(&counts) : ctl_command_failed(&e);
    }
    ctl_connections_close(&c);

    return status;
}


static bool
reseed(struct ctl_connections *c, bool restored, struct ctl_error *e)
{
    return (!restored
            || ctl_restored_raise_by_clock(c->pg, &c->arena,
                                           CTL_AUDIT_COMMAND, e))
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
