/*
 * Refusing a configuration that would give secrets away.
 */
#include "base/config_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"
#include "core/url.h"
#include "core/weak.h"


/* user:password before the last @ of a URI */
static asg_str_t
uri_password(const char *address)
{
    const char *at = strrchr(address, '@');
    const char *from = strstr(address, "://"), *colon;

    if (at == NULL || from == NULL || at < from) {
        return ASG_STR_NULL;
    }
    colon = memchr(from + 3, ':', (size_t) (at - from) - 3);

    return colon != NULL
           ? (asg_str_t) {colon + 1, (size_t) (at - colon) - 1}
           : ASG_STR_NULL;
}


asg_str_t
ctl_config_password(const char *address)
{
    static const char word[] = "password=";
    asg_str_t found = ASG_STR_NULL;

    if (address == NULL) {
        return found;
    }
    found = uri_password(address);
    address = strstr(address, word);
    if (found.data == NULL && address != NULL) {
        address += sizeof(word) - 1;
        found = (asg_str_t) {address, strcspn(address, "& \t'")};
    }

    return found;
}


static bool
file_refuse(const struct ctl_config *c, const char *why, struct ctl_error *e)
{
    return ctl_error_field(e, "invalid_value", "file",
                           "%s: holds a password but %s", c->file, why);
}


bool
ctl_config_check_file(const struct ctl_config *c, int fd, struct ctl_error *e)
{
    struct stat st;

    if (ctl_config_password(c->postgres).data == NULL
        && ctl_config_password(c->postgres_owner).data == NULL
        && ctl_config_password(c->redis).data == NULL)
    {
        return true;
    }
    if (fstat(fd, &st) != 0 || (st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
        return file_refuse(c, "others may read it; chmod 640 it", e);
    }

    return ctl_secret_owner_is_right(&st)
           || file_refuse(c, "belongs to another user; chown it to root", e);
}


static bool
variable_refuse(const char *name, struct ctl_error *e)
{
    return ctl_error_field(e, "invalid_value", name,
                           "environment: %s holds a password, and an "
                           "environment can be read; put it into the "
                           "configuration file", name);
}


bool
ctl_config_check_variable(const char *name, const char *value,
    struct ctl_error *e)
{
    return ctl_config_password(value).data == NULL
           || variable_refuse(name, e);
}


/* libpq's; asgard-ctl's own processes never had it, its commands did. */
bool
ctl_config_check_libraries(struct ctl_error *e)
{
    static const char name[] = "PGPASSWORD";
    const char *value = getenv(name);

    return value == NULL || value[0] == '\0' || variable_refuse(name, e);
}


static bool
password_check(const struct ctl_config *c, const char *name,
    const char *address, struct ctl_error *e)
{
    asg_str_t password = ctl_config_password(address);
    const char *why = password.data != NULL ? asg_weak_password(password)
                                            : NULL;

    return why == NULL
           || ctl_error_field(e, "weak_secret", name,
                              "%s: the password of the setting %s %s; make "
                              "one with openssl rand -hex 16", c->file, name,
                              why);
}


/* Without a password it must be a socket or an address of this machine: who can
 * write to Redis could change what is spent.  An address with a password has an
 * @ and another check. */
static bool
redis_check(const struct ctl_config *c, struct ctl_error *e)
{
    static const char scheme[] = "redis://";
    const bool has_one = ctl_config_password(c->redis).data != NULL;
    const char *peer = c->redis;

    if (has_one || peer == NULL || strncmp(peer, "unix:", 5) == 0) {
        return true;
    }
    if (strncmp(peer, scheme, sizeof(scheme) - 1) == 0) {
        peer += sizeof(scheme) - 1;
    }

    return asg_url_peer_is_loopback(asg_str_z(peer))
           || ctl_error_field(e, "weak_secret", "redis",
                              "%s: redis is on the network and has no "
                              "password: whoever reaches it could change what "
                              "is spent", c->file);
}


static bool
public_url_check(const struct ctl_config *c, struct ctl_error *e)
{
    asg_url_t url;

    if (c->public_url == NULL) {
        return true;
    }
    if (asg_url_parse(asg_str_z(c->public_url), &url) != ASG_OK) {
        return ctl_error_field(e, "invalid_value", "public_url",
                               "%s: public_url expects an http or https URL",
                               c->file);
    }

    return url.tls || asg_url_host_is_loopback(url.host)
           || ctl_error_field(e, "plain_control", "public_url",
                              "%s: public_url is http and not of this "
                              "machine: tokens of administrators would pass "
                              "in clear; serve it with TLS", c->file);
}


/* What is told goes to the operator's own receiver, unread on the way. */
static bool
webhook_check(const struct ctl_config *c, struct ctl_error *e)
{
    asg_url_t url;

    if (c->webhook_url == NULL) {
        return true;
    }
    if (asg_url_parse(asg_str_z(c->webhook_url), &url) != ASG_OK) {
        return ctl_error_field(e, "invalid_value", "webhook_url",
                               "%s: webhook_url expects an http or https URL "
                               "without user, query or fragment", c->file);
    }
    if (c->webhook_secret_file == NULL) {
        return ctl_error_field(e, "missing_setting", "webhook_secret_file",
                               "%s: webhook_url needs the setting "
                               "\"webhook_secret_file\"", c->file);
    }

    return c->notify_internal
           || (url.tls && !asg_url_host_is_internal(url.host))
           || ctl_error_field(e, "invalid_value", "webhook_url",
                              "%s: webhook_url expects https and a public "
                              "host, unless notify_internal is on", c->file);
}


/* As http or https, which is read the same way; false: it is no such URL. */
static bool
mail_url_parse(const struct ctl_config *c, char text[ASG_URL_MAX],
    asg_url_t *url)
{
    static const char plain[] = "smtp://", tls[] = "smtps://";
    bool is_tls = strncmp(c->mail_url, tls, sizeof(tls) - 1) == 0;
    int n;

    if (!is_tls && strncmp(c->mail_url, plain, sizeof(plain) - 1) != 0) {
        return false;
    }
    n = snprintf(text, ASG_URL_MAX, "%s%s", is_tls ? "https://" : "http://",
                 c->mail_url + (is_tls ? sizeof(tls) : sizeof(plain)) - 1);

    return n > 0 && n < ASG_URL_MAX
           && asg_url_parse(asg_str_z(text), url) == ASG_OK
           && url->path.len == 0;
}


bool
ctl_config_mail_is_local(const struct ctl_config *c)
{
    char text[ASG_URL_MAX];
    asg_url_t url;

    return mail_url_parse(c, text, &url) && asg_url_host_is_loopback(url.host);
}


/* One that may stand between < and > in a header and in SMTP. */
static bool
is_address(const char *text)
{
    const char *at = text != NULL ? strchr(text, '@') : NULL;
    size_t len = text != NULL ? strlen(text) : 0;

    return at != NULL && at > text && at[1] != '\0'
           && strchr(at + 1, '@') == NULL
           && len <= 254 && strcspn(text, " \t<>\"\\,;:()") == len;
}


static bool
mail_check(const struct ctl_config *c, struct ctl_error *e)
{
    char text[ASG_URL_MAX];
    asg_url_t url;

    if (c->mail_url == NULL) {
        return true;
    }
    if (!mail_url_parse(c, text, &url)
        || (!c->notify_internal && asg_url_host_is_internal(url.host)))
    {
        return ctl_error_field(e, "invalid_value", "mail_url",
                               "%s: mail_url expects smtp://HOST or "
                               "smtps://HOST, with a port or without; an "
                               "internal one with notify_internal on",
                               c->file);
    }
    if (!is_address(c->mail_from)) {
        return ctl_error_field(e, "invalid_value", "mail_from",
                               "%s: mail_url needs the setting \"mail_from\", "
                               "an address such as asgard@example.com",
                               c->file);
    }

    return (c->mail_user == NULL) == (c->mail_password_file == NULL)
           || ctl_error_field(e, "missing_setting", "mail_user",
                              "%s: mail_user and mail_password_file stand "
                              "together", c->file);
}


/* A row is held meanwhile, which PostgreSQL allows for ten seconds. */
static bool
notify_check(const struct ctl_config *c, struct ctl_error *e)
{
    return (c->notify_timeout_s <= CTL_CONFIG_NOTIFY_TIMEOUT_MAX_S
            || ctl_error_field(e, "invalid_value", "notify_timeout",
                               "%s: notify_timeout expects at most %d s",
                               c->file, CTL_CONFIG_NOTIFY_TIMEOUT_MAX_S))
           && webhook_check(c, e) && mail_check(c, e);
}


/* What the keeper keeps is of use only where it can be asked. */
static bool
secrets_check(const struct ctl_config *c, struct ctl_error *e)
{
    return ((c->kek_file == NULL) == (c->keeper_socket == NULL)
            || ctl_error_field(e, "missing_setting", "kek_file",
                               "%s: kek_file and keeper_socket stand "
                               "together", c->file))
           && (c->keeper_peer == NULL || c->keeper_socket != NULL
               || ctl_error_field(e, "missing_setting", "keeper_socket",
                                  "%s: keeper_peer needs the setting "
                                  "\"keeper_socket\"", c->file));
}


bool
ctl_config_check_start(const struct ctl_config *c, struct ctl_error *e)
{
    return password_check(c, "postgres", c->postgres, e)
           && password_check(c, "postgres_owner", c->postgres_owner, e)
           && password_check(c, "redis", c->redis, e)
           && redis_check(c, e)
           && public_url_check(c, e)
           && notify_check(c, e) && secrets_check(c, e);
}
