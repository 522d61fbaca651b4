
/*
 * Arguments of the money scripts.
 */

#include "ngx_http_asgard_script_args.h"


static void
ngx_http_asgard_args_key(ngx_http_asgard_args_t *args, size_t len)
{
    args->argv[args->argc] = args->names[args->argc];
    args->lens[args->argc] = len;
    args->argc++;
    args->nkeys++;
}


/* `p.<project>,k.<key>,…`: in the order in which reserve was given them. */
static void
ngx_http_asgard_args_budgets(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot)
{
    u_char     *p, *last, *comma;
    asg_str_t   budget;

    p = slot->budgets;
    last = p + slot->budgets_len;

    while (p < last && args->argc < NGX_HTTP_ASGARD_ARGS_BUDGETS) {
        comma = ngx_strlchr(p, last, ',');
        if (comma == NULL) {
            comma = last;
        }

        budget = (asg_str_t) { (const char *) p, (size_t) (comma - p) };
        ngx_http_asgard_args_key(args,
            asg_rkey_budget(args->names[args->argc], slot->part, budget));
        p = comma + 1;
    }
}


/* Where the last budget is an end user's. */
static void
ngx_http_asgard_args_users(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot)
{
    asg_str_t  budget;

    if (slot->users[0]) {
        budget = asg_str_z((const char *) slot->users);
        ngx_http_asgard_args_key(args,
            asg_rkey_budget(args->names[args->argc], slot->part, budget));
        ngx_http_asgard_args_key(args,
            asg_rkey_users(args->names[args->argc], slot->part, budget));
    }
}


asg_str_t
ngx_http_asgard_args_scope(asg_str_t names, ngx_uint_t i)
{
    size_t     n;
    asg_str_t  name;

    while (names.len) {
        name = names;
        for (n = 0; n < names.len && names.data[n] != ','; n++) { /* void */ }

        name.len = n;
        n = ngx_min(n + 1, names.len);
        names.data += n;
        names.len -= n;

        if (name.len && name.data[0] == (i == 0 ? 'p' : 'k')) {
            return name;
        }
    }

    return names;
}


static void
ngx_http_asgard_args_limits(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot)
{
    asg_str_t   names, scope;
    ngx_uint_t  i;

    names = (asg_str_t) { (const char *) slot->budgets, slot->names_len };

    for (i = 0; slot->limited >> i; i++) {
        if (!(slot->limited >> i & 1)) {
            continue;
        }

        scope = ngx_http_asgard_args_scope(names, i);
        ngx_http_asgard_args_key(args,
            asg_rkey_rates(args->names[args->argc], slot->part, scope));
        ngx_http_asgard_args_key(args,
            asg_rkey_open(args->names[args->argc], slot->part, scope));
    }
}


void
ngx_http_asgard_args_begin(ngx_http_asgard_args_t *args,
    ngx_http_asgard_slot_t *slot, uint64_t epoch,
    ngx_http_asgard_args_of_e counters)
{
    u_char     *p;
    asg_str_t   hold;

    args->nkeys = 0;
    args->argc = 0;
    args->nnumbers = 0;
    hold = (asg_str_t) { (const char *) slot->hold, slot->hold_len };

    ngx_http_asgard_args_key(args, asg_rkey_meta(args->names[0], slot->part));
    ngx_http_asgard_args_key(args, asg_rkey_hold(args->names[1], slot->part,
                                                 hold));
    ngx_http_asgard_args_key(args, asg_rkey_expiry(args->names[2],
                                                   slot->part));

    if (counters != NGX_HTTP_ASGARD_ARGS_NONE) {
        ngx_http_asgard_args_key(args, asg_rkey_stream(args->names[3],
                                                       slot->part, epoch));
        ngx_http_asgard_args_budgets(args, slot);

        if (counters == NGX_HTTP_ASGARD_ARGS_OF_RESERVE) {
            ngx_http_asgard_args_users(args, slot);
        }

        ngx_http_asgard_args_limits(args, slot);
    }

    p = ngx_snprintf((u_char *) args->fence, sizeof(args->fence), "%uL:%V",
                     epoch, ngx_http_asgard_redis_run_id());
    ngx_http_asgard_args_text(args, args->fence, p - (u_char *) args->fence);
    ngx_http_asgard_args_text(args, slot->hold, slot->hold_len);
}


void
ngx_http_asgard_args_text(ngx_http_asgard_args_t *args, const void *data,
    size_t len)
{
    args->argv[args->argc] = data;
    args->lens[args->argc] = len;
    args->argc++;
}


void
ngx_http_asgard_args_number(ngx_http_asgard_args_t *args, int64_t n)
{
    char  *text;

    text = args->numbers[args->nnumbers++];
    ngx_http_asgard_args_text(args, text,
                              ngx_sprintf((u_char *) text, "%L", n)
                              - (u_char *) text);
}


ngx_int_t
ngx_http_asgard_args_call(ngx_http_asgard_args_t *args, asg_script_t script,
    ngx_http_asgard_redis_pt handler, void *data)
{
    return ngx_http_asgard_redis_script(script, handler, data, args->nkeys,
                                        args->argc, args->argv, args->lens);
}


ngx_uint_t
ngx_http_asgard_args_reply(redisReply *reply,
    asg_str_t out[ASG_SCRIPT_REPLY_MAX])
{
    size_t  i;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0
        || reply->elements > ASG_SCRIPT_REPLY_MAX)
    {
        return 0;
    }

    for (i = 0; i < reply->elements; i++) {
        if (reply->element[i]->type != REDIS_REPLY_STRING) {
            return 0;
        }

        out[i] = (asg_str_t) { reply->element[i]->str,
                               (size_t) reply->element[i]->len };
    }

    return reply->elements;
}


ngx_int_t
ngx_http_asgard_args_learn(ngx_uint_t part, uint64_t tried,
    const asg_str_t *reply, ngx_uint_t n)
{
    ngx_str_t    *run_id;
    asg_fence_t   fence;

    run_id = ngx_http_asgard_redis_run_id();

    if (asg_reply_fence(reply, n, &fence) != ASG_OK
        || run_id->len == 0
        || fence.run_id.len != run_id->len
        || ngx_memcmp(fence.run_id.data, run_id->data, run_id->len) != 0
        || ngx_http_asgard_zone_epoch_note(part, fence.epoch) != NGX_OK
        || fence.epoch == tried)
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}
