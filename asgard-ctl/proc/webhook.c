/*
 * Webhook calls over libcurl, HMAC by OpenSSL.
 */
#include "proc/webhook.h"

#include <string.h>

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "proc/outward.h"
#include "proc/values.h"

#define MAC_BYTES      32
#define MAC_TEXT       48               /* in base64, with its NUL */
#define ANSWER_MAX     (64u * 1024)     /* read and thrown away */
#define SECRET_PREFIX  "whsec_"

struct call {
    const struct ctl_webhook *webhook;
    struct ctl_outward outward;
    CURL *curl;
    struct curl_slist *headers;
    size_t answered;                    /* bytes of the answer */
};


/* --- secrets --- */

/* The length of what base64 says, 0 for none; `line` is 4 * n long. */
static size_t
base64_read(asg_str_t line, unsigned char *out)
{
    int n = EVP_DecodeBlock(out, (const unsigned char *) line.data,
                            (int) line.len);
    size_t i, pad = 0;

    for (i = 0; i < 2 && i < line.len; i++) {
        pad += line.data[line.len - 1 - i] == '=';
    }

    return n < 0 || line.len % 4 != 0 ? 0 : (size_t) n - pad;
}


static bool
secret_add(struct ctl_webhook *w, asg_str_t line)
{
    static const size_t prefix = sizeof(SECRET_PREFIX) - 1;
    unsigned char bytes[CTL_WEBHOOK_SECRET_MAX + 2];
    asg_str_t text = {line.data + prefix, line.len - prefix};
    size_t len = 0;
    bool ok;

    if (w->nsecrets == CTL_WEBHOOK_SECRETS || line.len <= prefix
        || !asg_str_eq_secret((asg_str_t) {line.data, prefix},
                              ASG_STR(SECRET_PREFIX))
        || text.len > sizeof(bytes) / 3 * 4)
    {
        return false;
    }
    len = base64_read(text, bytes);
    ok = len >= CTL_WEBHOOK_SECRET_MIN && len <= CTL_WEBHOOK_SECRET_MAX
         && ctl_secret_set(&w->secrets[w->nsecrets],
                           (asg_str_t) {(const char *) bytes, len});
    w->nsecrets += ok;
    OPENSSL_cleanse(bytes, sizeof(bytes));

    return ok;
}


static bool
secrets_parse(struct ctl_webhook *w, asg_str_t text, struct ctl_error *e)
{
    const char *p = text.data, *end = text.data + text.len, *eol;
    unsigned line = 0;

    for (; p < end; p = eol + 1) {
        eol = memchr(p, '\n', (size_t) (end - p));
        if (eol == NULL) {
            eol = end;
        }
        line++;
        if (eol > p && !secret_add(w, (asg_str_t) {p, (size_t) (eol - p)})) {
            return ctl_error_field(e, "invalid_value", "webhook_secret_file",
                "%s:%u: expects one or two lines, each whsec_ and the base64 "
                "of %d to %d bytes", w->config->webhook_secret_file, line,
                CTL_WEBHOOK_SECRET_MIN, CTL_WEBHOOK_SECRET_MAX);
        }
    }

    return w->nsecrets > 0
           || ctl_error_field(e, "invalid_value", "webhook_secret_file",
                              "%s: holds no secret",
                              w->config->webhook_secret_file);
}


bool
ctl_webhook_open(struct ctl_webhook *w, const struct ctl_config *config,
    struct ctl_error *e)
{
    asg_str_t text;
    bool ok;

    memset(w, 0, sizeof(*w));
    w->config = config;
    w->stop_fd = -1;
    if (!ctl_values_read_file(config->webhook_secret_file, &text, e)) {
        return false;
    }
    ok = secrets_parse(w, text, e);
    ctl_values_release(&text);

    return ok;
}


void
ctl_webhook_close(struct ctl_webhook *w)
{
    unsigned i;

    for (i = 0; i < w->nsecrets; i++) {
        ctl_secret_wipe(&w->secrets[i]);
    }
    w->nsecrets = 0;
}


/* --- the call --- */

static bool
sign(const struct ctl_secret *secret, const char *signed_text,
    char out[MAC_TEXT])
{
    asg_str_t key = ctl_secret_view(secret);
    unsigned char mac[MAC_BYTES];
    unsigned len = 0;

    if (HMAC(EVP_sha256(), key.data, (int) key.len,
             (const unsigned char *) signed_text, strlen(signed_text), mac,
             &len) == NULL)
    {
        return false;
    }
    EVP_EncodeBlock((unsigned char *) out, mac, (int) len);

    return true;
}


static bool
header_add(struct call *c, const char *line)
{
    struct curl_slist *more = line != NULL ? curl_slist_append(c->headers,
                                                               line) : NULL;

    if (more != NULL) {
        c->headers = more;
    }

    return more != NULL;
}


static bool
headers_make(struct call *c, const struct ctl_notice *n, const char *body,
    struct ctl_arena *arena)
{
    const struct ctl_webhook *w = c->webhook;
    const char *text = ctl_arena_printf(arena, "%s.%s.%s", n->id, n->at,
                                        body);
    const char *line = "webhook-signature:";
    char mac[MAC_TEXT];
    unsigned i;

    for (i = 0; i < w->nsecrets; i++) {
        if (text == NULL || line == NULL
            || !sign(&w->secrets[i], text, mac))
        {
            return false;
        }
        line = ctl_arena_printf(arena, "%s v1,%s", line, mac);
    }

    return header_add(c, line)
           && header_add(c, "content-type: application/json")
           && header_add(c, "expect:")
           && header_add(c, ctl_arena_printf(arena, "webhook-id: %s", n->id))
           && header_add(c, ctl_arena_printf(arena, "webhook-timestamp: %s",
                                             n->at));
}


static size_t
drop(char *data, size_t size, size_t n, void *to)
{
    struct call *c = to;

    (void) data;
    c->answered += size * n;

    return c->answered <= ANSWER_MAX ? size * n : 0;
}


static void
options_set(struct call *c, const char *body)
{
    ctl_outward_set(&c->outward, c->curl);
    curl_easy_setopt(c->curl, CURLOPT_URL, c->webhook->config->webhook_url);
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c->curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "asgard");
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, drop);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
}


/* The text with a link for each who may decide; NULL: no memory. */
static const char *
body_make(const struct ctl_notice *n, struct ctl_arena *arena)
{
    cJSON *said, *list, *one;
    const char *text = NULL;
    char *printed;
    unsigned i;

    if (n->links.n == 0) {
        return n->body;
    }
    said = cJSON_Parse(n->body);
    list = cJSON_AddArrayToObject(cJSON_GetObjectItem(said, "data"), "links");
    for (i = 0; i < n->links.n; i++) {
        one = cJSON_CreateObject();
        cJSON_AddStringToObject(one, "username", n->links.items[i].username);
        cJSON_AddStringToObject(one, "url", n->links.items[i].url);
        cJSON_AddStringToObject(one, "expires_at",
                                n->links.items[i].expires_at);
        cJSON_AddItemToArray(list, one);
    }
    printed = cJSON_PrintUnformatted(said);
    if (printed != NULL) {
        text = ctl_arena_printf(arena, "%s", printed);
        OPENSSL_cleanse(printed, strlen(printed));
        cJSON_free(printed);
    }
    cJSON_Delete(said);

    return text;
}


/* An answer that is too long was an answer: its status counts. */
static const char *
perform(struct call *c, struct ctl_arena *arena)
{
    CURLcode rc = curl_easy_perform(c->curl);
    long status = 0;

    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    if (rc != CURLE_OK && c->answered <= ANSWER_MAX) {
        return ctl_outward_why(&c->outward, rc);
    }

    return status >= 200 && status < 300 ? NULL
           : ctl_arena_printf(arena, "answered %ld%s", status,
                 status >= 300 && status < 400
                 ? ": redirects are not followed" : "");
}


const char *
ctl_webhook_call(const struct ctl_webhook *w, const struct ctl_notice *n,
    struct ctl_arena *arena)
{
    struct call c = {
        .webhook = w, .outward = {w->config, w->stop_fd, false},
        .curl = curl_easy_init()
    };
    const char *why = "out of memory", *body = body_make(n, arena);

    if (c.curl != NULL && body != NULL && headers_make(&c, n, body, arena)) {
        options_set(&c, body);
        why = perform(&c, arena);
    }
    curl_slist_free_all(c.headers);
    curl_easy_cleanup(c.curl);

    return why;
}
