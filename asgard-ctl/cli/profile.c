/*
 * The file of profiles, read and replaced whole.
 */
#include "cli/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "cli/cli.h"
#include "core/str.h"

#define FILE_BYTES 65536
#define PATH_BYTES 1024

struct file {
    char path[PATH_BYTES];
    char text[FILE_BYTES];
    size_t len;
    bool missing;
};


/* "<directory>/asgard/profiles"; `sub` cuts it behind its first or second
 * directory for making them. */
static bool
path_make(char *out, const char *end)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int n;

    if (base != NULL && base[0] == '/') {
        n = snprintf(out, PATH_BYTES, "%s%s", base, end);
    } else if (home != NULL && home[0] == '/') {
        n = snprintf(out, PATH_BYTES, "%s/.config%s", home, end);
    } else {
        out[0] = '\0';
        return false;
    }

    return n > 0 && n < PATH_BYTES;
}


static bool
fail(const struct file *f, const char *why)
{
    cli_say("%s: %s", f->path, why);

    return false;
}


static bool
text_read(struct file *f, int fd)
{
    ssize_t n;

    while ((n = read(fd, f->text + f->len, sizeof(f->text) - f->len)) > 0) {
        f->len += (size_t) n;
        if (f->len == sizeof(f->text)) {
            return fail(f, "above 64 kB");
        }
    }

    return n == 0 || fail(f, strerror(errno));
}


/* No home is no file. */
static bool
file_open(struct file *f)
{
    struct stat st;
    bool ok;
    int fd;

    f->len = 0;
    f->missing = true;
    if (!path_make(f->path, "/asgard/profiles")) {
        return true;
    }
    fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR
            || fail(f, strerror(errno));
    }
    f->missing = false;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        ok = fail(f, "not a file");
    } else if ((st.st_mode & 077) != 0) {
        ok = fail(f, "others may read or write it, so it is not used;"
                     " chmod 600 makes it yours");
    } else {
        ok = text_read(f, fd);
    }
    close(fd);

    return ok;
}


/* --- lines --- */

static asg_str_t
trimmed(asg_str_t s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && strchr(" \t\r", s.data[s.len - 1]) != NULL) {
        s.len--;
    }

    return s;
}


static bool
line_next(asg_str_t *rest, asg_str_t *line)
{
    const char *end;

    if (rest->len == 0) {
        return false;
    }
    end = memchr(rest->data, '\n', rest->len);
    line->data = rest->data;
    line->len = end != NULL ? (size_t) (end - rest->data) : rest->len;
    rest->data += line->len + (end != NULL);
    rest->len -= line->len + (end != NULL);

    return true;
}


/* "[name]": the name, else a null string. */
static asg_str_t
section_of(asg_str_t line)
{
    line = trimmed(line);
    if (line.len < 2 || line.data[0] != '[' || line.data[line.len - 1] != ']') {
        return ASG_STR_NULL;
    }

    return trimmed((asg_str_t) {line.data + 1, line.len - 2});
}


static bool
pair_of(asg_str_t line, asg_str_t *word, asg_str_t *value)
{
    const char *equals;

    line = trimmed(line);
    if (line.len == 0 || line.data[0] == '#') {
        return false;
    }
    equals = memchr(line.data, '=', line.len);
    if (equals == NULL) {
        return false;
    }
    *word = trimmed((asg_str_t) {line.data, (size_t) (equals - line.data)});
    *value = trimmed((asg_str_t) {equals + 1,
        line.len - (size_t) (equals + 1 - line.data)});

    return true;
}


static const struct cli_setting *
setting_find(const struct cli_setting *s, asg_str_t word)
{
    for (; s->word != NULL; s++) {
        if (asg_str_eq_z(word, s->word)) {
            return s;
        }
    }

    return NULL;
}


static bool
setting_take(const struct file *f, const struct cli_setting *s,
    asg_str_t value)
{
    if (s == NULL || s->value[0] != '\0') {
        return true;
    }
    if (value.len >= s->size) {
        return fail(f, "a value is too long");
    }
    memcpy(s->value, value.data, value.len);
    s->value[value.len] = '\0';

    return true;
}


static bool
settings_take(const struct file *f, const char *name,
    struct cli_setting *settings)
{
    asg_str_t rest = {f->text, f->len};
    asg_str_t line, word, value;
    bool inside = false;

    while (line_next(&rest, &line)) {
        asg_str_t section = section_of(line);

        if (section.data != NULL) {
            inside = asg_str_eq_z(section, name);
        } else if (inside && pair_of(line, &word, &value)
                   && !setting_take(f, setting_find(settings, word), value))
        {
            return false;
        }
    }

    return true;
}


bool
cli_profile_read(const char *name, struct cli_setting *settings)
{
    struct file *f = malloc(sizeof(*f));
    bool ok;

    if (f == NULL) {
        cli_say("out of memory");
        return false;
    }
    ok = file_open(f) && settings_take(f, name, settings);
    OPENSSL_cleanse(f, sizeof(*f));
    free(f);

    return ok;
}


/* --- writing --- */

static void
section_put(asg_buf_t *out, const struct cli_setting *settings)
{
    for (; settings->word != NULL; settings++) {
        if (settings->value[0] != '\0') {
            asg_buf_z(out, settings->word);
            asg_buf_z(out, " = ");
            asg_buf_z(out, settings->value);
            asg_buf_z(out, "\n");
        }
    }
}


/* The file with that section's words anew. */
static bool
text_make(const struct file *old, const char *name,
    const struct cli_setting *settings, asg_buf_t *out)
{
    asg_str_t rest = {old->text, old->len};
    asg_str_t line, word, value;
    bool inside = false;
    bool was = false;

    while (line_next(&rest, &line)) {
        asg_str_t section = section_of(line);

        if (section.data != NULL) {
            inside = asg_str_eq_z(section, name);
        } else if (inside && pair_of(line, &word, &value)
                   && setting_find(settings, word) != NULL)
        {
            continue;
        }
        asg_buf_str(out, line);
        asg_buf_z(out, "\n");
        if (inside && section.data != NULL && !was) {
            section_put(out, settings);
            was = true;
        }
    }
    if (!was) {
        asg_buf_z(out, "[");
        asg_buf_z(out, name);
        asg_buf_z(out, "]\n");
        section_put(out, settings);
    }

    return asg_buf_ok(out);
}


static bool
directories_make(void)
{
    static const char *const ends[] = {"", "/asgard"};
    char path[PATH_BYTES];
    size_t i;

    for (i = 0; i < 2; i++) {
        if (!path_make(path, ends[i])) {
            cli_say("neither XDG_CONFIG_HOME nor HOME says where profiles are");
            return false;
        }
        if (mkdir(path, 0700) != 0 && errno != EEXIST) {
            cli_say("%s: %s", path, strerror(errno));
            return false;
        }
    }

    return true;
}


/* In place of the old one at once: a reader sees one or the other. */
static bool
file_replace(struct file *f, asg_str_t text)
{
    char fresh[PATH_BYTES + 8];
    bool ok;
    int fd;

    snprintf(fresh, sizeof(fresh), "%s.XXXXXX", f->path);
    fd = mkostemp(fresh, O_CLOEXEC);            /* mode 0600 */
    if (fd < 0) {
        return fail(f, strerror(errno));
    }
    ok = write(fd, text.data, text.len) == (ssize_t) text.len
        && fsync(fd) == 0;
    ok = close(fd) == 0 && ok && rename(fresh, f->path) == 0;
    if (!ok) {
        fail(f, strerror(errno));
        unlink(fresh);
    }

    return ok;
}


bool
cli_profile_write(const char *name, const struct cli_setting *settings)
{
    struct file *f = malloc(sizeof(*f));
    char *text = malloc(FILE_BYTES);
    bool ok = f != NULL && text != NULL;
    asg_buf_t out;

    if (!ok) {
        cli_say("out of memory");
    } else {
        asg_buf_init(&out, text, FILE_BYTES);
        ok = directories_make() && file_open(f);
        if (ok && !text_make(f, name, settings, &out)) {
            ok = fail(f, "above 64 kB");
        }
        ok = ok && file_replace(f, asg_buf_view(&out));
        OPENSSL_cleanse(text, FILE_BYTES);
        OPENSSL_cleanse(f, sizeof(*f));
    }
    free(text);
    free(f);

    return ok;
}
