/*
 * The request that a command line describes.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cli/call.h"

#define PATH_BYTES 4096
#define BODY_BYTES ((size_t) 1024 * 1024)

/* All but what RFC 3986 calls unreserved. */
static void
put_encoded(asg_buf_t *out, const char *text)
{
    for (; *text != '\0'; text++) {
        uint8_t c = (uint8_t) *text;

        if (isalnum(c) || strchr("-._~", c) != NULL) {
            asg_buf_put(out, text, 1);
        } else {
            asg_buf_z(out, "%");
            asg_buf_hex(out, &c, 1);
        }
    }
}


/* One segment of a path: what would be another path is refused, also coded, for
 * servers decode before they look. */
static bool
is_segment(const char *text)
{
    return text[0] != '\0' && strpbrk(text, "/\\%?#") == NULL
        && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}


static bool
put_argument(const struct cli *cli, const char *name, asg_buf_t *out)
{
    const char *text = cli_argument(&cli->arguments, name);

    if (text == NULL && strcmp(name, "project") == 0
        && cli->settings.project[0] != '\0')
    {
        text = cli->settings.project;
    }
    if (text != NULL && !is_segment(text)) {
        cli_say("`%s` is no %s", text, name);
        return false;
    }
    if (text == NULL) {
        cli_say("`%s` needs a %s%s", cli->arguments.command->words, name,
                strcmp(name, "project") == 0 ? ", or set ASGARD_PROJECT" : "");
        return false;
    }
    put_encoded(out, text);

    return true;
}


static bool
put_path(const struct cli *cli, asg_buf_t *out)
{
    const char *p = cli->arguments.command->path;

    while (*p != '\0') {
        size_t len = strcspn(p, "{");

        asg_buf_put(out, p, len);
        p += len;
        if (*p == '{') {
            char name[CLI_NAME_BYTES];

            len = strcspn(++p, "}");
            memcpy(name, p, len);       /* of our own table: it fits */
            name[len] = '\0';
            if (!put_argument(cli, name, out)) {
                return false;
            }
            p += len + 1;
        }
    }

    return true;
}


static void
put_query(const struct cli *cli, asg_buf_t *out)
{
    const char *mark = "?";
    unsigned i;

    for (i = 0; i < cli->arguments.n; i++) {
        const struct cli_given *g = &cli->arguments.given[i];

        if (g->option != NULL && g->option->kind != CLI_OWN) {
            asg_buf_z(out, mark);
            asg_buf_z(out, g->option->field);
            asg_buf_z(out, "=");
            put_encoded(out, g->text);
            mark = "&";
        }
    }
}


/* --- values of the body --- */

static bool
is_json(const char *text, bool only_number)
{
    asg_json_t *json = cli_json_begin(0, asg_str_z(text));
    asg_json_event_t event = asg_json_next(json);

    if (only_number && event != ASG_JSON_NUMBER && event != ASG_JSON_NULL) {
        return false;
    }
    if (!asg_json_skip(json)) {
        return false;
    }

    return asg_json_next(json) == ASG_JSON_END;
}


static bool
put_number(const struct cli_given *g, asg_buf_t *out)
{
    if (!is_json(g->text, true)) {
        cli_say("--%s is a number or null, not `%s`", g->option->name, g->text);
        return false;
    }
    asg_buf_z(out, g->text);

    return true;
}


static void
put_items(asg_buf_t *out, const char *text, const char **comma)
{
    while (*text != '\0') {
        size_t len = strcspn(text, ",");

        asg_buf_z(out, *comma);
        asg_buf_json(out, (asg_str_t) {text, len});
        *comma = ",";
        text += len + (text[len] == ',');
    }
}


/* NAME=VALUE; what is JSON is meant so, all else is text. */
static bool
put_pair(const struct cli_given *g, asg_buf_t *out, const char **comma)
{
    const char *equals = strchr(g->text, '=');

    if (equals == NULL || equals == g->text) {
        cli_say("--%s is NAME=VALUE, not `%s`", g->option->name, g->text);
        return false;
    }
    asg_buf_z(out, *comma);
    asg_buf_json(out, (asg_str_t) {g->text, (size_t) (equals - g->text)});
    asg_buf_z(out, ":");
    if (is_json(equals + 1, false)) {
        asg_buf_z(out, equals + 1);
    } else {
        asg_buf_json(out, asg_str_z(equals + 1));
    }
    *comma = ",";

    return true;
}


/* WINDOW=USD[@ZONE] */
static bool
put_window(const struct cli_given *g, asg_buf_t *out, const char **comma)
{
    const char *equals = strchr(g->text, '=');
    const char *zone = strchr(g->text, '@');
    char usd[64];
    size_t len;

    if (equals != NULL) {
        len = zone != NULL && zone > equals ? (size_t) (zone - equals - 1)
                                            : strlen(equals + 1);
        if (len < sizeof(usd)) {
            memcpy(usd, equals + 1, len);
            usd[len] = '\0';
            if (is_json(usd, true)) {
                asg_buf_z(out, *comma);
                asg_buf_z(out, "{\"window\":");
                asg_buf_json(out, (asg_str_t) {g->text,
                             (size_t) (equals - g->text)});
                asg_buf_z(out, ",\"limit_usd\":");
                asg_buf_z(out, usd);
                asg_buf_z(out, zone != NULL ? ",\"zone\":" : "");
                if (zone != NULL) {
                    asg_buf_json(out, asg_str_z(zone + 1));
                }
                asg_buf_z(out, "}");
                *comma = ",";
                return true;
            }
        }
    }
    cli_say("--%s is WINDOW=USD or WINDOW=USD@ZONE, as 1mo=100 or"
            " 1d=5@Europe/Berlin, not `%s`", g->option->name, g->text);

    return false;
}


/* All that was given for an option of several values. */
static bool
put_several(const struct cli *cli, const struct cli_option *o, asg_buf_t *out)
{
    const char *comma = "";
    unsigned i;

    asg_buf_z(out, o->kind == CLI_PAIRS ? "{" : "[");
    for (i = 0; i < cli->arguments.n; i++) {
        const struct cli_given *g = &cli->arguments.given[i];

        if (g->option != o) {
            continue;
        }
        if (o->kind == CLI_LIST) {
            put_items(out, g->text, &comma);
        } else if (o->kind == CLI_PAIRS ? !put_pair(g, out, &comma)
                                        : !put_window(g, out, &comma))
        {
            return false;
        }
    }
    asg_buf_z(out, o->kind == CLI_PAIRS ? "}" : "]");

    return true;
}


static bool
put_value(const struct cli *cli, const struct cli_given *g, asg_buf_t *out)
{
    switch (g->option->kind) {
    case CLI_NUMBER:
        return put_number(g, out);
    case CLI_FLAG:
        asg_buf_z(out, "true");
        return true;
    case CLI_LIST:
    case CLI_PAIRS:
    case CLI_WINDOWS:
        return put_several(cli, g->option, out);
    default:
        asg_buf_json(out, asg_str_z(g->text));
        return true;
    }
}


static bool
takes_several(const struct cli_option *o)
{
    return o->kind == CLI_LIST || o->kind == CLI_PAIRS
        || o->kind == CLI_WINDOWS;
}


/* What several values make up is written where the first of them stands. */
static bool
is_first(const struct cli *cli, unsigned at)
{
    unsigned i;

    for (i = 0; i < at; i++) {
        if (cli->arguments.given[i].option == cli->arguments.given[at].option) {
            return false;
        }
    }

    return true;
}


static bool
put_body(const struct cli *cli, asg_buf_t *out)
{
    const char *comma = "";
    unsigned i;

    asg_buf_z(out, "{");
    for (i = 0; i < cli->arguments.n; i++) {
        const struct cli_given *g = &cli->arguments.given[i];

        if (g->option == NULL || g->option->kind == CLI_OWN
            || (takes_several(g->option) && !is_first(cli, i)))
        {
            continue;
        }
        asg_buf_z(out, comma);
        asg_buf_json(out, asg_str_z(g->option->field));
        asg_buf_z(out, ":");
        if (!put_value(cli, g, out)) {
            return false;
        }
        comma = ",";
    }
    asg_buf_z(out, "}");

    return true;
}


/* --- from a file --- */

static bool
body_read(const char *name, asg_buf_t *out)
{
    FILE *in = strcmp(name, "-") == 0 ? stdin : fopen(name, "r");
    char piece[4096];
    bool ok = true;
    size_t n;

    if (in == NULL) {
        cli_say("%s: %s", name, strerror(errno));
        return false;
    }
    while ((n = fread(piece, 1, sizeof(piece), in)) > 0) {
        asg_buf_put(out, piece, n);
    }
    if (ferror(in)) {
        cli_say("%s: cannot be read", name);
        ok = false;
    } else if (!asg_buf_ok(out)) {
        cli_say("%s: above 1 MB", name);
        ok = false;
    }
    OPENSSL_cleanse(piece, sizeof(piece));
    if (in != stdin) {
        fclose(in);
    }

    return ok;
}


static bool
has_body(const struct cli_command *c)
{
    return strcmp(c->method, "GET") != 0 && strcmp(c->method, "DELETE") != 0;
}


static bool
body_make(const struct cli *cli, asg_buf_t *out)
{
    const char *file = cli->arguments.body_file;

    if (!has_body(cli->arguments.command)) {
        if (file != NULL) {
            cli_say("`%s` has no body", cli->arguments.command->words);
        }
        return file == NULL;
    }
    if (file != NULL) {
        return body_read(file, out);
    }
    if (!put_body(cli, out)) {
        return false;
    }
    if (!asg_buf_ok(out)) {
        cli_say("the request is above 1 MB");
    }

    return asg_buf_ok(out);
}


static bool
path_make(const struct cli *cli, asg_buf_t *out)
{
    if (!put_path(cli, out)) {
        return false;
    }
    if (!has_body(cli->arguments.command)) {
        put_query(cli, out);
    }
    if (!asg_buf_ok(out)) {
        cli_say("the path is above %d bytes", PATH_BYTES);
    }

    return asg_buf_ok(out);
}


bool
cli_call_make(const struct cli *cli, struct cli_made *made)
{
    asg_buf_t path, body;

    made->len = 0;
    made->path = malloc(PATH_BYTES);
    made->body = malloc(BODY_BYTES);
    if (made->path == NULL || made->body == NULL) {
        cli_say("out of memory");
        return false;
    }
    asg_buf_init(&path, made->path, PATH_BYTES - 1);
    asg_buf_init(&body, made->body, BODY_BYTES);
    if (!path_make(cli, &path) || !body_make(cli, &body)) {
        return false;
    }
    made->path[path.len] = '\0';
    made->len = body.len;

    return true;
}


void
cli_made_release(struct cli_made *made)
{
    if (made->body != NULL) {
        OPENSSL_cleanse(made->body, made->len);
    }
    free(made->path);
    free(made->body);
}
