/*
 * Finding secrets where none belong.
 */
#include "catalog/shape.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RUN_MIN  16                     /* letters after a known beginning */
#define LITERAL_MIN 8                   /* of a field that a secret goes by */
#define BLOB_MIN 20                     /* of a field that is called a key */


static size_t
run_of(const char *p, const char *also)
{
    size_t n = 0;

    while (isalnum((unsigned char) p[n])
           || (p[n] != '\0' && strchr(also, p[n]) != NULL))
    {
        n++;
    }

    return n;
}


/* Random letters hold a digit, words joined by hyphens seldom do. */
static bool
is_random(const char *p)
{
    size_t n = run_of(p, "_-");

    return n >= RUN_MIN && strcspn(p, "0123456789") < n;
}


/* Anywhere in the text: an example in a description is a leak as well. */
static bool
text_has_token(const char *text)
{
    static const char *const beginnings[] = {
        "sk-", "dapi", "asg_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
        "github_pat_", "xoxb-", "xoxp-", "AKIA", "AIza", "hf_", "eyJ"
    };
    const char *at;
    size_t i;

    for (i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
        at = text;
        while ((at = strstr(at, beginnings[i])) != NULL) {
            bool starts = at == text || !isalnum((unsigned char) at[-1]);

            at += strlen(beginnings[i]);
            if (starts && is_random(at)) {
                return true;
            }
        }
    }

    return strstr(text, "-----BEGIN") != NULL;
}


/* Does `text` start with a name that secrets go by, in any case, with or
 * without - and _ inside?  The bytes of the name, or 0. */
static size_t
secret_name_at(const char *text)
{
    static const char *const names[] = {
        "apikey", "privatekey", "masterkey", "secretkey", "accesskey",
        "accountkey", "secret", "password", "passwd", "pwd", "passphrase",
        "token", "credential"
    };
    size_t i, n, at;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (n = 0, at = 0; names[i][n] != '\0'; at++) {
            if (tolower((unsigned char) text[at]) == names[i][n]) {
                n++;
            } else if (n == 0 || (text[at] != '_' && text[at] != '-')) {
                break;
            }
        }
        if (names[i][n] == '\0') {
            return at;
        }
    }

    return 0;
}


/* The name of a variable, a number and words are no secrets. */
static bool
is_literal(const char *value, size_t len)
{
    return len >= LITERAL_MIN
           && strspn(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") < len
           && strspn(value, "0123456789.eE+-") < len
           && strcspn(value, " \t") >= len;
}


/* "password=...", "api_key: ..." in a text, with something that is no word. */
static bool
text_has_assignment(const char *text)
{
    const char *at, *value;
    size_t n;

    for (at = text; *at != '\0'; at++) {
        n = secret_name_at(at);
        value = at + n + (n > 0 ? strspn(at + n, "\"'") : 0);
        value += n > 0 ? strspn(value, " \t") : 0;
        if (n == 0 || (*value != '=' && *value != ':')) {
            continue;
        }
        value++;
        value += strspn(value, " \t\"'");
        n = strcspn(value, " \t\"',;)}");
        if (strchr("$<{", *value) == NULL && is_literal(value, n)
            && strcspn(value, "0123456789") < n)
        {
            return true;
        }
    }

    return false;
}


static bool
key_names_secret(const char *key)
{
    size_t n;

    for (; key != NULL && *key != '\0'; key++) {
        n = secret_name_at(key);
        if (n > 0 && (key[n] == '\0' || strcmp(key + n, "s") == 0)) {
            return true;
        }
    }

    return false;
}


static bool
key_may_name_secret(const char *key)
{
    size_t n = key != NULL ? strlen(key) : 0;

    return n >= 3 && strcasecmp(key + n - 3, "key") == 0;
}


bool
ctl_shape_is_secret(const char *key, const char *text)
{
    size_t len = strlen(text);

    return text_has_token(text) || text_has_assignment(text)
           || (key_names_secret(key) && is_literal(text, len))
           || (key_may_name_secret(key) && len >= BLOB_MIN
               && run_of(text, "+/=_-") == len);
}


/* A parser does not see comments: from each # that may begin one. */
bool
ctl_shape_no_secret_comments(asg_str_t text, const char *file,
    struct ctl_findings *f)
{
    char *copy = strndup(text.data != NULL ? text.data : "", text.len);
    char *line, *rest = copy, *hash;
    unsigned number = 0;
    bool ok = true;

    if (copy == NULL) {
        return ctl_finding_memory(f, file);
    }
    while ((line = strsep(&rest, "\n")) != NULL) {
        number++;
        hash = strchr(line, '#');
        if (hash != NULL && (text_has_token(hash)
                             || text_has_assignment(hash)))
        {
            ok = ctl_finding_error(f, file, number, "this comment looks like "
                                   "a secret; put it into backends.env");
        }
    }
    free(copy);

    return ok;
}


/* The depth of a tree is bounded by its reader. */
bool
ctl_shape_no_secrets(const struct ctl_yaml *root, const char *file,
    struct ctl_findings *f)
{
    const struct ctl_yaml *child;
    bool ok = true;

    if (root->kind == CTL_YAML_SCALAR) {
        return !ctl_shape_is_secret(root->key, root->text)
               || ctl_finding_error(f, file, root->line,
                                    "this looks like a secret; put it into "
                                    "backends.env and name the variable here");
    }
    for (child = root->first; child != NULL; child = child->next) {
        if (child->key != NULL && text_has_token(child->key)) {
            ok = ctl_finding_error(f, file, child->line,
                                   "a key looks like a secret");
        }
        ok = ctl_shape_no_secrets(child, file, f) && ok;
    }

    return ok;
}
