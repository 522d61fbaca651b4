/*
 * Reading the variables of the backends.
 */
#include "catalog/backends_env.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>


static asg_str_t
trim(asg_str_t s)
{
    while (s.len > 0 && isspace((unsigned char) s.data[0])) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && isspace((unsigned char) s.data[s.len - 1])) {
        s.len--;
    }

    return s;
}


static asg_str_t
without_quotes(asg_str_t s)
{
    if (s.len >= 2 && (s.data[0] == '"' || s.data[0] == '\'')
        && s.data[s.len - 1] == s.data[0])
    {
        s.data++;
        s.len -= 2;
    }

    return s;
}


static bool
is_name(asg_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if (!isalnum((unsigned char) s.data[i]) && s.data[i] != '_') {
            return false;
        }
    }

    return s.len >= 1 && s.len <= CTL_BACKENDS_NAME_MAX
           && !isdigit((unsigned char) s.data[0]);
}


static bool
line_split(asg_str_t line, asg_str_t *name, asg_str_t *value)
{
    static const char word[] = "export ";
    const char *sign = memchr(line.data, '=', line.len);

    if (sign == NULL) {
        return false;
    }
    *name = trim((asg_str_t) {line.data, (size_t) (sign - line.data)});
    if (name->len > sizeof(word) - 1
        && memcmp(name->data, word, sizeof(word) - 1) == 0)
    {
        name->data += sizeof(word) - 1;
        name->len -= sizeof(word) - 1;
        *name = trim(*name);
    }
    *value = without_quotes(trim((asg_str_t) {sign + 1, line.len
                                 - (size_t) (sign - line.data) - 1}));

    return is_name(*name);
}


static struct ctl_backend_value *
slot(struct ctl_backends *b, asg_str_t name)
{
    struct ctl_backend_value *v;
    unsigned i;

    for (i = 0; i < b->n; i++) {
        if (asg_str_eq_z(name, b->values[i].name)) {
            return &b->values[i];
        }
    }
    if (b->n == CTL_BACKENDS_MAX) {
        return NULL;
    }
    v = &b->values[b->n++];
    memcpy(v->name, name.data, name.len);

    return v;
}


/* Where the text comes from, for errors. */
struct place {
    const char *file;                   /* NULL: an environment */
    unsigned line;
};


/* The line is not quoted: it may be a secret. */
static bool
line_refuse(const struct place *at, const char *why, struct ctl_error *e)
{
    return ctl_error_field(e, "invalid_value", "backends_env", "%s:%u: %s",
                           at->file != NULL ? at->file : "environment",
                           at->line, why);
}


static bool
line_take(struct ctl_backends *b, asg_str_t line, const struct place *at,
    struct ctl_error *e)
{
    struct ctl_backend_value *v;
    asg_str_t name, value;

    line = trim(line);
    if (line.len == 0 || line.data[0] == '#') {
        return true;
    }
    if (!line_split(line, &name, &value)) {
        return at->file == NULL || line_refuse(at, "not KEY=VALUE", e);
    }
    if (value.len > CTL_SECRET_MAX) {
        return at->file == NULL || line_refuse(at, "the value is too long", e);
    }
    v = slot(b, name);
    if (v == NULL) {
        return line_refuse(at, "too many variables", e);
    }
    ctl_secret_wipe(&v->value);
    if (value.len > 0 && !ctl_secret_set(&v->value, value)) {
        return ctl_error_internal(e, "out of memory");
    }

    return true;
}


bool
ctl_backends_read(struct ctl_backends *b, asg_str_t text, const char *file,
    struct ctl_error *e)
{
    const char *p = text.data, *end = p + text.len, *eol;
    struct place at = {file, 0};

    memset(b, 0, sizeof(*b));
    b->values = calloc(CTL_BACKENDS_MAX, sizeof(*b->values));
    if (b->values == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    for (; p < end; p = eol + 1) {
        eol = memchr(p, '\n', (size_t) (end - p));
        if (eol == NULL) {
            eol = end;
        }
        at.line++;
        if (!line_take(b, (asg_str_t) {p, (size_t) (eol - p)}, &at, e)) {
            return false;
        }
    }

    return true;
}


void
ctl_backends_finish(struct ctl_backends *b)
{
    unsigned i;

    for (i = 0; i < b->n; i++) {
        ctl_secret_wipe(&b->values[i].value);
    }
    free(b->values);
    memset(b, 0, sizeof(*b));
}


asg_str_t
ctl_backends_get(const struct ctl_backends *b, const char *name)
{
    unsigned i;

    for (i = 0; i < b->n; i++) {
        if (strcmp(b->values[i].name, name) == 0) {
            return ctl_secret_view(&b->values[i].value);
        }
    }

    return ASG_STR_NULL;
}
