/*
 * Golden files: NAME.in is what goes in, NAME.out what must come out.
 *
 * A first line of NAME.in that begins with "# " holds options, words between
 * spaces.  A folder is read in the order of the names; fewer pairs than the
 * test expects are a failure, and so is a file without its other half.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/str.h"

#define GOLDEN_BYTES  (1 << 20)
#define GOLDEN_FILES  512

typedef struct {
    char name[128];
    char options[256];
    asg_str_t in;               /* without the line of options */
    asg_str_t out;
    char text[2 * GOLDEN_BYTES];
} golden_t;

static inline bool golden_has(const golden_t *g, const char *word)
{
    size_t n = strlen(word);
    const char *p = g->options;

    for (; (p = strstr(p, word)) != NULL; p++) {
        if ((p == g->options || p[-1] == ' ') && (p[n] == ' ' || !p[n])) {
            return true;
        }
    }
    return false;
}

/* N of the option "word=N". */
static inline long golden_number(const golden_t *g, const char *word,
    long without)
{
    const char *p = strstr(g->options, word);

    return p == NULL ? without : strtol(p + strlen(word) + 1, NULL, 10);
}

static asg_str_t golden_read(const char *folder, const char *name,
    const char *end, char *text)
{
    char path[1024];
    FILE *file;
    size_t n;

    snprintf(path, sizeof(path), ASG_TOP "/t/unit/golden/%s/%s.%s", folder,
             name, end);
    file = fopen(path, "rb");
    if (file == NULL) {
        fail_msg("%s cannot be read", path);
    }
    n = fread(text, 1, GOLDEN_BYTES, file);
    fclose(file);
    assert_true(n < GOLDEN_BYTES);
    return (asg_str_t) {text, n};
}

static void golden_load(golden_t *g, const char *folder, const char *name)
{
    const char *line;

    snprintf(g->name, sizeof(g->name), "%.127s", name);
    g->options[0] = '\0';
    g->in = golden_read(folder, name, "in", g->text);
    g->out = golden_read(folder, name, "out", g->text + GOLDEN_BYTES);
    line = memchr(g->in.data, '\n', g->in.len);
    if (g->in.len > 2 && memcmp(g->in.data, "# ", 2) == 0 && line != NULL) {
        snprintf(g->options, sizeof(g->options), "%.*s",
                 (int) (line - g->in.data - 2), g->in.data + 2);
        g->in.len -= (size_t) (line + 1 - g->in.data);
        g->in.data = line + 1;
    }
}

static int golden_compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Every pair of the folder; `least`: as many there are at least. */
static inline void golden_each(const char *folder, int least,
    void (*check)(const golden_t *g))
{
    static char names[GOLDEN_FILES][128];
    static golden_t g;
    char path[1024];
    struct dirent *entry;
    DIR *dir;
    int ins = 0;
    int outs = 0;

    snprintf(path, sizeof(path), ASG_TOP "/t/unit/golden/%s", folder);
    dir = opendir(path);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char *dot = strrchr(entry->d_name, '.');

        outs += strcmp(dot, ".out") == 0;
        if (strcmp(dot, ".in") == 0) {
            assert_true(ins < GOLDEN_FILES);
            snprintf(names[ins++], sizeof(names[0]), "%.*s",
                     (int) (dot - entry->d_name), entry->d_name);
        }
    }
    closedir(dir);
    assert_int_equal(ins, outs);
    assert_true(ins >= least);
    qsort(names, (size_t) ins, sizeof(names[0]), golden_compare);
    for (int i = 0; i < ins; i++) {
        golden_load(&g, folder, names[i]);
        check(&g);
    }
}

static inline void golden_same(const golden_t *g, asg_str_t got)
{
    if (!asg_str_eq(got, g->out)) {
        fail_msg("%s:\n got %.*s\nwant %.*s", g->name, (int) got.len, got.data,
                 (int) g->out.len, g->out.data);
    }
}

#endif
