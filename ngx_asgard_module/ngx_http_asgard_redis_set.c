
/*
 * The directive asgard_redis.
 */

#include "ngx_http_asgard_redis_set.h"

#include "ngx_http_asgard_keyfile.h"


static char *
ngx_http_asgard_redis_option(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf, ngx_str_t *option)
{
    ngx_str_t  s;
    ngx_int_t  deadline;

    if (ngx_strncmp(option->data, "user=", 5) == 0) {
        amcf->redis_user.data = option->data + 5;
        amcf->redis_user.len = option->len - 5;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(option->data, "password_file=", 14) == 0) {
        s.data = option->data + 14;
        s.len = option->len - 14;
        return ngx_http_asgard_keyfile_password(cf, amcf, &s);
    }

    if (ngx_strncmp(option->data, "deadline=", 9) == 0) {
        s.data = option->data + 9;
        s.len = option->len - 9;
        deadline = ngx_parse_time(&s, 0);

        if (deadline != NGX_ERROR && deadline > 0 && deadline <= 5000) {
            amcf->redis_deadline = (ngx_msec_t) deadline;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "asgard_redis takes user=, password_file= and "
                       "deadline= (1ms to 5s), not \"%V\"", option);

    return NGX_CONF_ERROR;
}


char *
ngx_http_asgard_redis_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_asgard_main_conf_t *amcf = conf;

    ngx_str_t   *value;
    ngx_uint_t   i;

    if (amcf->redis_url.data) {
        return "is duplicate: partitions over several servers are not "
               "supported yet";
    }

    value = cf->args->elts;

    /* not shown: what is before it may be a password */
    if (ngx_strlchr(value[1].data, value[1].data + value[1].len, '@')) {
        return "takes user= and password_file=, no \"@\" in the address";
    }

    amcf->redis_url = value[1];

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_asgard_redis_option(cf, amcf, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
