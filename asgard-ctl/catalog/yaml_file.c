/*
 * Reading a YAML file, and the values of a tree.
 */
#include "catalog/yaml.h"

#include <string.h>

#include "catalog/text_file.h"

#define DAY_MS ((int64_t) 86400 * 1000)


struct ctl_yaml *
ctl_yaml_load(const char *file, bool *missing, struct ctl_findings *f)
{
    struct ctl_arena scratch;
    struct ctl_yaml *root = NULL;
    asg_str_t text;

    ctl_arena_init(&scratch, 2 * (size_t) CTL_YAML_BYTES_MAX);
    if (ctl_text_file_read(file, CTL_YAML_BYTES_MAX, missing, &scratch, &text,
                           f))
    {
        root = ctl_yaml_parse(file, text, f);
    }
    ctl_arena_reset(&scratch);

    return root;
}


bool
ctl_yaml_is_null(const struct ctl_yaml *node)
{
    return node->kind == CTL_YAML_SCALAR && node->plain
           && (node->text[0] == '\0' || strcmp(node->text, "~") == 0
               || strcmp(node->text, "null") == 0);
}


const struct ctl_yaml *
ctl_yaml_at(const struct ctl_yaml *map, const char *key)
{
    const struct ctl_yaml *child;

    if (map == NULL || map->kind != CTL_YAML_MAP) {
        return NULL;
    }
    for (child = map->first; child != NULL; child = child->next) {
        if (strcmp(child->key, key) == 0) {
            return ctl_yaml_is_null(child) ? NULL : child;
        }
    }

    return NULL;
}


const char *
ctl_yaml_text(const struct ctl_yaml *map, const char *key,
    const char *otherwise)
{
    const struct ctl_yaml *node = ctl_yaml_at(map, key);

    return node != NULL && node->kind == CTL_YAML_SCALAR ? node->text
                                                         : otherwise;
}


bool
ctl_yaml_bool(const struct ctl_yaml *node, bool *out)
{
    if (node->kind != CTL_YAML_SCALAR || !node->plain) {
        return false;
    }
    if (strcmp(node->text, "true") == 0) {
        *out = true;
        return true;
    }
    if (strcmp(node->text, "false") == 0) {
        *out = false;
        return true;
    }

    return false;
}


bool
ctl_yaml_int(const struct ctl_yaml *node, int64_t *out)
{
    uint64_t n;

    if (node->kind != CTL_YAML_SCALAR || !node->plain
        || !asg_str_u64(asg_str_z(node->text), &n) || n > INT64_MAX)
    {
        return false;
    }
    *out = (int64_t) n;

    return true;
}


/* Whole and up to three decimals of a number, in thousandths. */
static const char *
thousandths(const char *p, int64_t *out)
{
    int64_t n = 0, digit = 100;
    const char *from = p;

    for (; *p >= '0' && *p <= '9' && n <= DAY_MS; p++) {
        n = n * 10 + (*p - '0');
    }
    if (p == from || n > DAY_MS) {
        return NULL;
    }
    n *= 1000;
    if (*p == '.') {
        for (from = ++p; *p >= '0' && *p <= '9'; p++, digit /= 10) {
            n += digit * (*p - '0');
        }
        if (p == from || p - from > 3) {
            return NULL;
        }
    }
    *out = n;

    return p;
}


bool
ctl_yaml_ms(const struct ctl_yaml *node, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {
        {"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60000}, {"h", 3600000}
    };
    const char *unit;
    int64_t n, ms;
    size_t i;

    if (node->kind != CTL_YAML_SCALAR
        || (unit = thousandths(node->text, &n)) == NULL)
    {
        return false;
    }
    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(unit, units[i].unit) == 0) {
            ms = n * units[i].ms / 1000;
            if (ms < 1 || ms > DAY_MS) {
                return false;
            }
            *out = ms;
            return true;
        }
    }

    return false;
}
