/* catalog/yaml.h: a bounded tree with lines, and everything that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "catalog/yaml.h"
#include "reading.h"

#define FILE_NAME "f.yaml"

static struct ctl_yaml *parse(const char *text)
{
    return ctl_yaml_parse(FILE_NAME, asg_str_z(text), &findings);
}

static void refused(const char *text, const char *with)
{
    begin(NULL);
    if (parse(text) != NULL) {
        fail_msg("accepted: %s", text);
    }
    assert_int_equal(findings.nerrors, 1);
    if (strstr(findings.items[0].text, with) == NULL) {
        fail_msg("%s says %s, not %s", text, findings.items[0].text, with);
    }
    end(NULL);
}

static void a_tree_has_the_order_and_the_lines_of_its_file(void **state)
{
    const struct ctl_yaml *root, *list, *item;

    (void) state;
    root = parse("a: 1\n\nb:\n  - x\n  - 'y z'\n  - {k: v}\nc: \"\"\n");
    assert_non_null(root);
    assert_int_equal(root->n, 3);
    assert_string_equal(ctl_yaml_text(root, "a", NULL), "1");
    list = ctl_yaml_at(root, "b");
    assert_int_equal(list->line, 3);
    assert_int_equal(list->n, 3);
    item = list->first;
    assert_true(item->plain);
    assert_int_equal(item->line, 4);
    item = item->next;
    assert_false(item->plain);
    assert_string_equal(item->text, "y z");
    assert_string_equal(ctl_yaml_text(item->next, "k", NULL), "v");
    assert_string_equal(ctl_yaml_text(root, "c", "no"), "");
}

static void a_null_is_as_if_it_were_absent(void **state)
{
    const struct ctl_yaml *root = parse("a:\nb: ~\nc: null\nd: 'null'\n");

    (void) state;
    assert_null(ctl_yaml_at(root, "a"));
    assert_null(ctl_yaml_at(root, "b"));
    assert_null(ctl_yaml_at(root, "c"));
    assert_string_equal(ctl_yaml_text(root, "d", NULL), "null");
    assert_string_equal(ctl_yaml_text(root, "e", "other"), "other");
}

static void an_empty_file_is_an_empty_map(void **state)
{
    const struct ctl_yaml *root = parse("# nothing\n");

    (void) state;
    assert_non_null(root);
    assert_int_equal(root->kind, CTL_YAML_MAP);
    assert_int_equal(root->n, 0);
}

static void what_hides_or_multiplies_is_refused_with_its_line(void **state)
{
    (void) state;
    refused("a: 1\nb: &x 2\n", FILE_NAME ":2: anchors");
    refused("a: &x {k: 1}\n", FILE_NAME ":1: anchors");
    refused("a: *x\n", FILE_NAME ":1:");
    refused("\n\na: !!str 1\n", FILE_NAME ":3: tags");
    refused("a: !ruby/object {}\n", "tags");
    refused("%YAML 1.1\n---\na: 1\n", "directives");
    refused("%TAG ! tag:x,2000:\n---\na: 1\n", "directives");
    refused("a: 1\n---\nb: 2\n", FILE_NAME ":2: more than one document");
    refused("a: 1\nb: 2\na: 3\n", FILE_NAME ":3: the key \"a\" stands twice");
    refused("a: 1\n\"\\x61\": 3\n", FILE_NAME ":2: the key \"a\"");
    refused("[a]: 1\n", "key must be plain text");
    refused("a: [1, 2\n", FILE_NAME ":2:");
    refused("a: \"x\\0y\"\n", "NUL");
    refused("a: \x01\n", FILE_NAME ":1:");
    refused("a: \xff\n", FILE_NAME ":1:");
}

static char *repeated(const char *what, size_t n)
{
    size_t len = strlen(what);
    char *text = malloc(len * n + 1);

    assert_non_null(text);
    for (size_t i = 0; i < n; i++) {
        memcpy(text + i * len, what, len);
    }
    text[len * n] = '\0';
    return text;
}

static void every_bound_is_a_refusal(void **state)
{
    char *deep = repeated("[", 17), *fits = repeated("[", 16);
    char *close = repeated("]", 16), *long_list = repeated("- 1\n", 4097);
    char *big = repeated("# 890123456789012345678901234567\n", 32768);
    char *wide = repeated("- [1,2,3,4,5,6,7,8,9]\n", 4000);
    char text[64];

    (void) state;
    refused(deep, "deeper than 16");
    snprintf(text, sizeof(text), "%s%s", fits, close);
    assert_non_null(parse(text));
    refused(long_list, FILE_NAME ":4097: more than 4,096");
    refused(wide, "more than 20,000");
    refused(big, "larger than 1 MiB");
    free(deep); free(fits); free(close); free(long_list); free(big);
    free(wide);
}

static void scalars_are_read_exactly(void **state)
{
    const struct ctl_yaml *root = parse("t: true\nf: false\ny: yes\nq: 'true'\n"
        "i: 128000\nz: 007\nn: -1\nh: 1.5\nb: 9223372036854775808\n");
    int64_t n;
    bool b;

    (void) state;
    assert_true(ctl_yaml_bool(ctl_yaml_at(root, "t"), &b) && b);
    assert_true(ctl_yaml_bool(ctl_yaml_at(root, "f"), &b) && !b);
    assert_false(ctl_yaml_bool(ctl_yaml_at(root, "y"), &b));
    assert_false(ctl_yaml_bool(ctl_yaml_at(root, "q"), &b));
    assert_true(ctl_yaml_int(ctl_yaml_at(root, "i"), &n));
    assert_int_equal(n, 128000);
    assert_false(ctl_yaml_int(ctl_yaml_at(root, "z"), &n));
    assert_false(ctl_yaml_int(ctl_yaml_at(root, "n"), &n));
    assert_false(ctl_yaml_int(ctl_yaml_at(root, "h"), &n));
    assert_false(ctl_yaml_int(ctl_yaml_at(root, "b"), &n));
}

static void times_are_milliseconds(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;                     /* 0: refused */
    } cases[] = {
        {"30", 30000}, {"30s", 30000}, {"1.5", 1500}, {"500ms", 500},
        {"2m", 120000}, {"24h", 86400000}, {"25h", 0}, {"0", 0}, {"-1", 0},
        {"1.2345", 0}, {"s", 0}, {"1 s", 0}, {"5d", 0}, {"1.", 0},
        {"99999999999999999999", 0}
    };
    struct ctl_yaml node = {.kind = CTL_YAML_SCALAR, .plain = true};
    int64_t ms;

    (void) state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        node.text = cases[i].text;
        ms = 0;
        assert_int_equal(ctl_yaml_ms(&node, &ms), cases[i].ms != 0);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void only_a_regular_file_is_read(void **state)
{
    char dir[] = "/tmp/test_yaml.XXXXXX", fifo[64], none[64];
    bool missing;

    (void) state;
    assert_non_null(mkdtemp(dir));
    snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
    snprintf(none, sizeof(none), "%s/none", dir);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_null(ctl_yaml_load(fifo, &missing, &findings));
    assert_false(missing);
    assert_non_null(strstr(findings.items[0].text, "not a regular file"));
    assert_null(ctl_yaml_load(none, &missing, &findings));
    assert_true(missing);
    assert_int_equal(findings.nerrors, 1);
    assert_null(ctl_yaml_load(none, NULL, &findings));
    assert_int_equal(findings.nerrors, 2);
    unlink(fifo);
    rmdir(dir);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tree_has_the_order_and_the_lines_of_its_file),
        TEST(a_null_is_as_if_it_were_absent),
        TEST(an_empty_file_is_an_empty_map),
        TEST(what_hides_or_multiplies_is_refused_with_its_line),
        TEST(every_bound_is_a_refusal),
        TEST(scalars_are_read_exactly),
        TEST(times_are_milliseconds),
        TEST(only_a_regular_file_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
