/*
 * URLs inside a prompt.
 */
#include <string.h>

#include "core/json.h"
#include "core/media.h"
#include "core/url.h"

#define HEAD_MAX 256            /* a media type is shorter */

static bool begins(asg_str_t s, const char *z)
{
    size_t n = strlen(z);

    if (s.len < n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        char c = s.data[i];

        if (((c >= 'A' && c <= 'Z') ? (c | 0x20) : c) != z[i]) {
            return false;
        }
    }
    return true;
}

/* What stands before the first comma, unescaped: the payload of a data: URL may
 * have megabytes and is not looked at.  Null when it is no such head. */
static asg_str_t data_head(asg_str_t raw, char storage[HEAD_MAX])
{
    size_t window = raw.len < HEAD_MAX ? raw.len : HEAD_MAX;
    const char *comma = window > 0 ? memchr(raw.data, ',', window) : NULL;
    asg_buf_t out;

    if (comma == NULL) {
        return ASG_STR_NULL;
    }
    raw.len = (size_t) (comma - raw.data);
    asg_buf_init(&out, storage, HEAD_MAX);
    return asg_json_unescape(raw, &out) ? asg_buf_view(&out) : ASG_STR_NULL;
}

/* Query and fragment of a public URL are the provider's business, but they
 * may not hide bytes that another reader takes for the end of the host. */
static bool is_public_url(asg_str_t text)
{
    asg_url_t url;
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char) text.data[i];

        if (c <= 0x20 || c == 0x7f || c == '\\') {
            return false;
        }
    }
    while (n < text.len && text.data[n] != '?' && text.data[n] != '#') {
        n++;
    }
    /* only scheme and host matter: a long path is cut */
    text.len = n < ASG_URL_MAX ? n : ASG_URL_MAX;
    return asg_url_parse(text, &url) == ASG_OK
           && !asg_url_host_is_internal(url.host);
}

bool asg_media_is_data(asg_str_t raw)
{
    char storage[HEAD_MAX];
    asg_str_t head = data_head(raw, storage);

    return head.data != NULL && begins(head, "data:");
}

bool asg_media_image_is_allowed(asg_str_t raw)
{
    char storage[ASG_MEDIA_URL_MAX];
    asg_str_t head = data_head(raw, storage);
    asg_buf_t out;

    if (head.data != NULL && begins(head, "data:")) {
        /* an SVG is a document, and can point anywhere again; what ends with
         * its comma is no image */
        return raw.len <= ASG_MEDIA_DATA_MAX
               && raw.data[raw.len - 1] != ',' && begins(head, "data:image/")
               && !begins(head, "data:image/svg");
    }
    if (raw.len > ASG_MEDIA_URL_MAX) {
        return false;
    }
    asg_buf_init(&out, storage, sizeof(storage));
    return asg_json_unescape(raw, &out) && is_public_url(asg_buf_view(&out));
}

/* Does a colon stand anywhere, as itself or as \u003a? */
static bool has_colon(asg_str_t raw)
{
    const char *p = raw.data;
    const char *end = raw.len > 0 ? p + raw.len : p;

    if (raw.len > 0 && memchr(p, ':', raw.len) != NULL) {
        return true;
    }
    for (; end - p >= 6; p++) {
        p = memchr(p, '\\', (size_t) (end - p) - 5);
        if (p == NULL) {
            break;
        }
        if (memcmp(p, "\\u003", 5) == 0 && (p[5] | 0x20) == 'a') {
            return true;
        }
    }
    return false;
}

bool asg_media_is_no_url(asg_str_t raw)
{
    char storage[HEAD_MAX];
    asg_str_t head = data_head(raw, storage);

    if (head.data != NULL) {
        return begins(head, "data:");
    }
    /* a scheme ends with a colon; neither an id nor base64 has one */
    return !has_colon(raw);
}
