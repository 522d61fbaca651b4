/*
 * Reading asgard-ctl.conf: a table of names, then one pass over the lines.
 */
#include "base/config.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/config_check.h"
#include "core/str.h"

#define LINE_BYTES     2048
#define LINES_MAX      1000
#define NAME_BYTES     64
#define THREADS_MAX    64
#define BAD_TOKENS_MAX 1000000
#define ATTEMPTS_MAX   100

#define ENV_PREFIX   CTL_CONFIG_ENV
#define ENV_RUN_PID  "PID"              /* of run/env, no setting */

extern char **environ;

struct setting {
    const char *name;
    bool (*set)(struct ctl_config *c, const struct setting *s,
        const char *value);
    size_t offset;
    const char *expects;
};

/* Where a message points to, and what stood before it. */
struct place {
    const char *file;
    unsigned line;
    uint64_t seen;                      /* bit of each row of settings[] */
};


static bool
set_text(struct ctl_config *c, const struct setting *s, const char *value)
{
    char **field = (char **) (void *) ((char *) c + s->offset);

    if (*field != NULL || value[0] == '\0') {
        return false;
    }
    *field = strdup(value);

    return *field != NULL;
}


static bool
set_socket(struct ctl_config *c, const struct setting *s, const char *value)
{
    static const char unix_prefix[] = "unix:";

    if (strncmp(value, unix_prefix, sizeof(unix_prefix) - 1) != 0
        || value[sizeof(unix_prefix) - 1] != '/')
    {
        return false;
    }

    return set_text(c, s, value + sizeof(unix_prefix) - 1);
}


static bool
set_services(struct ctl_config *c, const struct setting *s, const char *value)
{
    (void) s;
    if (c->nservices == CTL_CONFIG_SERVICES_MAX) {
        return false;
    }
    c->services[c->nservices] = strdup(value);

    return c->services[c->nservices++] != NULL;
}


static bool
set_mode(struct ctl_config *c, const struct setting *s, const char *value)
{
    char *end;
    long mode = strtol(value, &end, 8);

    (void) s;
    if (*end != '\0' || mode <= 0 || mode > 0777) {
        return false;
    }
    c->socket_mode = (mode_t) mode;

    return true;
}


static bool
read_number(const char *value, unsigned least, unsigned most, unsigned *out)
{
    uint64_t n;

    if (!asg_str_u64(asg_str_z(value), &n) || n < least || n > most) {
        return false;
    }
    *out = (unsigned) n;

    return true;
}


static bool
set_threads(struct ctl_config *c, const struct setting *s, const char *value)
{
    (void) s;

    return read_number(value, 1, THREADS_MAX, &c->api_threads);
}


static bool
set_bad_tokens(struct ctl_config *c, const struct setting *s,
    const char *value)
{
    (void) s;

    return read_number(value, 0, BAD_TOKENS_MAX, &c->bad_tokens);
}


static bool
set_age(struct ctl_config *c, const struct setting *s, const char *value)
{
    size_t len = strlen(value);
    uint64_t n;
    int64_t unit;

    if (len < 2 || !asg_str_u64((asg_str_t) {value, len - 1}, &n)
        || n < 1 || n > 86400)
    {
        return false;
    }
    switch (value[len - 1]) {
    case 's': unit = 1; break;
    case 'm': unit = 60; break;
    case 'h': unit = 3600; break;
    default: return false;
    }
    *(int64_t *) (void *) ((char *) c + s->offset) = (int64_t) n * unit;

    return true;
}


static bool
set_attempts(struct ctl_config *c, const struct setting *s,
    const char *value)
{
    (void) s;

    return read_number(value, 1, ATTEMPTS_MAX, &c->notify_attempts);
}


static bool
set_internal(struct ctl_config *c, const struct setting *s,
    const char *value)
{
    (void) s;
    c->notify_internal = strcmp(value, "on") == 0;

    return c->notify_internal || strcmp(value, "off") == 0;
}


static bool
set_links(struct ctl_config *c, const struct setting *s, const char *value)
{
    (void) s;
    c->links_in_webhook = strcmp(value, "on") == 0;
    c->links_in_mail = c->links_in_webhook || strcmp(value, "mail") == 0;

    return c->links_in_mail || strcmp(value, "off") == 0;
}


/* Each entry has a name on both sides of its colon. */
static bool
set_targets(struct ctl_config *c, const struct setting *s, const char *value)
{
    const char *at = value;
    size_t len, cloud;

    if (strcmp(value, "any") == 0) {
        return true;
    }
    do {
        len = strcspn(at, ",");
        cloud = strcspn(at, ":");
        if (cloud == 0 || cloud + 1 >= len || memchr(at, ' ', len) != NULL) {
            return false;
        }
        at += len;
    } while (*at++ == ',');

    return set_text(c, s, value);
}


static bool
set_ceilings(struct ctl_config *c, const struct setting *s, const char *value)
{
    (void) s;

    return ctl_self_service_parse(&c->self_service, value);
}


static bool
set_cap(struct ctl_config *c, const struct setting *s, const char *value)
{
    (void) s;

    return ctl_self_service_parse_cap(&c->self_service, value);
}


#define FIELD(name) offsetof(struct ctl_config, name)

static const struct setting settings[] = {
    {"listen", set_socket, FIELD(listen), "unix:/PATH, once"},
    {"socket_group", set_text, FIELD(socket_group), "a group name, once"},
    {"socket_mode", set_mode, 0, "an octal mode"},
    {"postgres", set_text, FIELD(postgres), "a URI, once"},
    {"postgres_owner", set_text, FIELD(postgres_owner), "a URI, once"},
    {"redis", set_text, FIELD(redis), "an address, once"},
    {"key_file", set_text, FIELD(key_file), "a path, once"},
    {"pepper_file", set_text, FIELD(pepper_file), "a path, once"},
    {"kek_file", set_text, FIELD(kek_file), "a path, once"},
    {"keeper_socket", set_socket, FIELD(keeper_socket), "unix:/PATH, once"},
    {"keeper_peer", set_text, FIELD(keeper_peer), "a user, once"},
    {"services", set_services, 0, "a folder, at most 16 times"},
    {"routing", set_text, FIELD(routing), "a path, once"},
    {"prices", set_text, FIELD(prices), "a path, once"},
    {"backends_env", set_text, FIELD(backends_env), "a path, once"},
    {"pid_file", set_text, FIELD(pid_file), "a path, once"},
    {"log", set_text, FIELD(log), "a path or stderr, once"},
    {"public_url", set_text, FIELD(public_url), "a URL, once"},
    {"targets", set_targets, FIELD(targets),
        "any, or cloud:account, several joined by commas, once"},
    {"auto_approve_ceilings", set_ceilings, 0,
        "classification=USD, several joined by commas"},
    {"auto_approve_resource_cap", set_cap, 0, "any, or USD"},
    {"api_threads", set_threads, 0, "a number from 1 to 64"},
    {"bad_tokens", set_bad_tokens, 0, "a number from 0 to 1000000"},
    {"snapshot_max_age", set_age, FIELD(snapshot_max_age_s),
        "a time such as 24h (s, m, h)"},
    {"session_idle", set_age, FIELD(session_idle_s),
        "a time such as 1h (s, m, h)"},
    {"session_max_age", set_age, FIELD(session_max_age_s),
        "a time such as 8h (s, m, h)"},
    {"webhook_url", set_text, FIELD(webhook_url), "a URL, once"},
    {"webhook_secret_file", set_text, FIELD(webhook_secret_file),
        "a path, once"},
    {"mail_url", set_text, FIELD(mail_url), "a URL, once"},
    {"mail_from", set_text, FIELD(mail_from), "an address, once"},
    {"mail_user", set_text, FIELD(mail_user), "a name, once"},
    {"mail_password_file", set_text, FIELD(mail_password_file),
        "a path, once"},
    {"notify_internal", set_internal, 0, "on or off"},
    {"notify_links", set_links, 0, "on, mail or off"},
    {"notify_timeout", set_age, FIELD(notify_timeout_s),
        "a time such as 5s (s, m, h)"},
    {"notify_attempts", set_attempts, 0, "a number from 1 to 100"},
    {NULL, NULL, 0, NULL}
};


/* Whose value is a copy. */
static bool
is_text(const struct setting *s)
{
    return s->set == set_text || s->set == set_socket
           || s->set == set_targets;
}


static const struct setting *
setting_find(const char *name)
{
    const struct setting *s;

    for (s = settings; s->name != NULL; s++) {
        if (strcmp(s->name, name) == 0) {
            return s;
        }
    }

    return NULL;
}


/* Cuts `line` into name and value in place; false for nothing to read. */
static bool
line_split(char *line, char **name, char **value)
{
    char *end = line + strlen(line);

    while (end > line && isspace((unsigned char) end[-1])) {
        *--end = '\0';
    }
    while (isspace((unsigned char) *line)) {
        line++;
    }
    if (*line == '\0' || *line == '#') {
        return false;
    }
    *name = line;
    line += strcspn(line, " \t");
    if (*line != '\0') {
        *line++ = '\0';
    }
    *value = line + strspn(line, " \t");

    return true;
}


/* Text is copied, all else needs no memory. */
static const char *
expected(const struct setting *s)
{
    return errno == ENOMEM ? "memory, and there is none" : s->expects;
}


static bool
line_apply(struct ctl_config *c, char *line, struct place *at,
    struct ctl_error *e)
{
    const struct setting *s;
    char *name, *value;
    uint64_t bit;

    if (!line_split(line, &name, &value)) {
        return true;
    }
    s = setting_find(name);
    if (s == NULL) {
        return ctl_error_field(e, "unknown_setting", name,
                               "%s:%u: unknown setting \"%.64s\"", at->file,
                               at->line, name);
    }
    bit = UINT64_C(1) << (s - settings);
    if ((at->seen & bit) != 0 && s->set != set_services) {
        return ctl_error_field(e, "invalid_value", name,
                               "%s:%u: %s stands twice", at->file, at->line,
                               name);
    }
    at->seen |= bit;
    errno = 0;
    if (!s->set(c, s, value)) {
        return ctl_error_field(e, "invalid_value", name,
                               "%s:%u: %s expects %s", at->file, at->line,
                               name, expected(s));
    }

    return true;
}


static bool
lines_read(struct ctl_config *c, FILE *f, const char *path,
    struct ctl_error *e)
{
    char line[LINE_BYTES];
    struct place at = {path, 0, 0};

    while (fgets(line, sizeof(line), f) != NULL) {
        at.line++;
        if (at.line > LINES_MAX || strlen(line) == sizeof(line) - 1) {
            return ctl_error_field(e, "invalid_value", "file",
                                   "%s:%u: the file or a line is too long",
                                   path, at.line);
        }
        if (!line_apply(c, line, &at, e)) {
            return false;
        }
    }

    return true;
}


/* A setting that is misspelt must not be without effect in silence. */
static bool
environment_check(struct ctl_error *e)
{
    const struct setting *s;
    const char *name;
    char **v;
    size_t n;

    for (v = environ; *v != NULL; v++) {
        if (strncmp(*v, ENV_PREFIX, sizeof(ENV_PREFIX) - 1) != 0) {
            continue;
        }
        name = *v + sizeof(ENV_PREFIX) - 1;
        n = strcspn(name, "=");
        for (s = settings; s->name != NULL; s++) {
            if (strlen(s->name) == n && strncasecmp(s->name, name, n) == 0) {
                break;
            }
        }
        if (s->name == NULL && (n != sizeof(ENV_RUN_PID) - 1
                                || memcmp(name, ENV_RUN_PID, n) != 0))
        {
            return ctl_error_field(e, "unknown_setting", "environment",
                                   "environment: unknown setting \"%.*s\"",
                                   (int) (n < 64 ? n + 11 : 75), *v);
        }
    }

    return true;
}


/* ASGARD_CTL_<NAME> replaces what the file says. */
static bool
environment_apply(struct ctl_config *c, struct ctl_error *e)
{
    char name[NAME_BYTES];
    const struct setting *s;
    const char *value;
    size_t i;

    for (s = settings; s->name != NULL; s++) {
        snprintf(name, sizeof(name), ENV_PREFIX "%s", s->name);
        for (i = 0; name[i] != '\0'; i++) {
            name[i] = (char) toupper((unsigned char) name[i]);
        }
        value = getenv(name);
        if (value == NULL && s->set == set_ceilings) {
            value = getenv(CTL_CONFIG_ENV_CEILINGS);
        }
        if (value == NULL || value[0] == '\0') {
            continue;
        }
        if (!ctl_config_check_variable(name, value, e)) {
            return false;
        }
        if (is_text(s)) {
            char **field = (char **) (void *) ((char *) c + s->offset);

            free(*field);
            *field = NULL;
        }
        errno = 0;
        if (!s->set(c, s, value)) {
            return ctl_error_field(e, "invalid_value", s->name,
                                   "environment: %s expects %s", name,
                                   expected(s));
        }
    }

    return true;
}


static bool
required_check(const struct ctl_config *c, struct ctl_error *e)
{
    const struct {
        const char *name;
        const char *value;
    } must[] = {
        {"listen", c->listen}, {"postgres", c->postgres}, {"redis", c->redis},
        {"key_file", c->key_file}, {"services", c->services[0]},
        {"pid_file", c->pid_file}
    };
    size_t i;

    for (i = 0; i < sizeof(must) / sizeof(must[0]); i++) {
        if (must[i].value == NULL) {
            return ctl_error_field(e, "missing_setting", must[i].name,
                                   "%s: the setting \"%s\" is missing",
                                   c->file, must[i].name);
        }
    }

    return true;
}


/* Beside the configuration, where nothing else is said. */
static bool
prices_take(struct ctl_config *c, struct ctl_error *e)
{
    static const char name[] = "prices.json";
    const char *slash = strrchr(c->file, '/');
    size_t folder = slash != NULL ? (size_t) (slash + 1 - c->file) : 0;

    if (c->prices == NULL) {
        c->prices = malloc(folder + sizeof(name));
        if (c->prices == NULL) {
            return ctl_error_internal(e, "out of memory");
        }
        memcpy(c->prices, c->file, folder);
        memcpy(c->prices + folder, name, sizeof(name));
    }

    return true;
}


bool
ctl_config_read(struct ctl_config *c, const char *path, struct ctl_error *e)
{
    FILE *f;
    bool ok;

    memset(c, 0, sizeof(*c));
    c->read_ms = ctl_clock_ms();
    c->socket_mode = 0660;
    c->api_threads = 8;
    c->bad_tokens = 10;
    c->snapshot_max_age_s = 86400;
    c->session_idle_s = 3600;
    c->session_max_age_s = 8 * 3600;
    c->notify_timeout_s = 5;
    c->links_in_mail = c->links_in_webhook = true;
    c->notify_attempts = 20;
    ctl_self_service_init(&c->self_service);
    c->file = strdup(path);

    f = c->file != NULL ? fopen(path, "re") : NULL;
    if (f == NULL) {
        return ctl_error_field(e, "missing_file", "file",
                               "%s: cannot be read", path);
    }
    ok = lines_read(c, f, path, e) && ctl_config_check_file(c, fileno(f), e)
         && ctl_config_check_libraries(e) && environment_check(e)
         && environment_apply(c, e)
         && required_check(c, e) && prices_take(c, e);
    fclose(f);

    return ok;
}


void
ctl_config_finish(struct ctl_config *c)
{
    const struct setting *s;
    unsigned i;

    for (s = settings; s->name != NULL; s++) {
        if (is_text(s)) {
            free(*(char **) (void *) ((char *) c + s->offset));
        }
    }
    for (i = 0; i < c->nservices; i++) {
        free(c->services[i]);
    }
    free(c->file);
    memset(c, 0, sizeof(*c));
}
