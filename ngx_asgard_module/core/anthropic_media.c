/*
 * Images and files of a message: a data: URL is taken apart into its media type
 * and its base64, any other URL is named.  The base64 itself is passed on as it
 * stands; whether it is an image is the API's to find out.
 */
#include <string.h>

#include "core/anthropic_write.h"
#include "core/json.h"

#define HEAD_MAX 256            /* of a data: URL, before its comma */

/* A data: URL in its parts. */
typedef struct {
    char head[HEAD_MAX];        /* of it, unescaped, in lower case */
    asg_str_t type;             /* "image/png" */
    asg_str_t payload;          /* raw */
    bool is_base64;
} data_url_t;

static const struct {
    const char *said;
    const char *type;           /* as the API wants it */
} image_types[] = {
    {"image/jpeg", "image/jpeg"}, {"image/jpg", "image/jpeg"},
    {"image/png", "image/png"}, {"image/gif", "image/gif"},
    {"image/webp", "image/webp"}
};

static bool begins(asg_str_t s, const char *z)
{
    size_t n = strlen(z);

    return s.len >= n && memcmp(s.data, z, n) == 0;
}

static bool ends(asg_str_t s, const char *z)
{
    size_t n = strlen(z);

    return s.len >= n && memcmp(s.data + s.len - n, z, n) == 0;
}

/* False: it is no data: URL. */
static bool read_data_url(asg_str_t raw, data_url_t *out)
{
    size_t window = raw.len < HEAD_MAX ? raw.len : HEAD_MAX;
    const char *comma = window > 0 ? memchr(raw.data, ',', window) : NULL;
    const char *end;
    asg_str_t head;
    asg_buf_t text;

    if (comma == NULL) {
        return false;
    }
    head = (asg_str_t) {raw.data, (size_t) (comma - raw.data)};
    asg_buf_init(&text, out->head, sizeof(out->head));
    if (!asg_json_unescape(head, &text)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = out->head[i];

        out->head[i] = c >= 'A' && c <= 'Z' ? (char) (c | 0x20) : c;
    }
    out->payload = (asg_str_t) {comma + 1, raw.len - head.len - 1};
    out->type = asg_buf_view(&text);
    out->is_base64 = ends(out->type, ";base64");
    if (!begins(out->type, "data:")) {
        return false;
    }
    end = memchr(out->head, ';', text.len);
    out->type.data += 5;
    out->type.len = (size_t) ((end != NULL ? end : out->head + text.len)
                              - out->type.data);
    return true;
}

static void write_base64(asg_anthropic_writer_t *w, const char *block,
    const char *type, asg_str_t payload)
{
    asg_anthropic_begin_block(w);
    asg_sink_z(&w->out, "{\"type\":\"");
    asg_sink_z(&w->out, block);
    asg_sink_z(&w->out, "\",\"source\":{\"type\":\"base64\",\"media_type\":\"");
    asg_sink_z(&w->out, type);
    asg_sink_z(&w->out, "\",\"data\":\"");
    asg_sink_str(&w->out, payload);
    asg_sink_z(&w->out, "\"}");
}

static const char *find_image_type(asg_str_t said)
{
    for (size_t i = 0; i < sizeof(image_types) / sizeof(*image_types); i++) {
        if (asg_str_eq_z(said, image_types[i].said)) {
            return image_types[i].type;
        }
    }
    return NULL;
}

static bool write_image_url(asg_anthropic_writer_t *w, asg_str_t url,
    const asg_step_t *at)
{
    data_url_t data;

    if (read_data_url(url, &data)) {
        const char *type = find_image_type(data.type);

        if (type == NULL || !data.is_base64 || data.payload.len == 0) {
            return asg_anthropic_refuse_value(w, at);
        }
        write_base64(w, "image", type, data.payload);
        asg_sink_z(&w->out, "}");
        return true;
    }
    asg_anthropic_begin_block(w);
    asg_sink_z(&w->out, "{\"type\":\"image\",\"source\":{\"type\":\"url\","
               "\"url\":\"");
    asg_sink_str(&w->out, url);
    asg_sink_z(&w->out, "\"}}");
    return true;
}

bool asg_anthropic_write_image(asg_anthropic_writer_t *w, asg_str_t part,
    const asg_step_t *at)
{
    asg_step_t image = {.up = at, .name = ASG_STR("image_url")};
    asg_step_t place = {.up = &image, .name = ASG_STR("url")};
    asg_str_t value = asg_view_find(part, "image_url");

    if (value.data == NULL) {
        return asg_anthropic_refuse_missing(w, at, "image_url");
    }
    if (asg_view_is_string(value)) {
        return write_image_url(w, asg_view_text(value), &image);
    }
    return write_image_url(w, asg_view_find_text(value, "url"), &place);
}

/* The base64 of a PDF, as a data: URL or alone; null: it is something else. */
static asg_str_t pdf_of(asg_str_t raw)
{
    data_url_t data;

    if (!read_data_url(raw, &data)) {
        /* "%PDF-" */
        return begins(raw, "JVBERi") ? raw : ASG_STR_NULL;
    }
    return data.is_base64 && data.payload.len > 0
        && asg_str_eq_z(data.type, "application/pdf")
        ? data.payload : ASG_STR_NULL;
}

bool asg_anthropic_write_file(asg_anthropic_writer_t *w, asg_str_t part,
    const asg_step_t *at)
{
    asg_step_t file = {.up = at, .name = ASG_STR("file")};
    asg_step_t place = {.up = &file, .name = ASG_STR("file_data")};
    asg_str_t value = asg_view_find(part, "file");
    asg_str_t name = asg_view_find_text(value, "filename");
    asg_str_t data = asg_view_find_text(value, "file_data");
    asg_str_t pdf = pdf_of(data);

    if (asg_view_find(value, "file_id").data != NULL) {
        /* a file at another provider */
        place.name = ASG_STR("file_id");
        return asg_anthropic_refuse_unsupported(w, &place);
    }
    if (data.data == NULL) {
        return asg_anthropic_refuse_missing(w, &file, "file_data");
    }
    if (pdf.data == NULL) {
        return asg_anthropic_refuse_value(w, &place);
    }
    write_base64(w, "document", "application/pdf", pdf);
    if (!asg_view_is_blank(name)) {
        asg_sink_z(&w->out, ",\"title\":\"");
        asg_sink_str(&w->out, name);
        asg_sink_z(&w->out, "\"");
    }
    asg_sink_z(&w->out, "}");
    return true;
}
