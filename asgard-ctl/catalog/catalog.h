/*
 * The catalog as the operator's files and variables say: modules, which of them
 * are active and why not, models, and the public names with their candidates.
 *
 * A module is active when its variables are set.  A bad manifest is refused
 * alone; a bad routing file, a bad table of prices or a name that no module
 * registers refuses the whole (ctl_catalog_load() is false).  The first that
 * registered a name has it; modules register in the order of their ids.
 * Everything belongs to the arena; keys are borrowed from the backends'
 * variables.
 */
#ifndef CTL_CATALOG_H
#define CTL_CATALOG_H

#include "catalog/backends_env.h"
#include "catalog/finding.h"
#include "catalog/manifest.h"
#include "catalog/price_table.h"
#include "catalog/routing.h"
#include "core/catalog.h"
#include "core/url.h"

#define CTL_CATALOG_ARENA_BYTES    (256u * 1024 * 1024)
/* Prices of projects: of tiers too by the files, and by the API. */
#define CTL_CATALOG_FILE_CARDS_MAX 4096
#define CTL_CATALOG_OVERRIDES_MAX  (ASG_CATALOG_CARDS_MAX \
                                    - CTL_CATALOG_FILE_CARDS_MAX)

enum ctl_module_state {
    CTL_MODULE_ACTIVE, CTL_MODULE_INACTIVE, CTL_MODULE_REFUSED
};

struct ctl_module {
    const char *id;
    const char *file;
    enum ctl_module_state state;
    const char *reason;                 /* NULL when active */
    const struct ctl_manifest *manifest;        /* NULL when refused */
    const char *base_url;               /* of an active one; NULL with echo */
    asg_url_t url;
    asg_str_t key;                      /* null: no Authorization */
    const char *key_env;                /* the variable that it is of */
    unsigned endpoint;                  /* index among the active ones */
};

/* What one project pays for a model, or what a tier costs. */
struct ctl_catalog_card {
    const char *project;                /* ctl_project_price's */
    const char *id;                     /* <ref>@<project> */
    const char *card;                   /* JSON of its prices */
    asg_rates_t rates;                  /* the same */
    bool by_api;                        /* not by the module's file */
    int64_t version;                    /* 0 until it is known */
};

struct ctl_catalog_model {
    const struct ctl_module *module;
    const struct ctl_model *model;
    const char *card;                   /* JSON of the card's prices */
    int64_t card_version;               /* 0 until it is known */
    struct ctl_catalog_card *file_cards;        /* of projects, by its file */
    unsigned nfile_cards;
    struct ctl_catalog_card *cards;     /* with the API's: project_price.h */
    unsigned ncards;                    /* sorted by project, as those are */
};

/* Candidates of a name among which a strategy decides. */
struct ctl_catalog_group {
    unsigned n;                         /* behind those of the group before */
    struct ctl_routing_how how;         /* nothing of it is unsaid */
    bool on_context;                    /* for a prompt that is too long */
};

struct ctl_catalog_name {
    const char *name;
    bool alias;                         /* by an alias or by the routing file */
    bool hidden;                        /* an alias that is not listed */
    unsigned candidates[ASG_CATALOG_CANDIDATES_MAX];
    unsigned weights[ASG_CATALOG_CANDIDATES_MAX];
    unsigned ncandidates;
    struct ctl_catalog_group groups[ASG_CATALOG_CANDIDATES_MAX];
    unsigned ngroups;                   /* its own, then its fallbacks */
};

struct ctl_catalog {
    struct ctl_arena *arena;
    struct ctl_findings findings;
    struct ctl_price_table prices;
    struct ctl_module *modules;         /* by id */
    unsigned nmodules;
    struct ctl_catalog_model *models;   /* of the active modules */
    unsigned nmodels;
    struct ctl_catalog_name *names;     /* in order of registration */
    unsigned nnames;
    struct ctl_routing *routing;
};

struct ctl_catalog_sources {
    char *const *services;              /* folders, later ones overlay */
    unsigned nservices;
    const char *routing;                /* NULL: none */
    const struct ctl_backends *backends;
    const char *prices;                 /* the operator's own; NULL: none */
};

bool ctl_catalog_load(struct ctl_catalog *c, struct ctl_arena *arena,
    const struct ctl_catalog_sources *from);

/* Candidates of a public name; NULL when there is none. */
const struct ctl_catalog_name *ctl_catalog_name_find(
    const struct ctl_catalog *c, const char *name);
/* A card's prices as they are remembered for the ledger (docs/formats.md); NULL
 * when memory ran out. */
const char *ctl_catalog_card_text(struct ctl_arena *arena,
    const asg_card_t *card, bool is_free);
/* The modules as a JSON list of {id, state, reason, file}; NULL when memory ran
 * out. */
const char *ctl_catalog_report(const struct ctl_catalog *c);
const char *ctl_module_state_name(enum ctl_module_state state);

/* catalog/modules.c, activate.c, names.c: the steps of ctl_catalog_load(). */
bool ctl_catalog_find_modules(struct ctl_catalog *c,
    const struct ctl_catalog_sources *from);
void ctl_catalog_activate(struct ctl_catalog *c,
    const struct ctl_backends *backends);
bool ctl_catalog_register(struct ctl_catalog *c);

#endif
