/*
 * asgard-ctl: the command line of who runs it; under the name `asgard`, that of
 * who uses it (cli/).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/secret.h"
#include "cli/cli.h"
#include "proc/command.h"
#include "proc/command_catalog.h"
#include "proc/role.h"
#include "proc/supervisor.h"

#define CONFIG_DEFAULT "/etc/asgard/asgard-ctl.conf"
#define VERSION        "0.1.0"

struct command {
    const char *name;
    int (*run)(const struct ctl_config *c, int argc, char **argv);
    const char *usage;
    const char *help;
};

/* `serve` and `validate` are no calls with a configuration: see main(). */
static const struct command commands[] = {
    {"serve", NULL, "serve [--without keeper]",
     "Run the control plane: supervises the roles api, keeper, meter and\n"
     "notify.  SIGHUP reloads, SIGTERM stops.  --without keeper: it runs by\n"
     "itself, `asgard-ctl role keeper`, as a user of its own."},
    {"validate", NULL, "validate FILE",
     "Check one service.yaml; needs no configuration."},
    {"migrate", ctl_command_migrate, "migrate",
     "Bring the database to this version's schema, as its owner.  Safe to\n"
     "repeat; run it before the first `serve` and after every upgrade."},
    {"check", ctl_command_check, "check [--without keeper]",
     "Look at everything that `serve` needs - the configuration, the key\n"
     "file, PostgreSQL, Redis, the service modules - and say what is wrong.\n"
     "--without keeper: not at what only the keeper's user may read."},
    {"catalog", ctl_command_catalog, "catalog",
     "Each service module: active, or why it is not."},
    {"backend", ctl_command_backend, "backend probe ID [--model NAME]",
     "Make one call and one streamed call to a backend, as the gateway would:\n"
     "is it reached, by which TLS name, does usage come back, which limit\n"
     "field and whether a user it takes, and the price.  The provider bills\n"
     "both, of 16 tokens at most; no budget pays for them.  Exit status 1\n"
     "when something is not as its manifest says."},
    {"prices", ctl_command_prices, "prices check | import FILE | show MODEL",
     "check: where the price of each active model comes from, and which\n"
     "differ from the table; exit status 1 when a module was refused.\n"
     "import: take a map in LiteLLM's format as your own table (the setting\n"
     "`prices`), which goes before the one that ships.  show: a model's\n"
     "prices, exactly."},
    {"admin", ctl_command_bootstrap, "admin bootstrap [--name NAME]",
     "Print a new access token of an administrator.  It is shown this once;\n"
     "only its hash is kept.  Use it as `Authorization: Bearer asg_pat_...`."},
    {"reload", ctl_command_reload, "reload",
     "Apply changed services, routing and backend variables without dropping\n"
     "a request.  Returns when every nginx worker serves the new catalog.\n"
     "Fails when something was refused: a new module that is wrong is left\n"
     "out and the rest is served; anything else keeps the old catalog."},
    {"status", ctl_command_status, "status",
     "What runs, which catalog is served, what waits."},
    {"audit", ctl_command_audit,
     "audit money [--explain HOLD] [--witness FILE]... [--since TIME]"
     " [--until TIME] | audit chain\n"
     "audit key FILE | audit export --key FILE [--since TIME] [--until TIME]"
     " FILE\naudit verify --key PUBLIC FILE",
     "money: check that every nano-dollar is accounted for, over Redis,\n"
     "PostgreSQL and the witness files that are named, while calls go on.\n"
     "With --explain, tell one hold's whole life.  chain: check that no entry\n"
     "of the audit log or the ledger was changed or removed.\n"
     "export: write the audit log into a new file, one JSON line an entry,\n"
     "with its chain and with checkpoints that are signed by the key in a\n"
     "file, which `key` makes, with FILE.pub.  verify: of such a file and the\n"
     "public key alone, which line was changed, removed or moved.\n"
     "Exit status 1 with the rows that break it or when a hold is not known,\n"
     "3 when it could not look."},
    {"replay", ctl_command_replay, "replay LOG...",
     "Bring the calls of witness files into the ledger, when Redis and the\n"
     "memory of a gateway were both lost.  Safe to repeat, in any order, also\n"
     "while calls go on.  Exit status 1 when a line was refused or is not in\n"
     "the ledger in time."},
    {"evidence", ctl_command_evidence, "evidence FILE...",
     "Correct the ledger by what the providers themselves have recorded of\n"
     "calls: JSON lines, each of one call, with its tokens or amount and the\n"
     "source.  Safe to repeat, in any order, also while calls go on.  Exit\n"
     "status 1 when a line was refused or is not in the ledger in time."},
    {"reseed", ctl_command_reseed, "reseed [--restored]",
     "Rebuild the counters in Redis from the ledger.  Happens by itself when\n"
     "Redis lost something; this forces it.  --restored: the database was set\n"
     "back and Redis was lost too, so that nobody else can know."},
    {"ledger", ctl_command_ledger, "ledger months|export YYYY-MM FILE",
     "months: the months with entries, their sums, and whether each is open,\n"
     "closed, exported or pruned.  export: write a month that is over - from\n"
     "25 hours after its end - into a new file, one JSON line an entry, and\n"
     "note its digest.  Needs postgres_owner."},
    {"prune", ctl_command_prune, "prune YYYY-MM --export FILE",
     "Take an exported month out of the database, when FILE is still that\n"
     "export.  Balances, holds and the chain stay.  Needs postgres_owner."},
    {"secrets", ctl_command_secrets,
     "secrets verify | rewrap | put RESOURCE OUTPUT",
     "For who may read kek_file.  verify: open every secret and say which do\n"
     "not open - damaged, moved to another row, their key missing - and how\n"
     "many each key wraps; exit status 1 when there are such, 3 when it could\n"
     "not look.  rewrap: have a keeper wrap all by the first key of kek_file,\n"
     "after which the others are unused, and wait for it; a keeper begins it\n"
     "by itself, too.  put: store standard input as the next version of a\n"
     "resource's output.  No value is printed."},
    {"project", ctl_command_project,
     "project kill|unkill ID [--reason TEXT]",
     "Break glass: stop a project's calls now, working on the database and on\n"
     "Redis directly, also when no asgard-ctl runs."},
    {"key", ctl_command_key, "key revoke ID",
     "Break glass: revoke one key now, likewise."},
    {NULL, NULL, NULL, NULL}
};


static void
print_help(FILE *to)
{
    const struct command *c;

    fprintf(to,
        "asgard-ctl - the control plane of Asgard\n\n"
        "usage: asgard-ctl [-c FILE] COMMAND\n\n"
        "  -c FILE   configuration (default " CONFIG_DEFAULT ")\n\n"
        "A first start:  migrate, then serve, then admin bootstrap.\n");
    for (c = commands; c->name != NULL; c++) {
        const char *p = c->help;

        fprintf(to, "\n%s\n    ", c->usage);
        for (; *p != '\0'; p++) {
            fputc(*p, to);
            if (*p == '\n') {
                fputs("    ", to);
            }
        }
        fputc('\n', to);
    }
}


static const struct command *
command_find(const char *name)
{
    const struct command *c;

    for (c = commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) {
            return c;
        }
    }

    return NULL;
}


static bool
wants_help(int argc, char **argv)
{
    int i;

    for (i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }

    return false;
}


/* `c` NULL: the word `role`. */
static int
run_command(const struct ctl_config *config, const struct command *c,
    int inherited, int argc, char **argv)
{
    if (c == NULL) {
        return ctl_role_run(config, argv[1], inherited < 0);
    }
    if (c->run == NULL) {
        return ctl_supervisor_run(config, argc == 3, inherited);
    }

    return c->run(config, argc - 1, argv + 1);
}


/* Commands that need a configuration; the file may be -c's or the default. */
static int
run_configured(const char *file, const struct command *c, int inherited,
    int argc, char **argv)
{
    struct ctl_config config;
    struct ctl_error e;
    int status;

    if (!ctl_config_read(&config, file, &e)) {
        ctl_config_finish(&config);
        return ctl_command_failed(&e);
    }
    status = run_command(&config, c, inherited, argc, argv);
    ctl_config_finish(&config);

    return status;
}


/* The words after the options: help and usage come before anything is read. */
static int
run_words(const char *file, int inherited, int argc, char **argv)
{
    const struct command *c = command_find(argv[0]);
    bool validate = c != NULL && strcmp(c->name, "validate") == 0;

    if (c == NULL && (strcmp(argv[0], "role") != 0 || argc != 2)) {
        fprintf(stderr, "asgard-ctl: there is no command \"%.40s\"; "
                "asgard-ctl --help lists them\n", argv[0]);
        return 2;
    }
    if (c != NULL && wants_help(argc - 1, argv + 1)) {
        printf("usage: asgard-ctl %s\n\n%s\n", c->usage, c->help);
        return 0;
    }
    if (c != NULL && c->run == NULL && argc != (validate ? 2 : 1)
        && (validate || !ctl_role_is_without_keeper(argc - 1, argv + 1)))
    {
        fprintf(stderr, "usage: asgard-ctl %s\n", c->usage);
        return 2;
    }

    if (c != NULL && c->run == ctl_command_audit
        && ctl_command_audit_is_bare(argc - 1, argv + 1))
    {
        return ctl_command_audit_bare(argc - 1, argv + 1);
    }

    return validate ? ctl_command_validate(argv[1])
                    : run_configured(file, c, inherited, argc, argv);
}


static bool
is_called_asgard(const char *program)
{
    const char *slash = program != NULL ? strrchr(program, '/') : NULL;

    return program != NULL
        && strcmp(slash != NULL ? slash + 1 : program, "asgard") == 0;
}


int
main(int argc, char **argv)
{
    const char *file = CONFIG_DEFAULT;
    int i = 1, inherited = -1;

    if (!ctl_secret_harden()) {
        fprintf(stderr, "asgard-ctl: the system refuses to switch core dumps "
                "off\n");
        return EXIT_FAILURE;
    }
    if (is_called_asgard(argv[0])) {
        return cli_main(argc, argv);
    }
    for (; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "-c") == 0) {
            file = argv[i + 1];
        } else if (strcmp(argv[i], "--values") == 0) {
            inherited = (int) strtol(argv[i + 1], NULL, 10);
        } else {
            break;
        }
    }
    if (i >= argc || strcmp(argv[i], "-c") == 0) {
        print_help(stderr);
        return 2;
    }
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0
        || strcmp(argv[i], "help") == 0)
    {
        print_help(stdout);
        return 0;
    }
    if (strcmp(argv[i], "--version") == 0) {
        printf("asgard-ctl " VERSION "\n");
        return 0;
    }

    return run_words(file, inherited, argc - i, argv + i);
}
