/* core/anthropic_media.c: data: URLs at their edges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "anthropic_written.h"

static const char *image(const char *url)
{
    static char body[4096];

    snprintf(body, sizeof(body), SAY("{\"role\":\"user\",\"content\":[{"
        "\"type\":\"image_url\",\"image_url\":{\"url\":\"%s\"}}]}"), url);
    return body;
}

static const char *file(const char *data)
{
    static char body[4096];

    snprintf(body, sizeof(body), SAY("{\"role\":\"user\",\"content\":[{"
        "\"type\":\"file\",\"file\":{\"filename\":\" \","
        "\"file_data\":\"%s\"}}]}"), data);
    return body;
}

static void the_head_of_a_data_url_is_read_in_any_case(void **state)
{
    (void) state;
    assert_true(has(image("data:image/png;base64,QUJD"),
        "\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
        "\"data\":\"QUJD\"}"));
    assert_true(has(image("DATA:Image/JPEG;Base64,QUJD"),
                    "\"media_type\":\"image/jpeg\",\"data\":\"QUJD\""));
    assert_true(has(image("data:image\\/png;base64,QUJD"),
                    "\"media_type\":\"image/png\""));
}

/* What is no image, or has no bytes, core/media.h refused before. */
static void an_image_that_the_api_does_not_take_is_refused(void **state)
{
    static const char *const bad[] = {"data:image/bmp;base64,QUJD",
        "data:image/tiff;base64,QUJD", "data:image/png,QUJD"};

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        refuses(image(bad[i]), ASG_REASON_INVALID_VALUE,
                "messages[0].content[0].image_url.url");
    }
}

static void a_public_url_is_passed_on(void **state)
{
    (void) state;
    assert_true(has(image("https://example.com/a.png"),
        "\"source\":{\"type\":\"url\",\"url\":\"https://example.com/a.png\"}"));
}

static void a_file_is_a_pdf(void **state)
{
    static const char param[] = "messages[0].content[0].file.file_data";

    (void) state;
    assert_true(has(file("JVBERi0x"), "\"media_type\":\"application/pdf\","
                    "\"data\":\"JVBERi0x\"}"));
    assert_null(strstr(written, "title"));
    assert_true(has(file("data:application/pdf;base64,QUJD"),
                    "\"data\":\"QUJD\""));
    refuses(file("QUJD"), ASG_REASON_INVALID_VALUE, param);
    refuses(file("data:text/plain;base64,QUJD"), ASG_REASON_INVALID_VALUE,
            param);
    refuses(file("data:application/pdf;base64,"), ASG_REASON_INVALID_VALUE,
            param);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_of_a_data_url_is_read_in_any_case),
        cmocka_unit_test(an_image_that_the_api_does_not_take_is_refused),
        cmocka_unit_test(a_public_url_is_passed_on),
        cmocka_unit_test(a_file_is_a_pdf)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
