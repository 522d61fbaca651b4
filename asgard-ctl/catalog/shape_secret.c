/*
 * Finding secrets where none belong.
 */
#include "catalog/shape.h"

#include <ctype.h>
#include <string.h>

#define RUN_MIN  16                     /* letters after a known beginning */
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
        "sk-", "dapi", "asg_", "ghp_", "xoxb-", "AKIA", "AIza", "hf_"
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


static bool
ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && strcmp(text + n - m, end) == 0;
}


static bool
key_names_secret(const char *key)
{
    return key != NULL && (ends_with(key, "key") || ends_with(key, "token")
                           || ends_with(key, "secret")
                           || ends_with(key, "password"));
}


static bool
looks_secret(const struct ctl_yaml *node)
{
    size_t len = strlen(node->text);

    return text_has_token(node->text)
           || (key_names_secret(node->key) && len >= BLOB_MIN
               && run_of(node->text, "+/=_-") == len);
}


/* The depth of a tree is bounded by its reader. */
bool
ctl_shape_no_secrets(const struct ctl_yaml *root, const char *file,
    struct ctl_findings *f)
{
    const struct ctl_yaml *child;
    bool ok = true;

    if (root->kind == CTL_YAML_SCALAR) {
        return !looks_secret(root)
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
