/*
 * The SCGI parser: what nginx sends is read, anything else refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "http/scgi.h"

#define BASE "CONTENT_LENGTH\0" "2\0" "SCGI\0" "1\0" \
             "REQUEST_METHOD\0" "POST\0" "DOCUMENT_URI\0" "/api/projects\0"

static char wire[4096];


/* A netstring of `head` and then `body`. */
static asg_str_t
request(const char *head, size_t head_len, const char *body)
{
    int n = snprintf(wire, sizeof(wire), "%zu:", head_len);

    memcpy(wire + n, head, head_len);
    n += (int) head_len;
    wire[n++] = ',';
    memcpy(wire + n, body, strlen(body));

    return (asg_str_t) {wire, (size_t) n + strlen(body)};
}

#define REQUEST(head, body) request(head, sizeof(head) - 1, body)


static void
a_whole_request_is_read(void **state)
{
    struct ctl_scgi s;

    (void) state;
    assert_int_equal(ctl_scgi_parse(REQUEST(BASE
        "HTTP_AUTHORIZATION\0" "Bearer x\0" "QUERY_STRING\0" "a=b\0", "{}"),
        &s), CTL_SCGI_DONE);
    assert_true(asg_str_eq_z(s.method, "POST"));
    assert_true(asg_str_eq_z(s.path, "/api/projects"));
    assert_true(asg_str_eq_z(s.query, "a=b"));
    assert_true(asg_str_eq_z(s.authorization, "Bearer x"));
    assert_true(asg_str_eq_z(s.body, "{}"));
}


static void
every_prefix_asks_for_more_and_reads_nothing_wrong(void **state)
{
    asg_str_t whole = REQUEST(BASE, "{}");
    struct ctl_scgi s;
    size_t n;

    (void) state;
    for (n = 0; n < whole.len; n++) {
        assert_int_equal(ctl_scgi_parse((asg_str_t) {whole.data, n}, &s),
                         CTL_SCGI_MORE);
    }
    assert_int_equal(ctl_scgi_parse(whole, &s), CTL_SCGI_DONE);
}


static void
a_header_that_stands_twice_is_refused(void **state)
{
    struct ctl_scgi s;

    (void) state;
    assert_int_equal(ctl_scgi_parse(REQUEST(BASE
        "HTTP_AUTHORIZATION\0" "a\0" "HTTP_AUTHORIZATION\0" "b\0", "{}"), &s),
        CTL_SCGI_BAD);
    assert_int_equal(ctl_scgi_parse(REQUEST(BASE
        "HTTP_ORIGIN\0" "a\0" "HTTP_ORIGIN\0" "a\0", "{}"), &s),
        CTL_SCGI_BAD);
    assert_int_equal(ctl_scgi_parse(REQUEST(BASE
        "CONTENT_LENGTH\0" "2\0", "{}"), &s), CTL_SCGI_BAD);
}


static void
a_malformed_head_is_refused(void **state)
{
    struct ctl_scgi s;

    (void) state;
    assert_int_equal(ctl_scgi_parse(ASG_STR("x:"), &s), CTL_SCGI_BAD);
    assert_int_equal(ctl_scgi_parse(ASG_STR("12345678"), &s), CTL_SCGI_BAD);
    assert_int_equal(ctl_scgi_parse(ASG_STR("12345678:"), &s), CTL_SCGI_BAD);
    assert_int_equal(ctl_scgi_parse(ASG_STR("5:abcde;"), &s), CTL_SCGI_BAD);
    assert_int_equal(ctl_scgi_parse(REQUEST("CONTENT_LENGTH\0" "0\0", ""),
                                    &s), CTL_SCGI_BAD);
    assert_int_equal(ctl_scgi_parse(REQUEST("REQUEST_METHOD\0" "GET\0", ""),
                                    &s), CTL_SCGI_BAD);
    assert_int_equal(ctl_scgi_parse(REQUEST("CONTENT_LENGTH\0" "-1\0", ""),
                                    &s), CTL_SCGI_BAD);
    assert_int_equal(ctl_scgi_parse(REQUEST(BASE "UNENDED", ""), &s),
                     CTL_SCGI_BAD);
}


static void
what_is_too_large_is_said_to_be(void **state)
{
    struct ctl_scgi s;

    (void) state;
    assert_int_equal(ctl_scgi_parse(ASG_STR("99999:"), &s),
                     CTL_SCGI_TOO_LARGE);
    assert_int_equal(ctl_scgi_parse(REQUEST("CONTENT_LENGTH\0" "1048577\0"
        "REQUEST_METHOD\0" "POST\0" "DOCUMENT_URI\0" "/\0", ""), &s),
        CTL_SCGI_TOO_LARGE);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_request_is_read),
        cmocka_unit_test(every_prefix_asks_for_more_and_reads_nothing_wrong),
        cmocka_unit_test(a_header_that_stands_twice_is_refused),
        cmocka_unit_test(a_malformed_head_is_refused),
        cmocka_unit_test(what_is_too_large_is_said_to_be)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
