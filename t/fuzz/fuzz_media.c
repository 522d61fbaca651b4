/*
 * URLs and ids inside a prompt: what is allowed says so itself, when it is read
 * naively, and no other spelling of it in JSON is judged otherwise.
 *
 * Input: the characters between the quotes of a JSON string.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/json.h"
#include "core/media.h"

#define TEXT_MAX  1000          /* six times as long when spelled out */

static asg_json_t json;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static bool starts(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

/* The raw token as C text; false when it is none, or has a NUL. */
static bool unescape(asg_str_t raw, char text[TEXT_MAX + 1])
{
    asg_buf_t b;

    asg_buf_init(&b, text, TEXT_MAX);
    if (!asg_json_unescape(raw, &b)) {
        return false;
    }
    text[b.len] = '\0';
    return strlen(text) == b.len;
}

static bool is_token(const uint8_t *data, size_t size, asg_str_t *raw)
{
    static char quoted[TEXT_MAX + 2];

    quoted[0] = '"';
    memcpy(quoted + 1, data, size);
    quoted[size + 1] = '"';
    asg_json_begin(&json, (asg_str_t) {quoted, size + 2}, 1);
    if (asg_json_next(&json) != ASG_JSON_STRING) {
        return false;
    }
    *raw = json.token;
    return asg_json_next(&json) == ASG_JSON_END;
}

static void check_image(const char *text)
{
    if (starts(text, "data:")) {
        must(starts(text, "data:image/"));
        return;
    }
    must(starts(text, "http://") || starts(text, "https://"));
    for (const char *p = text; *p != '\0'; p++) {
        must((unsigned char) *p > ' ' && *p != 0x7f && *p != '\\');
    }
}

/* Every character of ASCII as an escape. */
static asg_str_t spell_out(const char *text, char out[6 * TEXT_MAX])
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = 0;

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char) *text;

        if (c >= 0x80) {
            out[n++] = *text;
            continue;
        }
        memcpy(out + n, "\\u00", 4);
        out[n + 4] = hex[c >> 4];
        out[n + 5] = hex[c & 15];
        n += 6;
    }
    return (asg_str_t) {out, n};
}

static void check_spelled_out(const char *text)
{
    static char out[6 * TEXT_MAX];
    asg_str_t plain = asg_str_z(text), other = spell_out(text, out);

    if (strchr(text, '"') != NULL || strchr(text, '\\') != NULL) {
        return;                 /* these need an escape */
    }
    if (!starts(text, "data:") && other.len <= ASG_MEDIA_URL_MAX) {
        must(asg_media_image_is_allowed(other)
             == asg_media_image_is_allowed(plain));
    }
    if (strchr(text, ':') != NULL) {
        must(!asg_media_is_no_url(other));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[TEXT_MAX + 1];
    asg_str_t raw;

    if (size > TEXT_MAX || !is_token(data, size, &raw) || !unescape(raw, text))
    {
        return 0;
    }
    if (asg_media_image_is_allowed(raw)) {
        check_image(text);
        must(asg_media_is_data(raw) == starts(text, "data:"));
    }
    if (asg_media_is_no_url(raw)) {
        must(strchr(text, ':') == NULL || starts(text, "data:"));
    }
    check_spelled_out(text);
    return 0;
}
