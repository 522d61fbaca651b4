/*
 * The catalog snapshot, read (docs/formats.md, "The snapshot").
 *
 * asg_catalog_verify() checks head and MAC; asg_catalog_parse() turns the JSON
 * into flat arrays that live in one block of the caller's memory, strings
 * borrowed from the JSON text that must stay beside it.  Nothing is believed
 * before the MAC was checked, and yet every index, length and number is
 * checked again.
 */
#ifndef ASG_CATALOG_H
#define ASG_CATALOG_H

#include <stdint.h>

#include "core/anthropic_headers.h"
#include "core/err.h"
#include "core/fields.h"
#include "core/json.h"
#include "core/keyfile.h"
#include "core/price.h"
#include "core/route.h"
#include "core/str.h"
#include "core/tier.h"

#define ASG_CATALOG_FORMAT         5
#define ASG_CATALOG_FORMAT_PUBLIC  4       /* without projects' own prices of
                                            * tiers */
#define ASG_CATALOG_FORMAT_CARDS   3       /* and without endpoints that may
                                            * only have public addresses */
#define ASG_CATALOG_FORMAT_PLAIN   2       /* and without cards of projects */
#define ASG_CATALOG_FORMAT_OLDEST  1       /* still read */
#define ASG_CATALOG_BYTES_MAX      (16u * 1024 * 1024)
#define ASG_CATALOG_ENDPOINTS_MAX  256
#define ASG_CATALOG_MODELS_MAX     4096
#define ASG_CATALOG_NAMES_MAX      16384
#define ASG_CATALOG_CARDS_MAX      8192    /* of projects */
#define ASG_CATALOG_CANDIDATES_MAX 16
#define ASG_CATALOG_HEADERS_MAX    8       /* of an endpoint, beyond ours */

typedef enum {
    ASG_KIND_OPENAI, ASG_KIND_COMPATIBLE, ASG_KIND_ECHO, ASG_KIND_ANTHROPIC
} asg_kind_t;

typedef struct {
    asg_str_t name, value;
} asg_header_t;

typedef struct {
    asg_str_t id, provider;
    asg_kind_t kind;
    bool tls;
    asg_str_t host;             /* name or address to connect to */
    uint16_t port;
    asg_str_t host_header, tls_name, ca_file;
    asg_str_t auth_header, auth_scheme;
    bool has_key;
    asg_str_t key_seal, key_nonce_hex, key_data_hex;
    uint64_t key_version;
    int64_t connect_timeout_ms, first_byte_timeout_ms, idle_timeout_ms;
    bool retry_after_send;      /* a begun call may be sent again */
    bool public_only;           /* addresses that are not public are refused */
    asg_str_t anthropic_version;        /* of kind anthropic */
    asg_str_t betas[ASG_ANTHROPIC_BETAS_MAX];   /* that a client may ask for */
    unsigned nbetas;
    bool refuse_unsupported;    /* fields without a counterpart there */
    asg_header_t headers[ASG_CATALOG_HEADERS_MAX];  /* catalog_headers.h */
    unsigned nheaders;
} asg_endpoint_t;

typedef struct {
    asg_str_t ref, route, provider, served;
    int64_t created;
    unsigned data_classes;      /* bit 1 << asg_data_class_t */
    int64_t context, max_output_tokens, default_max_tokens;
    asg_str_t max_tokens_field; /* max_tokens | max_completion_tokens */
    bool send_user, send_stream_options;
    bool structured_output;     /* of kind anthropic: takes output_config */
    bool any_tier;              /* a request that names none may be served at
                                 * each that has a price */
    asg_str_t allow[ASG_ALLOW_MAX];
    unsigned nallow;
    unsigned endpoint;          /* index */
    asg_str_t path[ASG_API_COUNT];      /* null: the model lacks that API;
                                         * ASG_API_GATEWAY equals chat */
    asg_card_t card;
    asg_str_t card_id;
    uint64_t card_version;
} asg_model_t;

/* What a model costs one project, or at one service tier. */
typedef struct {
    asg_str_t project;          /* or asg_tier_mark(), "@" and a project */
    unsigned model;             /* index */
    asg_card_t card;            /* instead of the model's */
    asg_str_t card_id;
    uint64_t card_version;
} asg_project_card_t;

/* Candidates among which a strategy decides; the next group is for when all of
 * this one failed. */
typedef struct {
    unsigned n;                 /* of the name's candidates, in a row */
    asg_strategy_t strategy;
    unsigned retries;           /* of one candidate, after it did no work */
    unsigned allowed_fails;     /* health.h */
    int64_t cooldown_ms;
    int64_t first_byte_timeout_ms, idle_timeout_ms;     /* 0: the endpoint's */
    bool on_context;            /* for a prompt that is too long elsewhere */
} asg_group_t;

typedef struct {
    asg_str_t name;
    bool alias;                 /* listed by /v1/models: routes and aliases */
    bool ref;
    bool hidden;                /* not listed */
    unsigned candidates[ASG_CATALOG_CANDIDATES_MAX];
    unsigned weights[ASG_CATALOG_CANDIDATES_MAX];
    unsigned ncandidates;
    asg_group_t groups[ASG_CATALOG_CANDIDATES_MAX];
    unsigned ngroups;
} asg_public_name_t;

typedef struct {
    uint64_t version;
    int64_t created;
    int64_t max_age_s;
    asg_endpoint_t *endpoints;
    unsigned nendpoints;
    asg_model_t *models;
    unsigned nmodels;
    asg_project_card_t *cards;  /* sorted by model and project */
    unsigned ncards;
    asg_public_name_t *names;   /* sorted by name */
    unsigned nnames;
} asg_catalog_t;

/* Head and MAC of a whole snapshot; `body` is the JSON within `text`.
 * SYNTAX, LIMIT, MISSING (seal id not in the key file), AUTH. */
ASG_MUST_CHECK asg_err_t asg_catalog_verify(const asg_keyfile_t *keys,
    asg_str_t text, uint64_t *version, int64_t *created, asg_str_t *body);

/* Bytes of memory that asg_catalog_parse() needs for this body: a first walk
 * that counts.  0 when it is not readable. */
size_t asg_catalog_size(asg_json_t *json, asg_str_t body);
/* `memory` is aligned for any type and outlives the catalog. String values with
 * escapes are refused (our compiler writes none). */
ASG_MUST_CHECK asg_err_t asg_catalog_parse(asg_json_t *json, asg_str_t body,
    void *memory, size_t size, asg_catalog_t *out);

/* NULL when unknown.  Binary search. */
const asg_public_name_t *asg_catalog_find(const asg_catalog_t *c,
    asg_str_t name);

/* NULL: the project pays what the model's own card says.  Binary search. */
const asg_project_card_t *asg_catalog_project_card(const asg_catalog_t *c,
    const asg_model_t *model, asg_str_t project);
/* What a service tier costs: `project`, when it pays something else there, or
 * everybody.  NULL: the tier has no price. */
const asg_project_card_t *asg_catalog_tier_card(const asg_catalog_t *c,
    const asg_model_t *model, asg_tier_t tier, asg_str_t project);

/* The name without its options: `echo:latency_ms=50,status=503` is looked up as
 * `echo`.  Only models of kind echo take options. */
asg_str_t asg_catalog_base_name(asg_str_t name);

/* AAD of an endpoint's sealed key. */
void asg_catalog_key_aad(asg_buf_t *out, const char *scheme, asg_str_t host,
    uint16_t port, uint64_t version);

#endif
