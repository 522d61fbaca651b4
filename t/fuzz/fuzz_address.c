/*
 * An address of Redis that is taken has a host with a port or a path, never
 * both, and written out again in its longest form reads the same.
 */
#include <stdlib.h>
#include <string.h>

#include "redis/address.h"

#define TEXT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static bool is_same(const struct ctl_redis_address *a,
    const struct ctl_redis_address *b)
{
    return a->port == b->port && strcmp(a->user, b->user) == 0
           && asg_str_eq(ctl_secret_view(&a->password),
                         ctl_secret_view(&b->password))
           && (a->host == NULL) == (b->host == NULL)
           && (a->host == NULL || strcmp(a->host, b->host) == 0)
           && (a->path == NULL) == (b->path == NULL)
           && (a->path == NULL || strcmp(a->path, b->path) == 0);
}

/* Without credentials what is left may have an '@': no scheme, no doubt. */
static void write_again(const struct ctl_redis_address *a, asg_buf_t *b)
{
    bool known = a->user[0] != '\0' || a->password.len > 0;

    if (known) {
        asg_buf_z(b, a->path != NULL ? "unix://" : "redis://");
        asg_buf_z(b, a->user);
        asg_buf_z(b, ":");
        asg_buf_str(b, ctl_secret_view(&a->password));
        asg_buf_z(b, "@");
    } else if (a->path != NULL) {
        asg_buf_z(b, "unix:");
    }
    if (a->path != NULL) {
        asg_buf_z(b, a->path);
    } else {
        asg_buf_z(b, "[");
        asg_buf_z(b, a->host);
        asg_buf_z(b, "]:");
        asg_buf_u64(b, (uint64_t) a->port);
    }
    asg_buf_str(b, (asg_str_t) {"", 1});
}

static void check_again(const struct ctl_redis_address *a)
{
    char text[TEXT_MAX + 64];
    struct ctl_redis_address again;
    asg_buf_t b;

    asg_buf_init(&b, text, sizeof(text));
    write_again(a, &b);
    if (strncmp(text, "unix://", 7) == 0 && a->user[0] == '\0'
        && a->password.len == 0)
    {
        return;                         /* "unix:" before a path of "//…" */
    }
    must(ctl_redis_address_parse(&again, text));
    must(is_same(a, &again));
    ctl_redis_address_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ctl_redis_address none;
    struct ctl_redis_address a;
    char text[TEXT_MAX + 1];

    if (size > TEXT_MAX) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    if (ctl_redis_address_parse(&a, text)) {
        must((a.host != NULL) != (a.path != NULL));
        must(a.host == NULL || (a.host[0] != '\0' && a.port > 0
                                && a.port <= 65535));
        must(a.path == NULL || a.path[0] == '/');
        check_again(&a);
    }
    ctl_redis_address_finish(&a);
    must(memcmp(&a, &none, sizeof(a)) == 0);
    return 0;
}
