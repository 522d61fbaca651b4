
/*
 * The budgets of a call: their names, and whose they are.
 */

#include "ngx_http_asgard_budgets.h"
#include "ngx_http_asgard_ctx.h"
#include "ngx_http_asgard_policy.h"
#include "ngx_http_asgard_snapshot.h"


/* "<key id>/<model>", of the key's budget for a model. */
static void
ngx_http_asgard_budgets_model(ngx_http_asgard_ctx_t *ctx, asg_str_t budget,
    ngx_http_asgard_over_t *over)
{
    u_char     *p, *last;
    asg_str_t   rest, name, is;

    p = over->scope_id;
    last = p + sizeof(over->scope_id) - 1;
    p = ngx_slprintf(p, last, "%s/", ctx->key->key_id);
    rest = asg_record_key_budgets(ctx->key);

    while (asg_alias_next(&rest, &name, &is)) {
        if (asg_str_eq(is, budget)) {
            ngx_memcpy(p, name.data, ngx_min(name.len, (size_t) (last - p)));
            return;
        }
    }
}


/* Some budgets are named by a hash: whose they are the records know. */
ngx_int_t
ngx_http_asgard_budgets_whose(ngx_http_asgard_ctx_t *ctx, asg_str_t budget,
    ngx_http_asgard_over_t *over)
{
    asg_str_t  id;

    id = (asg_str_t) { budget.data + 2, budget.len - 2 };

    switch (budget.data[0]) {

    case 'm':
        over->scope = "model";
        ngx_http_asgard_budgets_model(ctx, budget, over);
        return NGX_OK;

    case 'e':
        over->scope = "end_user";
        (void) ngx_slprintf(over->scope_id,
                            over->scope_id + sizeof(over->scope_id) - 1,
                            "%s/%s", ctx->key->project_id, ctx->end_user);
        return NGX_OK;

    case 'g':
        over->scope = "group";
        id = asg_str_z(ctx->project->group);
        break;

    case 'k':
        over->scope = "key";
        break;

    default:
        over->scope = "project";
    }

    if (id.len > ASG_ID_MAX) {
        return NGX_ERROR;
    }

    ngx_memcpy(over->scope_id, id.data, id.len);
    return NGX_OK;
}


static ngx_uint_t
ngx_http_asgard_budgets_stands_for(const asg_public_name_t *name,
    unsigned model)
{
    unsigned  i;

    for (i = 0; name && i < name->ncandidates; i++) {
        if (name->candidates[i] == model) {
            return 1;
        }
    }

    return 0;
}


/* May the call be served by a model that `name` stands for in the catalog, or
 * whose ref it is?  Routing may give a model's ref to another one. */
static ngx_uint_t
ngx_http_asgard_budgets_meets(ngx_http_asgard_ctx_t *ctx, asg_str_t name)
{
    unsigned                  i, model;
    asg_catalog_t            *catalog;
    const asg_public_name_t  *other;

    catalog = &ctx->snapshot->catalog;
    other = asg_catalog_find(catalog, asg_catalog_base_name(name));

    for (i = 0; i < ctx->name->ncandidates; i++) {
        model = ctx->name->candidates[i];

        if (ngx_http_asgard_budgets_stands_for(other, model)
            || asg_str_eq(name, catalog->models[model].ref))
        {
            return 1;
        }
    }

    return 0;
}


/* Those that the key has for a model of this call: what their names stand for
 * now is compared, so that no other spelling of the model passes by.  Of a name
 * that key or project gave a meaning of their own, both count. */
static ngx_uint_t
ngx_http_asgard_budgets_is_for(ngx_http_asgard_ctx_t *ctx, asg_str_t name)
{
    asg_str_t  own;

    if (asg_str_eq(name, ngx_http_asgard_str(&ctx->asked))
        || ngx_http_asgard_budgets_meets(ctx, name))
    {
        return 1;
    }

    own = asg_record_alias(ctx->key, ctx->project, name);

    return own.data && ngx_http_asgard_budgets_meets(ctx, own);
}


/* NGX_ERROR: they are more than a slot has room for. */
static ngx_int_t
ngx_http_asgard_budgets_models(ngx_http_asgard_ctx_t *ctx, u_char **p,
    u_char *last)
{
    asg_str_t  rest, name, budget;

    rest = asg_record_key_budgets(ctx->key);

    while (asg_alias_next(&rest, &name, &budget)) {
        if (!ngx_http_asgard_budgets_is_for(ctx, name)) {
            continue;
        }

        if ((size_t) (last - *p) < budget.len + 1) {
            return NGX_ERROR;
        }

        *(*p)++ = ',';
        *p = ngx_cpymem(*p, budget.data, budget.len);
    }

    return NGX_OK;
}


/* What the call is held against, the project first; then a key that only has
 * limits. */
ngx_int_t
ngx_http_asgard_budgets_fill(ngx_http_asgard_slot_t *slot,
    ngx_http_asgard_ctx_t *ctx)
{
    char     user[ASG_BUDGET_SHORT + 1];
    u_char  *p, *last;

    slot->users[0] = '\0';
    last = slot->budgets + sizeof(slot->budgets);
    p = ngx_slprintf(slot->budgets, last, "p.%s", ctx->key->project_id);

    if (ctx->key->budgeted) {
        p = ngx_slprintf(p, last, ",k.%s", ctx->key->key_id);
    }

    if (ctx->project->group_budget[0]) {
        p = ngx_slprintf(p, last, ",%s", ctx->project->group_budget);
    }

    if (ngx_http_asgard_budgets_models(ctx, &p, last) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->project->end_users[0] && ctx->end_user[0]) {
        asg_end_user_budget(asg_str_z(ctx->key->project_id),
                            asg_str_z(ctx->end_user), user);
        p = ngx_slprintf(p, last, ",%s", user);
        ngx_memcpy(slot->users, ctx->project->end_users, sizeof(slot->users));
    }

    slot->budgets_len = (u_short) (p - slot->budgets);

    if (!ctx->key->budgeted && ctx->key->limits.set) {
        p = ngx_slprintf(p, last, ",k.%s", ctx->key->key_id);
    }

    slot->names_len = (u_short) (p - slot->budgets);
    return p < last ? NGX_OK : NGX_ERROR;
}


void
ngx_http_asgard_budgets_taken(ngx_http_asgard_slot_t *slot)
{
    size_t   len;
    u_char  *user;

    len = 1 + ASG_BUDGET_SHORT;
    user = slot->budgets + slot->budgets_len - len;

    if (slot->budgets_len < len || ngx_strncmp(user, ",e.", 3) != 0
        || ngx_strlcasestrn(slot->pins, slot->pins + slot->pins_len, user,
                            len - 1))
    {
        return;
    }

    ngx_memmove(user, user + len, slot->names_len - slot->budgets_len);
    slot->budgets_len -= (u_short) len;
    slot->names_len -= (u_short) len;
}
