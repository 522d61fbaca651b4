/*
 * /api/decide: links of notices.  A GET is the page alone; what a link opens is
 * asked for, and decided, by a POST with its token.
 */
#include "http/handlers.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "http/ask_json.h"
#include "http/bad_tokens.h"
#include "http/gate.h"
#include "http/json_in.h"
#include "http/json_out.h"
#include "http/link_page.h"
#include "ops/ask_decide.h"
#include "ops/link.h"
#include "ops/principal.h"

#define POLICY_BYTES 384
#define SHA_TEXT     (4 * ((SHA256_DIGEST_LENGTH + 2) / 3) + 1)

struct said {
    const char *token, *decision, *reason, *plan_hash;
};


/* --- the page --- */

/* " 'sha256-…'" of what stands between two tags. */
static bool
digest_put(asg_buf_t *out, const char *begin, const char *end)
{
    const char *from = strstr(ctl_link_page, begin);
    const char *to = from != NULL ? strstr(from, end) : NULL;
    unsigned char sha[SHA256_DIGEST_LENGTH];
    char text[SHA_TEXT];

    if (to == NULL) {
        return false;
    }
    from += strlen(begin);
    SHA256((const unsigned char *) from, (size_t) (to - from), sha);
    EVP_EncodeBlock((unsigned char *) text, sha, sizeof(sha));
    asg_buf_z(out, " 'sha256-");
    asg_buf_z(out, text);
    asg_buf_z(out, "'");

    return true;
}


/* By the digests of its script and its style: nothing else runs in it, whatever
 * it shows, and nothing comes from elsewhere. */
static bool
policy_write(char policy[POLICY_BYTES])
{
    asg_buf_t b;

    asg_buf_init(&b, policy, POLICY_BYTES - 1);
    asg_buf_z(&b, "default-src 'none'; script-src");
    if (!digest_put(&b, "<script>", "</script>")) {
        return false;
    }
    asg_buf_z(&b, "; style-src");
    if (!digest_put(&b, "<style>", "</style>")) {
        return false;
    }
    asg_buf_z(&b, "; img-src data:; connect-src 'self'; base-uri 'none';"
                  " form-action 'none'; frame-ancestors 'none'");
    policy[b.len] = '\0';

    return asg_buf_ok(&b);
}


CTL_HANDLER(ctl_http_link_page)
{
    char *policy = ctl_arena_alloc(&rq->worker->arena, POLICY_BYTES);

    if (policy == NULL || !policy_write(policy)) {
        return ctl_error_internal(e, "the page of links cannot be made");
    }
    an->status = 200;
    an->content_type = "text/html; charset=utf-8";
    an->policy = policy;
    an->body = (asg_str_t) {ctl_link_page, ctl_link_page_len};

    return true;
}


/* --- what a link opens --- */

static bool
read_look(struct ctl_request *rq, struct said *said, struct ctl_error *e)
{
    const struct ctl_json_field fields[] = {
        {"token", CTL_JSON_TEXT, true, CTL_LINK_TOKEN_MAX, &said->token},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e);
}


static bool
read_act(struct ctl_request *rq, struct said *said, struct ctl_error *e)
{
    const struct ctl_json_field fields[] = {
        {"token", CTL_JSON_TEXT, true, CTL_LINK_TOKEN_MAX, &said->token},
        {"decision", CTL_JSON_TEXT, true, 16, &said->decision},
        {"reason", CTL_JSON_TEXT, false, CTL_ASK_REASON_MAX, &said->reason},
        {"plan_hash", CTL_JSON_TEXT, false, 64, &said->plan_hash},
        {NULL, CTL_JSON_TEXT, false, 0, NULL}
    };

    return ctl_json_read(rq->body, fields, &rq->worker->arena, e)
           && (strcmp(said->decision, "approve") == 0
               || strcmp(said->decision, "reject") == 0
               || ctl_error_field(e, "invalid_value", "decision",
                                  "decision must be approve or reject."));
}


static bool
link_absent(struct ctl_request *rq, struct ctl_error *e)
{
    if (ctl_bad_tokens_is_over(rq)) {
        return ctl_error_set(e, 429, "rate_limit_exceeded",
                             "Too many tokens that are not valid came from "
                             "this address; try again after the time in "
                             "Retry-After.");
    }

    return ctl_error_set(e, 404, "link_not_found",
                         "There is no such link.");
}


/* The token is who asks: whoever else is signed in there is not looked at. */
static bool
link_open(struct ctl_request *rq, const char *token, struct ctl_link *link,
    struct ctl_error *e)
{
    struct ctl_worker *w = rq->worker;

    if (!ctl_link_find(w->pg, &w->arena, asg_str_z(token), link, e)) {
        return false;
    }
    if (link->who.kind == CTL_PRINCIPAL_NONE) {
        return link_absent(rq, e);
    }
    if (link->ended) {
        return ctl_link_ended(e);
    }
    rq->param[0] = link->request_id;

    return true;
}


bool
ctl_http_link_enter(struct ctl_request *rq, struct ctl_error *e)
{
    struct said said = {NULL, NULL, NULL, NULL};
    struct ctl_link link;

    bool act = asg_str_eq_z(rq->path, CTL_LINK_PATH "/act");

    if (!(act ? read_act(rq, &said, e) : read_look(rq, &said, e))
        || !link_open(rq, said.token, &link, e))
    {
        return false;
    }
    rq->who = link.who;
    rq->actor = ctl_principal_actor(&rq->worker->arena, &rq->who);

    return rq->actor != NULL || ctl_error_internal(e, "out of memory");
}


CTL_HANDLER(ctl_http_link_look)
{
    struct said said = {NULL, NULL, NULL, NULL};
    struct ctl_link link;
    struct ctl_ask ask;
    unsigned relation;
    cJSON *tree, *whole;

    if (!read_look(rq, &said, e)
        || !link_open(rq, said.token, &link, e)
        || !ctl_gate_ask(rq, &ask, &relation, e))
    {
        return false;
    }
    whole = ctl_ask_json_whole(rq, &ask, relation, e);
    if (whole == NULL) {
        return false;
    }
    tree = cJSON_CreateObject();
    ctl_out_text(tree, "username", rq->who.name);
    ctl_out_text(tree, "expires_at", link.expires_at);
    cJSON_AddItemToObject(tree, "request", whole);

    return ctl_out_send(rq, an, 200, tree, e);
}


static bool
check_plan(const struct said *said, const struct ctl_link *link,
    const struct ctl_ask *ask, struct ctl_error *e)
{
    return said->plan_hash == NULL
           || strcasecmp(said->plan_hash, link->plan_hash) == 0
           || ctl_ask_plan_changed(ask, e);
}


/* The request is locked before the link, as by whoever decides otherwise. */
static bool
act(struct ctl_request *rq, const struct said *said,
    const struct ctl_link *link, struct ctl_ask *ask, unsigned relation,
    bool *changed, struct ctl_error *e)
{
    const struct ctl_ask_by by = {
        .who = &rq->who, .relation = relation, .reason = said->reason,
        .plan_hash = link->plan_hash
    };
    struct ctl_change *c = rq->change;

    *changed = false;

    return ctl_ask_get(c->pg, c->arena, link->request_id, true, ask, e)
           && check_plan(said, link, ask, e)
           && ctl_link_use(c, link, said->decision, ask->project_id, e)
           && (strcmp(said->decision, "approve") == 0
               ? ctl_ask_approve(c, ask->id, &by, ask, changed, e)
               : ctl_ask_reject(c, ask->id, &by, ask, e));
}


CTL_HANDLER(ctl_http_link_act)
{
    struct said said = {NULL, NULL, NULL, NULL};
    struct ctl_error refusal;
    struct ctl_link link;
    struct ctl_ask ask;
    unsigned relation;
    bool changed;
    cJSON *tree;

    if (!read_act(rq, &said, e) || !link_open(rq, said.token, &link, e)
        || !ctl_gate_ask(rq, &ask, &relation, e)
        || !act(rq, &said, &link, &ask, relation, &changed, e))
    {
        return false;
    }
    if (changed) {
        ctl_error_clear(&refusal);
        ctl_ask_plan_changed(&ask, &refusal);
        ctl_route_refuse(rq, &refusal, an);
        return true;
    }
    tree = ctl_ask_json_whole(rq, &ask, relation, e);

    return tree != NULL && ctl_out_send(rq, an, 200, tree, e);
}
