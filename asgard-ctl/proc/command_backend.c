/*
 * The command `backend probe`: does a backend do what its manifest says?
 *
 * One JSON and one streamed call are made to one of its models, in the words of
 * the first API that it has; embeddings have no stream and no limit.  A backend
 * that refuses the field of the limit or the user is asked again without, so
 * that the report can say what to write into the manifest; a refused call costs
 * nothing.
 */
#include "proc/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/request.h"
#include "proc/own_catalog.h"
#include "proc/probe_call.h"

#define URL_BYTES 4096

struct probe {
    struct ctl_probe_ask ask;
    struct ctl_probe_answer json, stream;
    unsigned problems;
};

/* What a model is asked by: the first of these that it has. */
static const struct {
    asg_api_t api;
    const char *name;
} apis[] = {
    {ASG_API_CHAT, "chat/completions"},
    {ASG_API_MESSAGES, "messages"},
    {ASG_API_COMPLETIONS, "completions"},
    {ASG_API_EMBEDDINGS, "embeddings"}
};


static int
usage(void)
{
    fprintf(stderr, "usage: asgard-ctl backend probe ID [--model NAME]\n");

    return 2;
}


static void
line(const char *name, const char *text)
{
    printf("%-10s %s\n", name, text);
}


static void
problem(struct probe *p, const char *name, const char *text)
{
    printf("%-10s PROBLEM: %s\n", name, text);
    p->problems++;
}


/* The limit's field as the gateway sends it. */
static const char *
own_field(const struct ctl_probe_ask *ask)
{
    return asg_request_limit_field(ask->api,
               asg_str_z(ask->model->max_tokens_field)).data;
}


/* Its other name, where the API has two. */
static const char *
other_field(const struct ctl_probe_ask *ask, const char *field)
{
    return ask->module->manifest->kind != CTL_KIND_ANTHROPIC
           && ask->api == ASG_API_CHAT
           && strcmp(field, "max_tokens") == 0 ? "max_completion_tokens"
                                               : "max_tokens";
}


static bool
has_limit(const struct ctl_probe_ask *ask)
{
    return ask->api != ASG_API_EMBEDDINGS;
}


static bool
is_answered(const struct ctl_probe_answer *a)
{
    return a->status == 200;
}


/* As the manifest says, then with less: at most four calls, and none after one
 * that says something else than that the request is wrong. */
static bool
json_call(struct probe *p)
{
    const char *own = own_field(&p->ask);
    const char *fields[2] = {own, other_field(&p->ask, own)};
    unsigned nfields = has_limit(&p->ask) && strcmp(own, fields[1]) != 0
                       ? 2 : 1;
    unsigned ways = nfields * (p->ask.model->send_user ? 2 : 1), i;

    for (i = 0; i < ways; i++) {
        p->ask.limit_field = has_limit(&p->ask) ? fields[i % nfields] : NULL;
        p->ask.user = p->ask.model->send_user && i < nfields;
        if (!ctl_probe_call(&p->ask, &p->json)) {
            return false;
        }
        if (p->json.status != 400 && p->json.status != 422) {
            break;
        }
    }

    return true;
}


static const char *
status_hint(long status)
{
    switch (status) {
    case 401: case 403:
        return "the key is refused";
    case 404:
        return "it does not know the path or the served name";
    case 400: case 422:
        return "it refuses the request, whatever the limit's field and user";
    case 429:
        return "its rate limit or quota is used up";
    default:
        return status >= 500 ? "it fails" : "no answer that we read";
    }
}


/* --- the report --- */

static void
reach_report(struct probe *p)
{
    const struct ctl_module *m = p->ask.module;
    const struct ctl_probe_answer *a = &p->json;

    if (a->status == 0) {
        problem(p, a->tls_refused ? "tls" : "reachable", a->why);
        return;
    }
    line("reachable", "yes");
    if (m->url.tls) {
        printf("%-10s verified for %.*s\n", "tls", (int) m->url.host.len,
               m->url.host.data);
    } else {
        line("tls", "none: http");
    }
}


static void
call_report(struct probe *p, const char *name,
    const struct ctl_probe_answer *a)
{
    const asg_usage_t *u = &a->usage;
    char text[160];

    if (!is_answered(a)) {
        snprintf(text, sizeof(text), "status %ld: %s", a->status,
                 a->status == 0 ? a->why : status_hint(a->status));
        problem(p, name, text);
    } else if (u->verdict != ASG_USAGE_GOOD || !u->done) {
        problem(p, name, u->malformed ? "it is not the JSON of an answer"
                : !u->done ? "it ends before its end"
                : "no usage that is believed; such calls are charged by an "
                  "estimate");
    } else {
        snprintf(text, sizeof(text), "usage %d tokens in, %d out",
                 u->tokens.prompt, u->tokens.completion);
        line(name, text);
    }
}


static void
fields_report(struct probe *p)
{
    const struct ctl_model *m = p->ask.model;
    char text[160];

    if (!has_limit(&p->ask)) {
        line("limit", "none: what comes back is no text");
    } else if (strcmp(p->ask.limit_field, own_field(&p->ask)) != 0) {
        snprintf(text, sizeof(text), "it refuses %s and takes %s: say so in "
                 "max_tokens_field", own_field(&p->ask), p->ask.limit_field);
        problem(p, "limit", text);
    } else {
        line("limit", p->ask.limit_field);
    }
    if (!m->send_user) {
        line("user", "not sent (send_user: false)");
    } else if (!p->ask.user) {
        problem(p, "user", "it refuses one: say send_user: false");
    } else {
        line("user", "taken");
    }
}


static bool
is_priced(const struct ctl_model *m, const struct ctl_probe_answer *a,
    asg_nusd_t *cost)
{
    return a->usage.verdict == ASG_USAGE_GOOD
           && asg_price_cost(&m->card.rates, &a->usage.tokens, cost) == ASG_OK;
}


static void
price_report(const struct probe *p)
{
    const struct ctl_model *m = p->ask.model;
    const asg_prices_t *base = &m->card.rates.base;
    char in[CTL_PRICE_TEXT], out[CTL_PRICE_TEXT], cost[ASG_MONEY_TEXT];
    asg_nusd_t json = 0, stream = 0;

    printf("%-10s in %s, out %s USD per million tokens, %s%s\n", "price",
           ctl_price_text(base->in_pusd, in),
           ctl_price_text(base->out_pusd, out),
           m->free ? "free" : m->priced.table != NULL ? "by the table: "
                                                      : "by its manifest",
           m->priced.table != NULL ? m->priced.table : "");
    if (is_priced(m, &p->json, &json)
        && (!has_limit(&p->ask) || is_priced(m, &p->stream, &stream)))
    {
        asg_money_format(json + stream, cost);
        printf("%-10s %s USD for %s, which is in no budget\n", "cost", cost,
               has_limit(&p->ask) ? "both calls" : "the call");
    }
}


/* False: there was no memory. */
static bool
stream_call(struct probe *p)
{
    p->ask.stream = true;
    if (!ctl_probe_call(&p->ask, &p->stream)) {
        return false;
    }
    call_report(p, "stream", &p->stream);
    if (is_answered(&p->stream) && !p->stream.sse) {
        problem(p, "stream", "it is no event stream");
    }

    return true;
}


static int
probe_run(struct probe *p, const char *api)
{
    char url[URL_BYTES];
    bool ok;

    ok = ctl_probe_url(&p->ask, url, sizeof(url)) && json_call(p);
    if (ok) {
        printf("%-10s %s at %s\n", "backend", p->ask.module->id, url);
        printf("%-10s %s, there %s\n", "model", p->ask.model->ref,
               p->ask.model->served);
        line("api", p->ask.module->manifest->kind == CTL_KIND_ANTHROPIC
                    ? "messages" : api);
        reach_report(p);
    }
    if (ok && p->json.status != 0) {
        call_report(p, "json", &p->json);
    }
    if (ok && is_answered(&p->json)) {
        fields_report(p);
        ok = !has_limit(&p->ask) || stream_call(p);
    }
    if (!ok) {
        fprintf(stderr, "asgard-ctl: out of memory\n");
        return EXIT_FAILURE;
    }
    price_report(p);
    printf("%-10s %u problems\n", "result", p->problems);

    return p->problems == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}


/* --- which model --- */

static const struct ctl_module *
module_find(const struct ctl_catalog *c, const char *id)
{
    unsigned i;

    for (i = 0; i < c->nmodules; i++) {
        if (strcmp(c->modules[i].id, id) == 0) {
            return &c->modules[i];
        }
    }

    return NULL;
}


/* The first that has the API, or the one that is named, if it has. */
static const struct ctl_model *
model_find(const struct ctl_module *m, const char *name, asg_api_t api)
{
    const struct ctl_model *model;
    unsigned i;

    for (i = 0; i < m->manifest->nmodels; i++) {
        model = &m->manifest->models[i];
        if (model->apis[api]
            && (name == NULL || strcmp(name, model->ref) == 0
                || strcmp(name, model->route) == 0))
        {
            return model;
        }
    }

    return NULL;
}


static int
probe_module(const struct ctl_module *m, const char *name)
{
    struct probe p = {.ask = {.module = m}};
    unsigned i;

    if (m->state != CTL_MODULE_ACTIVE) {
        fprintf(stderr, "asgard-ctl: %s is %s: %s\n", m->id,
                ctl_module_state_name(m->state), m->reason);
        return EXIT_FAILURE;
    }
    if (m->manifest->kind == CTL_KIND_ECHO) {
        printf("%-10s %s is built in: nothing to ask\n", "backend", m->id);
        return EXIT_SUCCESS;
    }
    for (i = 0; i < sizeof(apis) / sizeof(apis[0]); i++) {
        p.ask.api = apis[i].api;
        p.ask.model = model_find(m, name, apis[i].api);
        if (p.ask.model != NULL) {
            return probe_run(&p, apis[i].name);
        }
    }
    fprintf(stderr, "asgard-ctl: %s has no such model\n", m->id);

    return EXIT_FAILURE;
}


int
ctl_command_backend(const struct ctl_config *config, int argc, char **argv)
{
    struct ctl_own_catalog own;
    const struct ctl_module *m;
    struct ctl_error e;
    int status;

    if ((argc != 2 && argc != 4) || strcmp(argv[0], "probe") != 0
        || (argc == 4 && strcmp(argv[2], "--model") != 0))
    {
        return usage();
    }
    if (!ctl_own_catalog_open(&own, config, &e)) {
        if (own.catalog != NULL) {
            ctl_findings_print(&own.catalog->findings);
        }
        ctl_own_catalog_close(&own);
        return ctl_command_failed(&e);
    }
    m = module_find(own.catalog, argv[1]);
    if (m == NULL) {
        fprintf(stderr, "asgard-ctl: there is no module \"%.64s\"\n", argv[1]);
        status = EXIT_FAILURE;
    } else {
        status = probe_module(m, argc == 4 ? argv[3] : NULL);
    }
    ctl_own_catalog_close(&own);

    return status;
}
