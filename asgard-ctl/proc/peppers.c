/*
 * The peppers of the key file, or of their own.
 */
#include "proc/peppers.h"

#include <string.h>

#include "core/keyfile.h"
#include "proc/values.h"


/* The pepper lines of the key file; seal lines stay out of api. */
static bool
copy_peppers(asg_str_t text, asg_buf_t *out)
{
    static const char word[] = "pepper";
    const char *p = text.data, *end = text.data + text.len, *eol, *w;

    for (; p < end; p = eol + 1) {
        eol = memchr(p, '\n', (size_t) (end - p));
        if (eol == NULL) {
            eol = end;
        }
        for (w = p; w < eol && (*w == ' ' || *w == '\t'); w++) { }
        if ((size_t) (eol - w) > sizeof(word)
            && memcmp(w, word, sizeof(word) - 1) == 0)
        {
            asg_buf_put(out, p, (size_t) (eol - p));
            asg_buf_z(out, "\n");
        }
    }

    return asg_buf_ok(out);
}


static const char *
file_of(const struct ctl_config *config)
{
    return config->pepper_file != NULL ? config->pepper_file
                                       : config->key_file;
}


/* A file that the keeper would refuse gives no new peppers either: with a part
 * of it a new api could not start. */
static bool
file_check(const struct ctl_config *config, asg_str_t text,
    asg_keyfile_t *keys, struct ctl_error *e)
{
    asg_keyfile_error_t why = {0, ""};
    bool own = config->pepper_file != NULL;

    if (asg_keyfile_parse(text, own, keys, &why) != ASG_OK) {
        return ctl_error_set(e, 400, "invalid_value", "%s:%u: %s",
                             file_of(config), why.line, why.text);
    }

    return !own || keys->nseals == 0
           || ctl_error_set(e, 400, "invalid_value", "%s: has a seal line, "
                            "which is not for api", file_of(config));
}


int
ctl_peppers_open(const struct ctl_config *config, struct ctl_error *e)
{
    static char storage[32768];
    static asg_keyfile_t keys;
    asg_str_t text;
    asg_buf_t b;
    int fd = -1;

    if (!ctl_values_read_file(file_of(config), &text, e)) {
        return -1;
    }
    asg_buf_init(&b, storage, sizeof(storage));
    if (!copy_peppers(text, &b)) {
        ctl_error_internal(e, "%s: too long", file_of(config));
    } else if (file_check(config, text, &keys, e)) {
        fd = ctl_values_write(asg_buf_view(&b), e);
    }
    ctl_values_release(&text);
    asg_keyfile_wipe(&keys);
    explicit_bzero(storage, sizeof(storage));

    return fd;
}


static asg_str_t
secret_of(const asg_named_key_t *key)
{
    return (asg_str_t) {(const char *) key->secret, ASG_SECRET_BYTES};
}


static bool
is_same(const asg_named_key_t *a, const asg_named_key_t *b)
{
    return asg_str_eq_secret(secret_of(a), secret_of(b))
           && strcmp(a->id, b->id) == 0;
}


/* In their order: the first one is what new keys are made with. */
static bool
are_same(const asg_keyfile_t *a, const asg_keyfile_t *b)
{
    bool same = a->npeppers == b->npeppers;
    size_t i;

    for (i = 0; same && i < a->npeppers; i++) {
        same = is_same(&a->peppers[i], &b->peppers[i]);
    }

    return same;
}


bool
ctl_peppers_agree(const struct ctl_config *config, struct ctl_error *e)
{
    static asg_keyfile_t whole, own;
    asg_str_t text;
    bool ok;

    if (!ctl_values_read_file(file_of(config), &text, e)) {
        return false;
    }
    ok = file_check(config, text, &own, e)
         && ctl_values_keys(config->key_file, &whole, e)
         && (are_same(&own, &whole)
             || ctl_error_set(e, 400, "invalid_value", "%s: its pepper lines "
                              "are not those of %s", file_of(config),
                              config->key_file));
    ctl_values_release(&text);
    asg_keyfile_wipe(&own);
    asg_keyfile_wipe(&whole);

    return ok;
}
