/*
 * The peppers of the key file.
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


/* A file that the keeper would refuse gives no new peppers either: with a part
 * of it a new api could not start. */
static bool
key_file_check(const struct ctl_config *config, asg_str_t text,
    struct ctl_error *e)
{
    static asg_keyfile_t keys;
    asg_keyfile_error_t why = {0, ""};
    bool ok = asg_keyfile_parse(text, false, &keys, &why) == ASG_OK
              || ctl_error_set(e, 400, "invalid_value", "%s:%u: %s",
                               config->key_file, why.line, why.text);

    asg_keyfile_wipe(&keys);

    return ok;
}


int
ctl_peppers_open(const struct ctl_config *config, struct ctl_error *e)
{
    static char storage[32768];
    asg_str_t text;
    asg_buf_t b;
    int fd = -1;

    if (!ctl_values_read_file(config->key_file, &text, e)) {
        return -1;
    }
    asg_buf_init(&b, storage, sizeof(storage));
    if (!copy_peppers(text, &b)) {
        ctl_error_internal(e, "%s: too long", config->key_file);
    } else if (key_file_check(config, text, e)) {
        fd = ctl_values_write(asg_buf_view(&b), e);
    }
    ctl_values_release(&text);
    explicit_bzero(storage, sizeof(storage));

    return fd;
}
