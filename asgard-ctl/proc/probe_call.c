/*
 * A call to a backend over libcurl.
 */
#include "proc/probe_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "catalog/compile.h"
#include "core/catalog_headers.h"
#include "connect/public_socket.h"

#define ANSWER_MAX   (1024u * 1024)
#define CALL_MS      60000L
#define URL_BYTES    (2 * ASG_URL_MAX)
#define HEADER_BYTES 9216
#define BODY_BYTES   1024
#define LIMIT_TOKENS 16
#define WHO          "asgard-probe"     /* as user and as project */

struct call {
    const struct ctl_probe_ask *ask;
    struct ctl_probe_answer *answer;
    CURL *curl;
    struct curl_slist *headers;
    char url[URL_BYTES];
    char body[BODY_BYTES];
    char line[ASG_ANSWER_LINE];
    char *text;                         /* of the answer */
    size_t len;
};


bool
ctl_probe_url(const struct ctl_probe_ask *ask, char *out, size_t size)
{
    const asg_url_t *url = &ask->module->url;
    asg_buf_t b;

    asg_buf_init(&b, out, size - 1);
    asg_buf_z(&b, url->tls ? "https://" : "http://");
    asg_buf_z(&b, url->ipv6 ? "[" : "");
    asg_buf_str(&b, url->host);
    asg_buf_z(&b, url->ipv6 ? "]:" : ":");
    asg_buf_u64(&b, url->port);
    if (!ctl_compile_path(ask->module, ask->model, ask->api, &b)) {
        return false;
    }
    out[b.len] = '\0';

    return asg_buf_ok(&b);
}


static bool
is_messages(const struct ctl_probe_ask *ask)
{
    return ask->module->manifest->kind == CTL_KIND_ANTHROPIC;
}


static void
question_put(asg_buf_t *b, asg_api_t api)
{
    switch (api) {
    case ASG_API_EMBEDDINGS:
        asg_buf_z(b, ",\"input\":\"One word.\"");
        break;
    case ASG_API_COMPLETIONS:
        asg_buf_z(b, ",\"prompt\":\"Answer with one word.\"");
        break;
    default:
        asg_buf_z(b, ",\"messages\":[{\"role\":\"user\",\"content\":"
                  "\"Answer with one word.\"}]");
    }
}


static bool
body_make(struct call *c)
{
    const struct ctl_probe_ask *ask = c->ask;
    asg_buf_t b;

    asg_buf_init(&b, c->body, sizeof(c->body) - 1);
    asg_buf_z(&b, "{\"model\":");
    asg_buf_json(&b, asg_str_z(ask->model->served));
    question_put(&b, ask->api);
    if (ask->limit_field != NULL) {
        asg_buf_z(&b, ",\"");
        asg_buf_z(&b, ask->limit_field);
        asg_buf_z(&b, "\":");
        asg_buf_u64(&b, LIMIT_TOKENS);
    }
    asg_buf_z(&b, !ask->user ? ""
              : is_messages(ask) ? ",\"metadata\":{\"user_id\":\"" WHO "\"}"
                                 : ",\"user\":\"" WHO "\"");
    asg_buf_z(&b, ask->stream ? ",\"stream\":true" : "");
    asg_buf_z(&b, ask->stream && !is_messages(ask)
                  && ask->model->send_stream_options
              ? ",\"stream_options\":{\"include_usage\":true}" : "");
    asg_buf_z(&b, "}");
    c->body[b.len] = '\0';

    return asg_buf_ok(&b);
}


static bool
header_add(struct call *c, asg_str_t name, asg_str_t before, asg_str_t value)
{
    char text[HEADER_BYTES];
    struct curl_slist *more = NULL;
    asg_buf_t b;

    asg_buf_init(&b, text, sizeof(text) - 1);
    asg_buf_str(&b, name);
    asg_buf_z(&b, ": ");
    asg_buf_str(&b, before);
    asg_buf_z(&b, before.len > 0 ? " " : "");
    asg_buf_str(&b, value);
    text[b.len] = '\0';
    if (asg_buf_ok(&b)) {
        more = curl_slist_append(c->headers, text);
    }
    OPENSSL_cleanse(text, sizeof(text));
    if (more != NULL) {
        c->headers = more;
    }

    return more != NULL;
}


static bool
headers_make(struct call *c)
{
    const struct ctl_module *m = c->ask->module;
    const struct ctl_manifest *mf = m->manifest;
    const asg_header_t *h;
    bool ok = header_add(c, ASG_STR("Content-Type"), ASG_STR_NULL,
                         ASG_STR("application/json"));
    unsigned i;

    for (i = 0; ok && i < mf->nheaders; i++) {
        h = &mf->headers[i];
        ok = header_add(c, h->name, ASG_STR_NULL,
                        asg_catalog_header_value(h->value, ASG_STR(WHO)));
    }

    if (ok && is_messages(c->ask)) {
        ok = header_add(c, ASG_STR("anthropic-version"), ASG_STR_NULL,
                        asg_str_z(mf->anthropic_version));
    }

    return ok && (m->key.len == 0
                  || header_add(c, asg_str_z(mf->auth_header),
                                asg_str_z(mf->auth_scheme), m->key));
}


static void
headers_free(struct call *c)
{
    struct curl_slist *h;

    for (h = c->headers; h != NULL; h = h->next) {
        OPENSSL_cleanse(h->data, strlen(h->data));
    }
    curl_slist_free_all(c->headers);
}


static size_t
take(char *data, size_t size, size_t n, void *to)
{
    struct call *c = to;
    size_t len = size * n;

    if (len > ANSWER_MAX - c->len) {
        return 0;
    }
    memcpy(c->text + c->len, data, len);
    c->len += len;

    return len;
}


static void
options_set(struct call *c)
{
    const struct ctl_manifest *mf = c->ask->module->manifest;

    curl_easy_setopt(c->curl, CURLOPT_URL, c->url);
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, CALL_MS);
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long) mf->connect_timeout_ms);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, c->body);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
    if (mf->public_only) {
        curl_easy_setopt(c->curl, CURLOPT_OPENSOCKETFUNCTION,
                         ctl_public_socket);
    }
    if (mf->ca_file != NULL) {
        curl_easy_setopt(c->curl, CURLOPT_CAINFO, mf->ca_file);
    }
}


static int
drop(void *data, const char *bytes, size_t len)
{
    (void) data;
    (void) bytes;
    (void) len;

    return 0;
}


static void
answer_read(struct call *c)
{
    asg_str_t served = asg_str_z(c->ask->model->served);
    asg_answer_splice_t splice;
    asg_answer_t a;

    asg_answer_init(&a, served, false, c->ask->model->context, c->line);
    if (is_messages(c->ask)) {
        asg_answer_speaks(&a, ASG_WORDS_MESSAGES);
    }
    if (c->answer->sse) {
        (void) asg_answer_feed(&a, c->text, c->len, drop, NULL);
        (void) asg_answer_end(&a, drop, NULL);
    } else if (asg_answer_json(&a, (asg_str_t) {c->text, c->len}, &splice)
               != ASG_OK)
    {
        a.usage.verdict = ASG_USAGE_NONE;
    }
    c->answer->usage = a.usage;
}


static void
perform(struct call *c)
{
    static const char sse[] = "text/event-stream";
    CURLcode rc = curl_easy_perform(c->curl);
    char *type = NULL;

    if (rc != CURLE_OK) {
        c->answer->why = curl_easy_strerror(rc);
        c->answer->tls_refused = rc == CURLE_PEER_FAILED_VERIFICATION;
        return;
    }
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &c->answer->status);
    curl_easy_getinfo(c->curl, CURLINFO_CONTENT_TYPE, &type);
    c->answer->sse = type != NULL
                     && strncasecmp(type, sse, sizeof(sse) - 1) == 0;
    answer_read(c);
}


bool
ctl_probe_call(const struct ctl_probe_ask *ask,
    struct ctl_probe_answer *answer)
{
    struct call *c = calloc(1, sizeof(*c));
    bool ok;

    memset(answer, 0, sizeof(*answer));
    if (c == NULL) {
        return false;
    }
    c->ask = ask;
    c->answer = answer;
    c->text = malloc(ANSWER_MAX);
    c->curl = curl_easy_init();
    ok = c->text != NULL && c->curl != NULL && body_make(c) && headers_make(c)
         && ctl_probe_url(ask, c->url, sizeof(c->url));
    if (ok) {
        options_set(c);
        perform(c);
    }
    headers_free(c);
    curl_easy_cleanup(c->curl);
    free(c->text);
    free(c);

    return ok;
}
