/*
 * Variables of backends: what was taken has names, is found again and written
 * out again reads the same; an error names the line and shows nothing of it.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/backends_env.h"

#define MARK "MARK-OF-A-SECRET"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static void check_value(const struct ctl_backends *b,
    const struct ctl_backend_value *v)
{
    asg_str_t view = ctl_secret_view(&v->value);
    const char *p;

    must(v->name[0] != '\0' && !isdigit((unsigned char) v->name[0]));
    must(strlen(v->name) <= CTL_BACKENDS_NAME_MAX);
    for (p = v->name; *p != '\0'; p++) {
        must(isalnum((unsigned char) *p) || *p == '_');
    }
    must(view.len <= CTL_SECRET_MAX);
    must(view.len == 0 || memchr(view.data, '\n', view.len) == NULL);
    must(asg_str_eq(ctl_backends_get(b, v->name), view));
}

static void check_again(const struct ctl_backends *b)
{
    size_t room = 1, i;
    struct ctl_backends again;
    struct ctl_error e;
    asg_buf_t out;
    char *text;

    for (i = 0; i < b->n; i++) {
        room += strlen(b->values[i].name) + b->values[i].value.len + 16;
    }
    text = malloc(room);
    must(text != NULL);
    asg_buf_init(&out, text, room);
    for (i = 0; i < b->n; i++) {
        asg_buf_z(&out, "\t export ");
        asg_buf_z(&out, b->values[i].name);
        asg_buf_z(&out, " = \"");
        asg_buf_str(&out, ctl_secret_view(&b->values[i].value));
        asg_buf_z(&out, "\"\n");
    }
    must(ctl_backends_read(&again, asg_buf_view(&out), "again", &e));
    must(again.n == b->n);
    for (i = 0; i < b->n; i++) {
        must(strcmp(again.values[i].name, b->values[i].name) == 0);
        must(asg_str_eq(ctl_secret_view(&again.values[i].value),
                        ctl_secret_view(&b->values[i].value)));
    }
    ctl_backends_finish(&again);
    free(text);
}

static void check_read(asg_str_t text, const char *file)
{
    struct ctl_backends b;
    struct ctl_error e;
    unsigned i;

    ctl_error_clear(&e);
    if (ctl_backends_read(&b, text, file, &e)) {
        for (i = 0; i < b.n; i++) {
            check_value(&b, &b.values[i]);
        }
        check_again(&b);
    } else {
        must(strstr(e.text, file != NULL ? "file:" : "environment:")
             == e.text);
        must(strstr(e.text, MARK) == NULL && strstr(e.detail, MARK) == NULL);
    }
    ctl_backends_finish(&b);
    must(b.values == NULL && b.n == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text = {(const char *) data, size};

    check_read(text, "file");
    check_read(text, NULL);
    return 0;
}
