/*
 * Files and variables of an operator, compiled to a snapshot and read as the
 * gateway reads it: begun anew for each test.
 */
#ifndef COMPILING_H
#define COMPILING_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/compile.h"
#include "core/json.h"

#define SECRET "sk-live-0123456789abcdef"
#define ONE(id, kind, more, model) IN(id, kind, more, id, model)
#define IN(id, kind, more, space, model) \
    "id: " id "\ninference:\n  kind: " kind "\n" more \
    "  models:\n    - ref: model:" space "/" model "\n" \
    "      route: " model "\n" \
    "      cost_in: 0.001\n      cost_out: 0.01\n"

static struct ctl_arena arena;
static struct ctl_catalog catalog;
static struct ctl_backends backends;
static asg_keyfile_t keys;
static char dir[64], written[ASG_CATALOG_ENDPOINTS_MAX + 32][128];
static unsigned nwritten;
static asg_json_t json;
static void *memory;
static asg_catalog_t snapshot;
static asg_str_t text;

static void put(const char *path, const char *content)
{
    char *file = written[nwritten++];
    FILE *f;

    snprintf(file, sizeof(written[0]), "%s/%s", dir, path);
    if (strchr(path, '/') != NULL) {
        *strrchr(file, '/') = '\0';
        mkdir(file, 0700);
        snprintf(file, sizeof(written[0]), "%s/%s", dir, path);
    }
    f = fopen(file, "w");
    assert_non_null(f);
    fputs(content, f);
    fclose(f);
}

static void service(const char *id, const char *content)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/service.yaml", id);
    put(path, content);
}

static void variables(const char *lines)
{
    struct ctl_error e;

    ctl_backends_finish(&backends);
    assert_true(ctl_backends_read(&backends, asg_str_z(lines), NULL,
                                  &e));
}

static int begin(void **state)
{
    (void) state;
    ctl_arena_init(&arena, CTL_CATALOG_ARENA_BYTES);
    snprintf(dir, sizeof(dir), "/tmp/test_compile.XXXXXX");
    assert_non_null(mkdtemp(dir));
    variables("");
    memory = NULL;
    snprintf(keys.seals[0].id, sizeof(keys.seals[0].id), "s1");
    memset(keys.seals[0].secret, 7, sizeof(keys.seals[0].secret));
    keys.nseals = 1;
    return 0;
}

static int end(void **state)
{
    (void) state;
    while (nwritten > 0) {
        char *file = written[--nwritten];

        unlink(file);
        *strrchr(file, '/') = '\0';
        rmdir(file);
    }
    rmdir(dir);
    free(memory);
    ctl_backends_finish(&backends);
    ctl_arena_reset(&arena);
    return 0;
}

static bool load(void)
{
    char *folders[] = {dir}, routing[96];
    struct ctl_catalog_sources from = {folders, 1, routing, &backends,
                                        NULL};

    snprintf(routing, sizeof(routing), "%s/routing.yaml", dir);
    return ctl_catalog_load(&catalog, &arena, &from);
}

static void must_load(void)
{
    if (!load()) {
        fail_msg("%s", catalog.findings.items[0].text);
    }
}

static bool finding(const char *with)
{
    for (unsigned i = 0; i < catalog.findings.n; i++) {
        if (strstr(catalog.findings.items[i].text, with) != NULL) {
            return true;
        }
    }
    return false;
}

/* Compiles, verifies and parses as the gateway does. */
static void compile(void)
{
    struct ctl_compile with = {&arena, &keys.seals[0], 17, 1763719200, 86400};
    struct ctl_error e;
    uint64_t version;
    int64_t created;
    asg_str_t body;
    size_t size;

    for (unsigned i = 0; i < catalog.nmodels; i++) {
        catalog.models[i].card_version = 3;
    }
    assert_true(ctl_compile_snapshot(&catalog, &with, &text, &e));
    assert_int_equal(text.data[text.len], '\0');
    assert_int_equal(asg_catalog_verify(&keys, text, &version, &created,
                                        &body), ASG_OK);
    assert_int_equal(version, 17);
    assert_int_equal(created, 1763719200);
    size = asg_catalog_size(&json, body);
    assert_true(size > 0);
    memory = malloc(size);
    assert_non_null(memory);
    assert_int_equal(asg_catalog_parse(&json, body, memory, size, &snapshot),
                     ASG_OK);
}

static const asg_model_t *model(const char *name, unsigned candidate)
{
    const asg_public_name_t *n = asg_catalog_find(&snapshot, asg_str_z(name));

    assert_non_null(n);
    assert_true(candidate < n->ncandidates);
    return &snapshot.models[n->candidates[candidate]];
}

static void str_is(asg_str_t s, const char *z)
{
    if (!asg_str_eq_z(s, z)) {
        fail_msg("%.*s is not %s", (int) s.len, s.data, z);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

#endif
