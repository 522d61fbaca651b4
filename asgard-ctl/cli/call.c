/*
 * One request to Asgard over libcurl, and its answer.
 */
#include "cli/call.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#define CONNECT_MS   10000L
#define TIMEOUT_S    60L
#define HEADER_BYTES (CLI_TOKEN_BYTES + 64)
#define FIRST_BYTES  16384

struct transfer {
    const struct cli_call *call;
    struct cli_reply *reply;
    CURL *curl;
    struct curl_slist *headers;
    size_t cap;
    bool too_long;
    char url[CLI_URL_BYTES + 4096];
};


static bool
room_make(struct transfer *t, size_t len)
{
    struct cli_reply *r = t->reply;
    size_t cap = t->cap > 0 ? t->cap : FIRST_BYTES;
    char *more;

    if (len > CLI_ANSWER_MAX - r->len) {
        t->too_long = true;
        return false;
    }
    while (cap < r->len + len + 1) {
        cap *= 2;
    }
    if (cap == t->cap) {
        return true;
    }
    more = malloc(cap);                 /* no realloc: it may hold a secret */
    if (more == NULL) {
        return false;
    }
    if (r->body != NULL) {
        memcpy(more, r->body, r->len);
        OPENSSL_cleanse(r->body, t->cap);
        free(r->body);
    }
    r->body = more;
    t->cap = cap;

    return true;
}


static size_t
take(char *bytes, size_t size, size_t n, void *to)
{
    struct transfer *t = to;
    size_t len = size * n;
    long status = 0;

    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (t->call->part != NULL && status == 200) {
        return t->call->part(t->call->data, bytes, len) ? len : 0;
    }
    if (!room_make(t, len)) {
        return 0;
    }
    memcpy(t->reply->body + t->reply->len, bytes, len);
    t->reply->len += len;
    t->reply->body[t->reply->len] = '\0';

    return len;
}


static bool
header_add(struct transfer *t, const char *before, const char *value)
{
    char line[HEADER_BYTES];
    struct curl_slist *more;
    asg_buf_t b;

    asg_buf_init(&b, line, sizeof(line) - 1);
    asg_buf_z(&b, before);
    asg_buf_z(&b, value);
    if (!asg_buf_ok(&b) || strpbrk(value, "\r\n") != NULL) {
        return false;
    }
    line[b.len] = '\0';
    more = curl_slist_append(t->headers, line);
    OPENSSL_cleanse(line, sizeof(line));
    if (more != NULL) {
        t->headers = more;
    }

    return more != NULL;
}


static bool
headers_make(struct transfer *t)
{
    const struct cli_call *c = t->call;

    return (c->bearer == NULL || c->bearer[0] == '\0'
            || header_add(t, "Authorization: Bearer ", c->bearer))
        && (c->body.data == NULL
            || header_add(t, "Content-Type: ", "application/json"))
        && header_add(t, "Expect:", "")
        && header_add(t, "Accept: ", c->part != NULL
                      ? "text/event-stream, application/json"
                      : "application/json");
}


static void
headers_free(struct transfer *t)
{
    struct curl_slist *h;

    for (h = t->headers; h != NULL; h = h->next) {
        OPENSSL_cleanse(h->data, strlen(h->data));
    }
    curl_slist_free_all(t->headers);
}


static void
options_set(struct transfer *t, const struct cli_settings *s)
{
    const struct cli_call *c = t->call;

    curl_easy_setopt(t->curl, CURLOPT_URL, t->url);
    curl_easy_setopt(t->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(t->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(t->curl, CURLOPT_TIMEOUT,
                     c->timeout_s > 0 ? c->timeout_s : TIMEOUT_S);
    curl_easy_setopt(t->curl, CURLOPT_USERAGENT, "asgard-cli");
    curl_easy_setopt(t->curl, CURLOPT_CUSTOMREQUEST, c->method);
    curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers);
    curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
    if (c->body.data != NULL) {
        curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t) c->body.len);
        curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, c->body.data);
    }
    if (s->ca_file[0] != '\0') {
        curl_easy_setopt(t->curl, CURLOPT_CAINFO, s->ca_file);
    }
}


static bool
transfer_run(struct transfer *t)
{
    struct cli_reply *r = t->reply;
    CURLcode rc = curl_easy_perform(t->curl);

    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &r->status);
    if (rc == CURLE_OK) {
        return true;
    }
    snprintf(r->why, sizeof(r->why), "%s", t->too_long
             ? "the answer is above 16 MB" : curl_easy_strerror(rc));

    return false;
}


static bool
url_make(struct transfer *t, const struct cli_settings *s)
{
    int n = snprintf(t->url, sizeof(t->url), "%s%s", s->url, t->call->path);

    if (n < 0 || (size_t) n >= sizeof(t->url)) {
        snprintf(t->reply->why, sizeof(t->reply->why), "the URL is too long");
        return false;
    }

    return true;
}


bool
cli_call(const struct cli_settings *settings, const struct cli_call *call,
    struct cli_reply *reply)
{
    struct transfer t;
    bool ok = false;

    memset(&t, 0, sizeof(t));
    memset(reply, 0, sizeof(*reply));
    t.call = call;
    t.reply = reply;
    t.curl = curl_easy_init();
    if (t.curl == NULL || !headers_make(&t)) {
        snprintf(reply->why, sizeof(reply->why), "the request cannot be made");
    } else if (url_make(&t, settings)) {
        options_set(&t, settings);
        ok = transfer_run(&t);
    }
    headers_free(&t);
    curl_easy_cleanup(t.curl);

    return ok;
}


void
cli_reply_release(struct cli_reply *reply)
{
    if (reply->body != NULL) {
        OPENSSL_cleanse(reply->body, reply->len);
        free(reply->body);
    }
    memset(reply, 0, sizeof(*reply));
}
