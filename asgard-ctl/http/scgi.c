/*
 * The SCGI parser.
 */
#include "http/scgi.h"

#include <string.h>

#define DIGITS_MAX 6                    /* of the netstring's length */

struct variable {
    const char *name;
    size_t offset;
};

#define FIELD(name) offsetof(struct ctl_scgi, name)

static const struct variable variables[] = {
    {"REQUEST_METHOD", FIELD(method)},
    {"DOCUMENT_URI", FIELD(path)},
    {"QUERY_STRING", FIELD(query)},
    {"CONTENT_TYPE", FIELD(content_type)},
    {"HTTP_AUTHORIZATION", FIELD(authorization)},
    {"HTTP_IDEMPOTENCY_KEY", FIELD(idempotency_key)},
    {"HTTP_X_ASGARD_TRACE_ID", FIELD(trace_id)},
    {"HTTP_COOKIE", FIELD(cookie)},
    {"HTTP_ORIGIN", FIELD(origin)},
    {"HTTP_SEC_FETCH_SITE", FIELD(fetch_site)},
    {"HTTP_LAST_EVENT_ID", FIELD(last_event_id)},
    {"HTTP_HOST", FIELD(host)},
    {"REQUEST_SCHEME", FIELD(scheme)},
    {"REMOTE_ADDR", FIELD(remote_addr)},
    {NULL, 0}
};


static bool
take_text(asg_str_t *rest, asg_str_t *out)
{
    const char *end = memchr(rest->data, '\0', rest->len);

    if (end == NULL) {
        return false;
    }
    *out = (asg_str_t) {rest->data, (size_t) (end - rest->data)};
    rest->data += out->len + 1;
    rest->len -= out->len + 1;

    return true;
}


/* False when a variable that must be alone stands twice. */
static bool
note_variable(struct ctl_scgi *out, asg_str_t name, asg_str_t value)
{
    const struct variable *v;

    for (v = variables; v->name != NULL; v++) {
        if (asg_str_eq_z(name, v->name)) {
            asg_str_t *field = (asg_str_t *) (void *) ((char *) out
                                                       + v->offset);
            if (field->data != NULL) {
                return false;
            }
            *field = value;
            return true;
        }
    }
    return true;
}


/* CONTENT_LENGTH comes first, by the protocol. */
static bool
parse_head(asg_str_t head, struct ctl_scgi *out, uint64_t *length)
{
    asg_str_t name, value;

    if (!take_text(&head, &name) || !asg_str_eq_z(name, "CONTENT_LENGTH")
        || !take_text(&head, &value) || !asg_str_u64(value, length))
    {
        return false;
    }
    while (head.len > 0) {
        if (!take_text(&head, &name) || !take_text(&head, &value)
            || asg_str_eq_z(name, "CONTENT_LENGTH")
            || !note_variable(out, name, value))
        {
            return false;
        }
    }

    return out->method.len > 0 && out->path.len > 0;
}


static enum ctl_scgi_status
netstring_length(asg_str_t bytes, uint64_t *len, size_t *at)
{
    const char *colon = memchr(bytes.data, ':', bytes.len);

    if (colon == NULL) {
        return bytes.len > DIGITS_MAX ? CTL_SCGI_BAD : CTL_SCGI_MORE;
    }
    *at = (size_t) (colon - bytes.data);
    if (*at > DIGITS_MAX || !asg_str_u64((asg_str_t) {bytes.data, *at}, len)) {
        return CTL_SCGI_BAD;
    }
    *at += 1;

    return *len > CTL_SCGI_HEAD_MAX ? CTL_SCGI_TOO_LARGE : CTL_SCGI_DONE;
}


enum ctl_scgi_status
ctl_scgi_parse(asg_str_t bytes, struct ctl_scgi *out)
{
    enum ctl_scgi_status status;
    uint64_t head_len, body_len;
    size_t at;

    memset(out, 0, sizeof(*out));
    status = netstring_length(bytes, &head_len, &at);
    if (status != CTL_SCGI_DONE) {
        return status;
    }
    if (bytes.len < at + head_len + 1) {
        out->need = at + head_len + 1;
        return CTL_SCGI_MORE;
    }
    if (bytes.data[at + head_len] != ','
        || !parse_head((asg_str_t) {bytes.data + at, head_len}, out,
                       &body_len))
    {
        return CTL_SCGI_BAD;
    }
    if (body_len > CTL_SCGI_BODY_MAX) {
        return CTL_SCGI_TOO_LARGE;
    }
    at += head_len + 1;
    if (bytes.len < at + body_len) {
        out->need = at + body_len;
        return CTL_SCGI_MORE;
    }
    out->body = (asg_str_t) {bytes.data + at, body_len};

    return CTL_SCGI_DONE;
}
