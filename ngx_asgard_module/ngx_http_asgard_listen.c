
/*
 * Looks at each address that a server with the control plane listens on.
 */

#include "ngx_http_asgard_listen.h"


static ngx_uint_t ngx_http_asgard_listen_is_local(struct sockaddr *sa);
static ngx_uint_t ngx_http_asgard_listen_has(ngx_http_conf_addr_t *addr,
    ngx_http_core_srv_conf_t *cscf);


ngx_int_t
ngx_http_asgard_listen_note(ngx_conf_t *cf)
{
    ngx_uint_t                     i;
    ngx_http_core_srv_conf_t      *cscf, **noted;
    ngx_http_asgard_main_conf_t   *amcf;

    cscf = ((ngx_http_conf_ctx_t *)
               cf->ctx)->srv_conf[ngx_http_core_module.ctx_index];
    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_asgard_module);

    noted = amcf->control_servers->elts;

    for (i = 0; i < amcf->control_servers->nelts; i++) {
        if (noted[i] == cscf) {
            return NGX_OK;
        }
    }

    noted = ngx_array_push(amcf->control_servers);
    if (noted == NULL) {
        return NGX_ERROR;
    }

    *noted = cscf;
    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_listen_check_addr(ngx_conf_t *cf, ngx_http_conf_addr_t *addr,
    ngx_http_asgard_main_conf_t *amcf)
{
    ngx_uint_t                  i;
    ngx_http_core_srv_conf_t  **servers;

    if (addr->opt.ssl || ngx_http_asgard_listen_is_local(addr->opt.sockaddr)) {
        return NGX_OK;
    }

    servers = amcf->control_servers->elts;

    for (i = 0; i < amcf->control_servers->nelts; i++) {
        if (!ngx_http_asgard_listen_has(addr, servers[i])) {
            continue;
        }

        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "asgard: the control plane in server \"%V\" would be "
                      "reached at %V without TLS, and tokens of "
                      "administrators pass in clear: listen with ssl, or on "
                      "127.0.0.1 and [::1] only, or say "
                      "\"asgard_control_plain on\" where TLS ends in front "
                      "in %s:%ui", &servers[i]->server_name,
                      &addr->opt.addr_text, servers[i]->file_name,
                      servers[i]->line);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_asgard_listen_check(ngx_conf_t *cf, ngx_http_asgard_main_conf_t *amcf)
{
    ngx_uint_t                  i, k;
    ngx_http_conf_port_t       *port;
    ngx_http_conf_addr_t       *addr;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    if (amcf->control_plain == 1 || amcf->control_servers->nelts == 0
        || cmcf->ports == NULL)
    {
        return NGX_OK;
    }

    port = cmcf->ports->elts;

    for (i = 0; i < cmcf->ports->nelts; i++) {
        addr = port[i].addrs.elts;

        for (k = 0; k < port[i].addrs.nelts; k++) {
            if (ngx_http_asgard_listen_check_addr(cf, &addr[k], amcf)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_asgard_listen_is_local(struct sockaddr *sa)
{
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sa;
        return ntohl(sin->sin_addr.s_addr) >> 24 == 127;

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sa;
        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
#endif

    default: /* a socket of this machine */
        return 1;
    }
}


static ngx_uint_t
ngx_http_asgard_listen_has(ngx_http_conf_addr_t *addr,
    ngx_http_core_srv_conf_t *cscf)
{
    ngx_uint_t                  i;
    ngx_http_core_srv_conf_t  **servers;

    servers = addr->servers.elts;

    for (i = 0; i < addr->servers.nelts; i++) {
        if (servers[i] == cscf) {
            return 1;
        }
    }

    return 0;
}
