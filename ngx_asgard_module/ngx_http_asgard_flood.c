
/*
 * Bad keys by address: a fixed table in shared memory, without a lock.
 *
 * Of an address the table keeps one time: when it will have been forgiven all
 * its bad keys, each of which moves it on by a second over `asgard_bad_keys`.
 * An address whose time is a second ahead has shown too many.  Of what workers
 * do at the same moment a key may be lost, or counted for the wrong address.
 *
 * An address has NGX_HTTP_ASGARD_FLOOD_WAYS places; a new one takes that of
 * the address that is forgiven first.  So a flood from many addresses can push
 * out other floods' entries, and nothing else: it has no memory but its own.
 */

#include "ngx_http_asgard_flood.h"

#include "ngx_http_asgard_shm.h"


#define NGX_HTTP_ASGARD_FLOOD_BURST  1000000            /* us */
#define NGX_HTTP_ASGARD_FLOOD_TRIES  8
#define NGX_HTTP_ASGARD_FLOOD_NOBODY 1


static ngx_atomic_uint_t
ngx_http_asgard_flood_ipv4(in_addr_t addr)
{
    return (ngx_atomic_uint_t) 0xffff << 32 | ntohl(addr);
}


#if (NGX_HAVE_INET6)

static ngx_atomic_uint_t
ngx_http_asgard_flood_ipv6(struct in6_addr *addr)
{
    in_addr_t          mapped;
    ngx_uint_t         i;
    ngx_atomic_uint_t  net;

    if (IN6_IS_ADDR_V4MAPPED(addr)) {
        ngx_memcpy(&mapped, addr->s6_addr + 12, sizeof(mapped));
        return ngx_http_asgard_flood_ipv4(mapped);
    }

    net = 0;

    for (i = 0; i < 8; i++) {
        net = net << 8 | addr->s6_addr[i];
    }

    return net;
}

#endif


/* Never 0, which is an empty place. */

static ngx_atomic_uint_t
ngx_http_asgard_flood_address(struct sockaddr *sockaddr)
{
    ngx_atomic_uint_t  address;

    switch (sockaddr->sa_family) {

    case AF_INET:
        return ngx_http_asgard_flood_ipv4(
                        ((struct sockaddr_in *) sockaddr)->sin_addr.s_addr);

#if (NGX_HAVE_INET6)
    case AF_INET6:
        address = ngx_http_asgard_flood_ipv6(
                              &((struct sockaddr_in6 *) sockaddr)->sin6_addr);
        break;
#endif

    default:
        address = NGX_HTTP_ASGARD_FLOOD_NOBODY;
    }

    return address ? address : NGX_HTTP_ASGARD_FLOOD_NOBODY;
}


/* The address's place, or the one that it takes over. */

static ngx_http_asgard_flood_t *
ngx_http_asgard_flood_place(ngx_atomic_uint_t address)
{
    uint32_t                  hash;
    ngx_uint_t                i;
    ngx_http_asgard_flood_t  *set, *place;

    hash = ngx_crc32_short((u_char *) &address, sizeof(address));
    set = ngx_http_asgard_zone()->floods[hash % NGX_HTTP_ASGARD_FLOOD_SETS];
    place = set;

    for (i = 0; i < NGX_HTTP_ASGARD_FLOOD_WAYS; i++) {
        if (set[i].address == address) {
            return &set[i];
        }

        if (set[i].forgiven < place->forgiven) {
            place = &set[i];
        }
    }

    place->address = address;
    place->forgiven = 0;

    return place;
}


ngx_uint_t
ngx_http_asgard_flood(ngx_http_request_t *r)
{
    ngx_uint_t                    i;
    ngx_atomic_uint_t             now, old, since;
    ngx_http_asgard_flood_t      *place;
    ngx_http_asgard_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_asgard_module);

    if (amcf->bad_keys == 0) {
        return 0;
    }

    now = (ngx_atomic_uint_t) ngx_current_msec * 1000;
    place = ngx_http_asgard_flood_place(
                        ngx_http_asgard_flood_address(r->connection->sockaddr));

    for (i = 0; i < NGX_HTTP_ASGARD_FLOOD_TRIES; i++) {
        old = place->forgiven;
        since = ngx_max(old, now);

        if (since - now >= NGX_HTTP_ASGARD_FLOOD_BURST) {
            return 1;
        }

        if (ngx_atomic_cmp_set(&place->forgiven, old,
                               since + 1000000 / amcf->bad_keys))
        {
            break;
        }
    }

    return 0;
}
