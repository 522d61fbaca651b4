/*
 * What each run needs to know, from the environment and the profile.
 */
#include "cli/settings.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cli/cli.h"
#include "cli/profile.h"

static bool
take_environment(const char *variable, char *to, size_t size)
{
    const char *value = getenv(variable);

    if (to[0] != '\0' || value == NULL) {
        return true;
    }
    if (strlen(value) >= size) {
        cli_say("%s is too long", variable);
        return false;
    }
    memcpy(to, value, strlen(value) + 1);

    return true;
}


static bool
format_read(struct cli_settings *s)
{
    static const char *const names[] = {"table", "json", "yaml"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (strcmp(s->output, names[i]) == 0) {
            s->format = (enum cli_format) i;
            return true;
        }
    }
    cli_say("output is table, json or yaml, not `%s`", s->output);

    return false;
}


/* A token that goes over a network in clear belongs to whoever listens. */
static void
warn_of_clear_text(const struct cli_settings *s)
{
    const char *host = s->url + 7;

    if (strncmp(s->url, "http://", 7) == 0
        && strncmp(host, "127.", 4) != 0 && strncmp(host, "[::1]", 5) != 0
        && strncmp(host, "localhost", 9) != 0)
    {
        cli_say("warning: %s has no TLS, anybody on the way can read the"
                " credential", s->url);
    }
}


static bool
url_read(struct cli_settings *s)
{
    size_t len = strlen(s->url);

    while (len > 0 && s->url[len - 1] == '/') {
        s->url[--len] = '\0';
    }
    if (len == 0) {
        cli_say("where is Asgard?  Set ASGARD_URL, or --url, or a profile");
        return false;
    }
    if (strncmp(s->url, "http://", 7) != 0
        && strncmp(s->url, "https://", 8) != 0)
    {
        cli_say("the URL begins with https:// or http://");
        return false;
    }
    if (strchr(s->url, '@') != NULL) {
        cli_say("no credential belongs into a URL");
        return false;
    }
    warn_of_clear_text(s);

    return true;
}


static bool
environment_read(struct cli_settings *s)
{
    return take_environment("ASGARD_PROFILE", s->profile, sizeof(s->profile))
        && take_environment("ASGARD_URL", s->url, sizeof(s->url))
        && take_environment("ASGARD_PAT", s->pat, sizeof(s->pat))
        && take_environment("ASGARD_KEY", s->key, sizeof(s->key))
        && take_environment("ASGARD_PROJECT", s->project, sizeof(s->project))
        && take_environment("ASGARD_CA_FILE", s->ca_file, sizeof(s->ca_file))
        && take_environment("ASGARD_OUTPUT", s->output, sizeof(s->output));
}


/* A profile's credentials go to the profile's own Asgard and to no other. */
static bool
profile_read(struct cli_settings *s)
{
    char url[CLI_URL_BYTES] = "";
    struct cli_setting where[] = {{"url", url, sizeof(url)}, {NULL, NULL, 0}};
    struct cli_setting open[] = {
        {"project", s->project, sizeof(s->project)},
        {"ca_file", s->ca_file, sizeof(s->ca_file)},
        {"output", s->output, sizeof(s->output)},
        {NULL, NULL, 0}
    };
    struct cli_setting closed[] = {
        {"token", s->pat, sizeof(s->pat)},
        {"key", s->key, sizeof(s->key)},
        {NULL, NULL, 0}
    };

    if (!cli_profile_read(s->profile, where)
        || !cli_profile_read(s->profile, open))
    {
        return false;
    }
    if (s->url[0] == '\0') {
        memcpy(s->url, url, sizeof(url));
    }

    return strcmp(s->url, url) != 0 || cli_profile_read(s->profile, closed);
}


bool
cli_settings_fill(struct cli_settings *out)
{
    if (!environment_read(out)) {
        return false;
    }
    if (out->profile[0] == '\0') {
        memcpy(out->profile, "default", sizeof("default"));
    }
    if (!profile_read(out)) {
        return false;
    }
    if (out->output[0] == '\0') {
        memcpy(out->output, "table", sizeof("table"));
    }

    return format_read(out) && url_read(out);
}


void
cli_settings_wipe(struct cli_settings *s)
{
    OPENSSL_cleanse(s, sizeof(*s));
}
