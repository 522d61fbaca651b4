
/*
 * Bad keys by address: the table of core/flood.h in shared memory.
 */

#include "ngx_http_asgard_flood.h"

#include "ngx_http_asgard_shm.h"


static uint64_t
ngx_http_asgard_flood_address(struct sockaddr *sockaddr)
{
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif
    struct sockaddr_in   *sin;

    switch (sockaddr->sa_family) {

    case AF_INET:
        sin = (struct sockaddr_in *) sockaddr;
        return asg_flood_address((u_char *) &sin->sin_addr, 4);

#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) sockaddr;
        return asg_flood_address(sin6->sin6_addr.s6_addr, 16);
#endif

    default:
        return asg_flood_address(NULL, 0);
    }
}


ngx_uint_t
ngx_http_asgard_flood(ngx_http_request_t *r)
{
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_asgard_module);

    return asg_flood_is_over(&ngx_http_asgard_zone()->flood,
                       ngx_http_asgard_flood_address(r->connection->sockaddr),
                       (uint64_t) ngx_current_msec * 1000,
                       (uint64_t) amcf->bad_keys);
}
