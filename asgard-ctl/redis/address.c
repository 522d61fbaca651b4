/*
 * Parsing of Redis addresses.
 */
#include "redis/address.h"

#include <stdlib.h>
#include <string.h>

#define PORT_DEFAULT 6379

static bool
starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}


static bool
host_port_parse(struct ctl_redis_address *a, const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t len = colon != NULL ? (size_t) (colon - text) : strlen(text);
    uint64_t port = PORT_DEFAULT;

    if (colon != NULL
        && (!asg_str_u64(asg_str_z(colon + 1), &port) || port == 0
            || port > 65535))
    {
        return false;
    }
    if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len == 0) {
        return false;
    }
    a->port = (int) port;
    a->host = strndup(text, len);

    return a->host != NULL;
}


static bool
credentials_parse(struct ctl_redis_address *a, const char *text, size_t len)
{
    const char *colon = memchr(text, ':', len);
    size_t user = colon != NULL ? (size_t) (colon - text) : 0;

    if (colon == NULL || user >= sizeof(a->user)) {
        return false;
    }
    memcpy(a->user, text, user);
    a->user[user] = '\0';

    return ctl_secret_set(&a->password,
                          (asg_str_t) {colon + 1, len - user - 1});
}


/* What stands before the last @, if there is one. */
static bool
credentials_take(struct ctl_redis_address *a, const char **text)
{
    const char *at = strrchr(*text, '@'), *from = *text;

    if (at == NULL) {
        return true;
    }
    *text = at + 1;

    return credentials_parse(a, from, (size_t) (at - from));
}


static bool
path_take(struct ctl_redis_address *a, const char *text)
{
    a->path = strdup(text);

    return a->path != NULL && a->path[0] == '/';
}


bool
ctl_redis_address_parse(struct ctl_redis_address *a, const char *text)
{
    static const char tcp[] = "redis://", local[] = "unix://";

    memset(a, 0, sizeof(*a));
    if (starts_with(text, local)) {
        text += sizeof(local) - 1;
        return credentials_take(a, &text) && path_take(a, text);
    }
    if (starts_with(text, "unix:")) {
        return path_take(a, text + 5);
    }
    if (!starts_with(text, tcp)) {
        return host_port_parse(a, text);
    }
    text += sizeof(tcp) - 1;

    return credentials_take(a, &text) && host_port_parse(a, text);
}


void
ctl_redis_address_finish(struct ctl_redis_address *a)
{
    free(a->host);
    free(a->path);
    ctl_secret_wipe(&a->password);
    memset(a, 0, sizeof(*a));
}
