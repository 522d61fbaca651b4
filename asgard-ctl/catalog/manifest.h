/*
 * One service module: services/<id>/service.yaml.
 *
 * Every field of the contract is known; what is said of provisioning is kept as
 * service.h has it.  Nothing here depends on the environment: a
 * manifest holds names of variables and never a secret.  What enters the
 * snapshot is printable ASCII without quote and backslash, so it needs no
 * escaping there.
 * All texts belong to the arena of the findings.
 */
#ifndef CTL_MANIFEST_H
#define CTL_MANIFEST_H

#include "catalog/finding.h"
#include "catalog/price_table.h"
#include "core/catalog.h"
#include "core/fields.h"
#include "core/price.h"

#define CTL_MANIFEST_MODELS_MAX  1024
#define CTL_MANIFEST_ALIASES_MAX 64
#define CTL_MANIFEST_NAME_MAX    128    /* bytes of a ref, route or alias */
#define CTL_MANIFEST_ID_MAX      63
#define CTL_MANIFEST_PROJECTS_MAX 64    /* of one model's prices */

enum ctl_kind {
    CTL_KIND_OPENAI, CTL_KIND_COMPATIBLE, CTL_KIND_ECHO, CTL_KIND_ANTHROPIC
};

/* Where a model's prices come from. */
struct ctl_priced {
    const char *table;                  /* name in the table; NULL: none */
    bool own;                           /* of the operator's own table */
    unsigned said;                      /* kinds that the manifest says */
    unsigned replaced;                  /* of them, that the table says too */
};

/* What one project pays instead. */
struct ctl_project_price {
    const char *project;                /* or asg_tier_mark(), alone or with
                                         * "@" and a project */
    asg_card_t card;
};

struct ctl_model {
    unsigned line;
    const char *ref;                    /* model:<namespace>/<name> */
    const char *route;
    const char *served;                 /* what the backend calls it */
    const char *aliases[CTL_MANIFEST_ALIASES_MAX];
    unsigned naliases;
    unsigned data_classes;              /* bit 1 << asg_data_class_t */
    bool apis[ASG_API_COUNT];           /* gateway equals chat */
    int64_t context;                    /* tokens; 0: not said */
    int64_t max_output_tokens;          /* 0: not said */
    int64_t default_max_tokens;         /* 0: not said */
    const char *max_tokens_field;
    bool send_user, send_stream_options;
    bool structured_output;             /* of kind anthropic */
    bool any_tier;                      /* where a request names none */
    const char *allow[ASG_ALLOW_MAX];
    unsigned nallow;
    bool free;
    struct ctl_priced priced;
    struct ctl_price price;             /* said by the table and the manifest */
    asg_card_t card;
    struct ctl_project_price *projects; /* and tiers; sorted by project */
    unsigned nprojects;
};

struct ctl_manifest {
    const char *file;
    const char *id, *name, *status;
    const char *service;                /* JSON, service.h */
    bool has_inference;
    enum ctl_kind kind;
    const char *base_url;               /* NULL: none */
    const char *base_url_env;           /* NULL: none */
    const char *api_key_env;            /* NULL: none */
    const char *inference_key_env;      /* goes before it; NULL: none */
    bool api_key_optional;
    const char *auth_header, *auth_scheme;      /* the scheme may be "" */
    const char *ca_file;                /* NULL: the system's */
    const char *path[ASG_API_COUNT];    /* NULL: no such API */
    const char *query;                  /* behind each path; NULL: none */
    asg_header_t headers[ASG_CATALOG_HEADERS_MAX];
    unsigned nheaders;
    int64_t connect_timeout_ms;
    int64_t first_byte_timeout_ms;      /* 0: not said */
    int64_t idle_timeout_ms;            /* 0: not said */
    bool retry_after_send;
    bool public_only;
    const char *anthropic_version;      /* NULL: of another kind */
    bool refuse_unsupported;            /* of kind anthropic */
    const char *betas[ASG_ANTHROPIC_BETAS_MAX]; /* that a client may ask for */
    unsigned nbetas;
    struct ctl_model *models;
    unsigned nmodels;
    int64_t changed_at;                 /* mtime of the file */
};

/* `folder` is the name of its folder, which must be its id; NULL: not checked.
 * `prices` has what models cost that do not say it; NULL: nothing.  NULL after
 * an error, which is in the findings. */
struct ctl_manifest *ctl_manifest_parse(const char *file, asg_str_t text,
    const char *folder, const struct ctl_price_table *prices,
    struct ctl_findings *f);
/* The same of a file; *missing as in ctl_yaml_load(). */
struct ctl_manifest *ctl_manifest_load(const char *file, const char *folder,
    const struct ctl_price_table *prices, bool *missing,
    struct ctl_findings *f);

/* `[A-Za-z0-9._:/@+-]`, 1 to CTL_MANIFEST_NAME_MAX bytes. */
bool ctl_manifest_is_name(const char *text);

#endif
