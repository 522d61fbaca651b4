
/*
 * What is let in without Redis, and what it counts until Redis knows.
 */

#include "ngx_http_asgard_alone.h"


#define NGX_HTTP_ASGARD_ALONE_KNOWN    600000   /* ms */
#define NGX_HTTP_ASGARD_ALONE_LONGEST  3600000  /* ms */


static const char *const  ngx_http_asgard_alone_names[] = {
    [NGX_HTTP_ASGARD_FAIL_CLOSED] = "closed",
    [NGX_HTTP_ASGARD_FAIL_LOCAL] = "local",
    [NGX_HTTP_ASGARD_FAIL_OPEN] = "open"
};

#define NGX_HTTP_ASGARD_ALONE_MODES                                           \
    (sizeof(ngx_http_asgard_alone_names)                                      \
     / sizeof(ngx_http_asgard_alone_names[0]))


static ngx_http_asgard_main_conf_t *
ngx_http_asgard_alone_conf(void)
{
    return ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_asgard_module);
}


asg_str_t
ngx_http_asgard_alone_name(ngx_uint_t mode)
{
    return asg_str_z(ngx_http_asgard_alone_names[mode]);
}


static ngx_int_t
ngx_http_asgard_alone_option(ngx_http_asgard_main_conf_t *amcf,
    ngx_str_t *option)
{
    ngx_int_t  time;
    ngx_str_t  text;

    if (ngx_strncmp(option->data, "known=", 6) != 0) {
        return NGX_ERROR;
    }

    text.data = option->data + 6;
    text.len = option->len - 6;
    time = ngx_parse_time(&text, 0);

    if (time < 1000 || time > NGX_HTTP_ASGARD_ALONE_LONGEST) {
        return NGX_ERROR;
    }

    amcf->fail_known = (ngx_msec_t) time;
    return NGX_OK;
}


/* How many words the mode itself takes; 0: it is none. */
static ngx_uint_t
ngx_http_asgard_alone_mode(ngx_http_asgard_main_conf_t *amcf,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t  mode;

    for (mode = 0; mode < NGX_HTTP_ASGARD_ALONE_MODES; mode++) {
        if (ngx_strcmp(value->data, ngx_http_asgard_alone_names[mode]) == 0) {
            amcf->fail_mode = mode;
            break;
        }
    }

    if (mode != NGX_HTTP_ASGARD_FAIL_LOCAL) {
        return mode < NGX_HTTP_ASGARD_ALONE_MODES;
    }

    return n > 1
           && asg_money_parse((asg_str_t) { (const char *) value[1].data,
                                            value[1].len }, &amcf->fail_nusd)
              == ASG_OK
           && amcf->fail_nusd > 0 ? 2 : 0;
}


char *
ngx_http_asgard_alone_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_asgard_main_conf_t *amcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   n, taken;

    if (amcf->fail_mode != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;
    n = cf->args->nelts - 1;
    amcf->fail_known = NGX_HTTP_ASGARD_ALONE_KNOWN;
    taken = ngx_http_asgard_alone_mode(amcf, &value[1], n);

    if (taken && taken + 1 == n
        && amcf->fail_mode != NGX_HTTP_ASGARD_FAIL_CLOSED
        && ngx_http_asgard_alone_option(amcf, &value[n]) == NGX_OK)
    {
        taken++;
    }

    if (taken == 0 || taken != n) {
        return "takes \"closed\", \"local USD [known=TIME]\" or "
               "\"open [known=TIME]\", where USD is an amount like 0.5 above "
               "0, and TIME is 1s to 1h";
    }

    return NGX_CONF_OK;
}


ngx_msec_t
ngx_http_asgard_alone_known(void)
{
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_asgard_alone_conf();

    return amcf->fail_mode == NGX_HTTP_ASGARD_FAIL_CLOSED ? 0
                                                          : amcf->fail_known;
}


/* FNV-1a; never 0. */
static ngx_atomic_uint_t
ngx_http_asgard_alone_hash(asg_str_t name)
{
    size_t    i;
    uint64_t  hash;

    hash = 0xcbf29ce484222325ULL;

    for (i = 0; i < name.len; i++) {
        hash = (hash ^ (u_char) name.data[i]) * 0x100000001b3ULL;
    }

    return (ngx_atomic_uint_t) (hash | 1ULL << 63);
}


static ngx_atomic_t *
ngx_http_asgard_alone_place(ngx_atomic_uint_t hash)
{
    return &ngx_http_asgard_zone()->passed[hash % NGX_HTTP_ASGARD_PASSED_N];
}


/* The next of the slot's budgets; false: there is none. */
static ngx_uint_t
ngx_http_asgard_alone_next(ngx_http_asgard_slot_t *slot, u_char **p,
    asg_str_t *budget)
{
    u_char  *last, *comma;

    last = slot->budgets + slot->budgets_len;

    if (*p >= last) {
        return 0;
    }

    comma = ngx_strlchr(*p, last, ',');
    comma = comma ? comma : last;
    *budget = (asg_str_t) { (const char *) *p, (size_t) (comma - *p) };
    *p = comma + 1;
    return 1;
}


void
ngx_http_asgard_alone_passed(ngx_http_asgard_slot_t *slot)
{
    u_char             *p;
    asg_str_t           budget;
    ngx_atomic_t       *place;
    ngx_atomic_uint_t   hash;

    if (ngx_http_asgard_alone_known() == 0) {
        return;
    }

    p = slot->budgets;

    while (ngx_http_asgard_alone_next(slot, &p, &budget)) {
        hash = ngx_http_asgard_alone_hash(budget);
        place = ngx_http_asgard_alone_place(hash);

        if (*place != hash) {
            *place = hash;
        }
    }
}


void
ngx_http_asgard_alone_over(asg_str_t budget)
{
    ngx_atomic_uint_t  hash;

    hash = ngx_http_asgard_alone_hash(budget);
    (void) ngx_atomic_cmp_set(ngx_http_asgard_alone_place(hash), hash, 0);
}


static ngx_uint_t
ngx_http_asgard_alone_is_known(ngx_http_asgard_slot_t *slot)
{
    u_char             *p;
    asg_str_t           budget;
    ngx_atomic_uint_t   hash;

    p = slot->budgets;

    while (ngx_http_asgard_alone_next(slot, &p, &budget)) {
        hash = ngx_http_asgard_alone_hash(budget);

        if (*ngx_http_asgard_alone_place(hash) != hash) {
            return 0;
        }
    }

    return 1;
}


/* What the slot counts becomes `nusd`: first the sum, where it rises, so that a
 * worker that is killed between leaves too little allowance, never too much. */
static void
ngx_http_asgard_alone_count(ngx_http_asgard_slot_t *slot, asg_nusd_t nusd)
{
    asg_nusd_t     more;
    ngx_atomic_t  *sum;

    sum = &ngx_http_asgard_zone()->alone_nusd[slot->share];
    more = nusd - slot->alone_nusd;

    if (more > 0) {
        (void) ngx_atomic_fetch_add(sum, more);
    }

    slot->alone_nusd = nusd;
    ngx_memory_barrier();

    if (more < 0) {
        (void) ngx_atomic_fetch_add(sum, more);
    }
}


static ngx_int_t
ngx_http_asgard_alone_charge(ngx_http_asgard_slot_t *slot)
{
    ngx_atomic_int_t              sum;
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_asgard_alone_conf();
    ngx_http_asgard_alone_count(slot, slot->held_nusd);
    sum = (ngx_atomic_int_t) ngx_http_asgard_zone()->alone_nusd[slot->share];

    return amcf->fail_mode == NGX_HTTP_ASGARD_FAIL_LOCAL
           && sum > amcf->fail_nusd ? NGX_BUSY : NGX_OK;
}


static ngx_int_t
ngx_http_asgard_alone_refuse(ngx_http_asgard_ctx_t *ctx, const char *message)
{
    ctx->message.data = (u_char *) message;
    ctx->message.len = ngx_strlen(message);
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_ALONE_REFUSED, 1);
    return NGX_DECLINED;
}


ngx_int_t
ngx_http_asgard_alone_take(ngx_http_asgard_ctx_t *ctx,
    ngx_http_asgard_slot_t *slot)
{
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_asgard_alone_conf();

    if (!ngx_http_asgard_alone_is_known(slot)) {
        return ngx_http_asgard_alone_refuse(ctx, "The budget cannot be checked"
            " right now, and it had no room, or was not asked, when it last"
            " could be; try again after the time in Retry-After.");
    }

    slot->untold = 1;
    (void) ngx_atomic_fetch_add(&ngx_http_asgard_zone()->alone_calls, 1);

    if (ngx_http_asgard_alone_charge(slot) != NGX_OK) {
        ngx_http_asgard_alone_told(slot);
        return ngx_http_asgard_alone_refuse(ctx, "The budget cannot be checked"
            " right now, and what its project may spend meanwhile is used up;"
            " try again after the time in Retry-After.");
    }

    slot->expires = ngx_time() + amcf->hold_ttl;
    ctx->call.fail_mode = amcf->fail_mode;
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_ALONE, 1);
    ngx_http_asgard_count(NGX_HTTP_ASGARD_COUNT_ALONE_NUSD, slot->held_nusd);
    return NGX_OK;
}


void
ngx_http_asgard_alone_end(ngx_http_asgard_slot_t *slot, asg_nusd_t cost)
{
    if (slot->untold) {
        ngx_http_asgard_alone_count(slot, cost);
    }
}


void
ngx_http_asgard_alone_told(ngx_http_asgard_slot_t *slot)
{
    if (slot->untold) {
        ngx_http_asgard_alone_count(slot, 0);
        slot->untold = 0;
        (void) ngx_atomic_fetch_add(&ngx_http_asgard_zone()->alone_calls, -1);
    }
}


void
ngx_http_asgard_alone_forget(ngx_http_asgard_slot_t *slot)
{
    u_char     *p;
    asg_str_t   budget;

    p = slot->budgets;

    while (ngx_http_asgard_alone_next(slot, &p, &budget)) {
        ngx_http_asgard_alone_over(budget);
    }
}


/* OK pins expires over; a DUP does not say it. */
void
ngx_http_asgard_alone_taken(ngx_http_asgard_slot_t *slot,
    const asg_str_t *reply, ngx_uint_t n)
{
    if (n < 4 || !asg_str_eq_z(reply[3], "0")) {
        ngx_http_asgard_alone_forget(slot);
    }

    ngx_http_asgard_alone_told(slot);
}


ngx_int_t
ngx_http_asgard_alone_header(ngx_http_request_t *r,
    ngx_http_asgard_ctx_t *ctx, ngx_http_asgard_limits_push_pt push)
{
    asg_str_t  name;

    if (ctx->call.fail_mode == NGX_HTTP_ASGARD_FAIL_CLOSED) {
        return NGX_OK;
    }

    name = ngx_http_asgard_alone_name(ctx->call.fail_mode);

    return push(r, ctx, "x-asgard-fail-mode", (u_char *) name.data, name.len);
}


/* Sums of all buckets, and the greatest. */
static u_char *
ngx_http_asgard_alone_write_nusd(u_char *p, u_char *last)
{
    ngx_uint_t        i;
    ngx_atomic_int_t  sum, most, one;

    sum = 0;
    most = 0;

    for (i = 0; i < NGX_HTTP_ASGARD_SHARES; i++) {
        one = (ngx_atomic_int_t) ngx_http_asgard_zone()->alone_nusd[i];
        sum += one;
        most = ngx_max(most, one);
    }

    return ngx_slprintf(p, last,
        "# HELP asgard_fail_mode_untold_nusd What calls let in without Redis"
        " hold, or cost, of which it does not know yet.\n"
        "# TYPE asgard_fail_mode_untold_nusd gauge\n"
        "asgard_fail_mode_untold_nusd %L\n"
        "# HELP asgard_fail_mode_used_nusd The same of the project that has"
        " most: what is used of its allowance.\n"
        "# TYPE asgard_fail_mode_used_nusd gauge\n"
        "asgard_fail_mode_used_nusd %L\n"
        "# HELP asgard_fail_mode_allowance_nusd What a project may use; 0:"
        " nothing, or any sum.\n"
        "# TYPE asgard_fail_mode_allowance_nusd gauge\n"
        "asgard_fail_mode_allowance_nusd %L\n",
        (int64_t) sum, (int64_t) most,
        (int64_t) ngx_http_asgard_alone_conf()->fail_nusd);
}


u_char *
ngx_http_asgard_alone_write(u_char *p, u_char *last)
{
    ngx_uint_t        mode;
    ngx_atomic_int_t  calls;

    calls = (ngx_atomic_int_t) ngx_http_asgard_zone()->alone_calls;
    p = ngx_slprintf(p, last,
                     "# HELP asgard_fail_mode The mode that is set.\n"
                     "# TYPE asgard_fail_mode gauge\n");

    for (mode = 0; mode < NGX_HTTP_ASGARD_ALONE_MODES; mode++) {
        p = ngx_slprintf(p, last, "asgard_fail_mode{mode=\"%s\"} %d\n",
                         ngx_http_asgard_alone_names[mode],
                         ngx_http_asgard_alone_conf()->fail_mode == mode);
    }

    p = ngx_slprintf(p, last,
        "# HELP asgard_fail_mode_in_effect Were calls let in of which Redis"
        " does not know yet.\n"
        "# TYPE asgard_fail_mode_in_effect gauge\n"
        "asgard_fail_mode_in_effect %d\n"
        "# HELP asgard_fail_mode_untold_calls How many these are.\n"
        "# TYPE asgard_fail_mode_untold_calls gauge\n"
        "asgard_fail_mode_untold_calls %L\n", calls > 0, (int64_t) calls);

    return ngx_http_asgard_alone_write_nusd(p, last);
}
