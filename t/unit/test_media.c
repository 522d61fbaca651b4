/*
 * URLs and ids inside a prompt (abuse row 52).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/media.h"

static void only_public_places_are_allowed_for_images(void **state)
{
    /* raw JSON text, so that escapes are part of it */
    static const char *const refused[] = {
        "", "x", "/a.png", "//example.com/a.png", "example.com/a.png",
        "file:///etc/passwd", "\\u0066ile:///etc/passwd", "ftp://example.com",
        "gopher://example.com", "javascript:alert(1)", "http://",
        "http://169.254.169.254/latest/meta-data", "http://localhost/x",
        "HTTP://LOCALHOST:8080", "http://127.0.0.1:80/", "http://[::1]/",
        "http://[::ffff:10.0.0.1]/x", "http://10.0.0.1", "http://redis:6379/",
        "http://2130706433/?x", "http://0x7f.1/", "http://0.0.0.0/",
        "http://127.0.0.1#@example.com/", "http://127.0.0.1?@example.com/",
        "http:\\/\\/10\\u002e0.0.1/", "http://a@example.com/",
        "http://example.com\\\\@10.0.0.1/", "http://example.com/a b",
        "http://example.com/\\u0000", "http://example.com/?a\\nb",
        "http://ex\xc3\xa4mple.com/", "http://metadata.google.internal/",
        "data:text/html,hi", "data:,x", "data:image/png", "data:",
        "data:application/pdf;base64,QQ==", "DATA:image/SVG+xml;base64,QQ==",
        "data:image/svg+xml;charset=utf-8,%3Csvg%3E", "data:image\\/svg,x",
        "data:image/png;base64,", "data:image/png,",
    };
    static const char *const allowed[] = {
        "http://example.com", "https://example.com/a.png",
        "https://example.com/a.png?sig=a%20b&next=http://10.0.0.1#x",
        "https:\\/\\/example.com:8443\\/a.png", "HTTPS://8.8.8.8/",
        "data:image/png;base64,iVBORw0KGgo=", "DATA:image/gif,x",
        "data:image\\/png;base64,iVBOR\\/w0KGgo=",
    };

    (void) state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        if (asg_media_image_is_allowed(asg_str_z(refused[i]))) {
            fail_msg("allowed: %s", refused[i]);
        }
    }
    for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
        if (!asg_media_image_is_allowed(asg_str_z(allowed[i]))) {
            fail_msg("refused: %s", allowed[i]);
        }
    }
}

static void image_urls_are_bounded(void **state)
{
    static const char data[] = "data:image/png;base64,";
    static const char http[] = "https://example.com/";
    char *text = malloc(ASG_MEDIA_DATA_MAX + 1);

    (void) state;
    assert_non_null(text);
    memset(text, 'A', ASG_MEDIA_DATA_MAX + 1);
    memcpy(text, data, sizeof(data) - 1);
    assert_true(asg_media_image_is_allowed(
        (asg_str_t) {text, ASG_MEDIA_DATA_MAX}));
    assert_false(asg_media_image_is_allowed(
        (asg_str_t) {text, ASG_MEDIA_DATA_MAX + 1}));
    memset(text, 'A', ASG_MEDIA_URL_MAX + 1);
    memcpy(text, http, sizeof(http) - 1);
    assert_true(asg_media_image_is_allowed(
        (asg_str_t) {text, ASG_MEDIA_URL_MAX}));
    assert_false(asg_media_image_is_allowed(
        (asg_str_t) {text, ASG_MEDIA_URL_MAX + 1}));
    free(text);
}

static void ids_and_base64_are_no_urls(void **state)
{
    static const char *const plain[] = {
        "", "file-abc123", "QUFB", "\\/9j\\/4AAQ\\u002B\\u003d", "/9j/4AAQ",
        "data:application/pdf;base64,QQ==",
    };
    static const char *const urls[] = {
        "http://x", "https://10.0.0.1/x", "gs://bucket/x", "s3://b/x",
        "http\\u003A//10.0.0.1/x", "http\\u003a//x", "file:/x", "a,http://x",
        "data:no comma",
    };

    (void) state;
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
        if (!asg_media_is_no_url(asg_str_z(plain[i]))) {
            fail_msg("taken for a URL: %s", plain[i]);
        }
    }
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        if (asg_media_is_no_url(asg_str_z(urls[i]))) {
            fail_msg("not taken for a URL: %s", urls[i]);
        }
    }
    assert_true(asg_media_is_no_url(ASG_STR_NULL));
}

/* Some readers strip space before they look for a scheme. */
static void a_url_is_found_however_far_behind(void **state)
{
    static const char *const tails[] = {"http://10.0.0.1/", "gs\\u003A//b"};
    char text[1000];

    (void) state;
    for (size_t i = 0; i < sizeof(tails) / sizeof(*tails); i++) {
        memset(text, ' ', sizeof(text));
        memcpy(text + 900, tails[i], strlen(tails[i]));
        assert_false(asg_media_is_no_url((asg_str_t) {text, sizeof(text)}));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_public_places_are_allowed_for_images),
        cmocka_unit_test(image_urls_are_bounded),
        cmocka_unit_test(ids_and_base64_are_no_urls),
        cmocka_unit_test(a_url_is_found_however_far_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
