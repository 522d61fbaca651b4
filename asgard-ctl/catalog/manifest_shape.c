/*
 * The fields of services/<id>/service.yaml, all of them, also those that no
 * connector uses yet: a manifest that is right today stays right.
 */
#include "catalog/manifest_shape.h"

#define TEXT(name)       {name, CTL_SHAPE_TEXT, false, NULL, NULL}
#define MUST(name)       {name, CTL_SHAPE_TEXT, true, NULL, NULL}
#define WORD(name, w)    {name, CTL_SHAPE_TEXT, false, NULL, w}
#define BOOL(name)       {name, CTL_SHAPE_BOOL, false, NULL, NULL}
#define INT(name)        {name, CTL_SHAPE_INT, false, NULL, NULL}
#define DECIMAL(name)    {name, CTL_SHAPE_DECIMAL, false, NULL, NULL}
#define USD(name)        {name, CTL_SHAPE_USD, false, NULL, NULL}
#define TIME(name)       {name, CTL_SHAPE_TIME, false, NULL, NULL}
#define TEXTS(name)      {name, CTL_SHAPE_TEXTS, false, NULL, NULL}
#define WORDS(name, w)   {name, CTL_SHAPE_TEXTS, false, NULL, w}
#define MAP(name, f)     {name, CTL_SHAPE_MAP, false, f, NULL}
#define NAMED(name, f)   {name, CTL_SHAPE_NAMED, false, f, NULL}
#define FREE(name)       {name, CTL_SHAPE_FREE, false, NULL, NULL}
#define END              {NULL, CTL_SHAPE_FREE, false, NULL, NULL}

static const char *const classifications[] = {
    "poc", "light-operational", "wide-operational", "critical-path", NULL
};
static const char *const connectors[] = {
    "terraform", "exec", "http", "mcp", "litellm", "random", "stub",
    NULL
};
static const char *const cost_models[] = {"usage", "flat", "free", NULL};
static const char *const cost_sources[] = {
    "gateway", "litellm", "databricks-billing", "aws-cost-explorer",
    "gcp-billing", "azure-cost-management", "flat", "free", "exec", "http",
    "none", NULL
};
static const char *const statuses[] = {
    "live", "preview", "beta", "planned", "deprecated", "retired", NULL
};
static const char *const kinds[] = {
    "openai", "openai-compatible", "echo", "anthropic", NULL
};
static const char *const unsupported[] = {"drop", "refuse", NULL};
static const char *const data_classes[] = {
    "public", "internal", "confidential", "restricted", NULL
};
static const char *const auto_tiers[] = {"standard", "any", NULL};

static const char *const max_tokens_fields[] = {
    "max_tokens", "max_completion_tokens", NULL
};
static const char *const apis[] = {
    "chat", "completions", "embeddings", "messages", NULL
};

static const char *const endpoint_apis[] = {
    "chat/completions", "completions", "embeddings", "messages", NULL
};

static const struct ctl_shape provisioner[] = {
    {"connector", CTL_SHAPE_TEXT, true, NULL, connectors},
    FREE("config"), END
};

static const struct ctl_shape cost_source[] = {
    {"type", CTL_SHAPE_TEXT, true, NULL, cost_sources},
    TEXTS("command"), FREE("config"), END
};

static const struct ctl_shape cost[] = {
    WORD("model", cost_models), USD("estimated_monthly_usd"),
    MAP("source", cost_source), END
};

static const struct ctl_shape option[] = {
    USD("estimated_monthly_usd"),
    WORD("classification_min", classifications), BOOL("requires_approval"), END
};

static const struct ctl_shape variants[] = {
    MUST("field"), NAMED("options", option), END
};

static const struct ctl_shape retry[] = {
    INT("max_attempts"), INT("base_secs"), INT("cap_secs"), END
};

static const struct ctl_shape grant[] = {
    TEXT("module"), TEXT("principal_kind"), END
};

static const struct ctl_shape token_bounds[] = {
    INT("request"), INT("message"), INT("tool"), INT("image"), INT("file"),
    INT("audio"), INT("toolset"), INT("value"), INT("byte"),
    INT("reasoning"), INT("typed_tool"), END
};

/* USD per 1,000 tokens, then the same per token */
#define PRICES \
    DECIMAL("cost_in"), DECIMAL("cost_out"), DECIMAL("cost_cached"), \
    DECIMAL("cost_cache_write"), DECIMAL("cost_cache_write_1h"), \
    DECIMAL("cost_reasoning"), DECIMAL("cost_audio_in"), \
    DECIMAL("cost_audio_out"), \
    DECIMAL("input_cost_per_token"), DECIMAL("output_cost_per_token"), \
    DECIMAL("cache_read_input_token_cost"), \
    DECIMAL("cache_creation_input_token_cost"), \
    DECIMAL("cache_creation_input_token_cost_above_1hr"), \
    DECIMAL("output_cost_per_reasoning_token"), \
    DECIMAL("input_cost_per_audio_token"), \
    DECIMAL("output_cost_per_audio_token")

static const struct ctl_shape long_context[] = {
    {"above_tokens", CTL_SHAPE_INT, true, NULL, NULL}, PRICES, END
};

#define MILLION \
    DECIMAL("in"), DECIMAL("out"), DECIMAL("cached"), DECIMAL("cache_write"), \
    DECIMAL("cache_write_1h"), DECIMAL("reasoning"), DECIMAL("audio_in"), \
    DECIMAL("audio_out")

/* USD per million tokens */
static const struct ctl_shape price[] = {
    TEXT("table"), MILLION, END
};

static const struct ctl_shape tier_price[] = {
    MILLION, END
};

static const struct ctl_shape project_length[] = {
    INT("above_tokens"), MILLION, END
};

static const struct ctl_shape project_price[] = {
    MILLION, MAP("flex", tier_price), MAP("priority", tier_price),
    MAP("long_context", project_length), END
};

static const struct ctl_shape model[] = {
    MUST("ref"), TEXT("route"), TEXT("served"), TEXTS("aliases"),
    WORDS("data_classes", data_classes), WORDS("apis", apis),
    PRICES, MAP("long_context", long_context), MAP("price", price),
    NAMED("project_prices", project_price),
    NAMED("tier_prices", tier_price), WORD("auto_tier", auto_tiers),
    BOOL("free"),
    INT("context_window"), INT("max_output_tokens"),
    INT("default_max_tokens"), WORD("max_tokens_field", max_tokens_fields),
    BOOL("send_user"), BOOL("send_stream_options"), BOOL("structured_output"),
    TEXTS("allow_fields"),
    MAP("token_bounds", token_bounds), END
};

static const struct ctl_shape inference[] = {
    {"kind", CTL_SHAPE_TEXT, true, NULL, kinds},
    TEXT("base_url"), TEXT("base_url_env"), TEXT("api_key_env"),
    TEXT("inference_key_env"),
    BOOL("api_key_optional"), TEXT("auth_header"), TEXT("auth_scheme"),
    TEXT("ca_file"), TEXT("chat_path"), TEXT("completions_path"),
    TEXT("embeddings_path"), WORDS("apis", endpoint_apis), TEXT("query"),
    FREE("headers"), TEXT("anthropic_version"), TEXTS("anthropic_beta"),
    TEXT("count_tokens_path"),
    WORD("unsupported", unsupported),
    TIME("connect_timeout"), TIME("first_byte_timeout"), TIME("idle_timeout"),
    BOOL("retry_after_send"), BOOL("public_only"),
    {"models", CTL_SHAPE_MAPS, true, model, NULL}, END
};

const struct ctl_shape ctl_manifest_shape[] = {
    MUST("id"), TEXT("name"), TEXT("category"), WORD("status", statuses),
    TEXT("description"), TEXTS("tags"), FREE("documentation"),
    WORD("classification_min", classifications),
    WORD("classification_max", classifications), BOOL("auto_approvable"),
    TEXTS("required_fields"), MAP("provisioner", provisioner),
    TEXTS("secret_outputs"), INT("secret_rotation_days"),
    MAP("cost", cost), MAP("variants", variants),
    BOOL("long_running"), MAP("retry", retry), FREE("access_levels"),
    MAP("grant", grant), TEXT("principal_output"), TEXT("principal_kind"),
    MAP("inference", inference), END
};
