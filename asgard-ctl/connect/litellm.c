/*
 * LiteLLM's admin API over libcurl.
 */
#include "connect/litellm.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "connect/headers.h"

#define CONNECT_MS   3000L
#define URL_BYTES    (2 * ASG_URL_MAX)
#define HEADER_BYTES (CTL_SECRET_MAX + 64)
#define HASH_SEED    0x617367617264u    /* keys of answers: few, and bounded */


/* --- where, and with what --- */

static asg_str_t
trimmed(asg_str_t url)
{
    while (url.len > 0 && url.data[url.len - 1] == '/') {
        url.len--;
    }
    if (url.len > 3 && memcmp(url.data + url.len - 3, "/v1", 3) == 0) {
        url.len -= 3;
    }
    while (url.len > 0 && url.data[url.len - 1] == '/') {
        url.len--;
    }

    return url;
}


const char *
ctl_litellm_unarmed(const struct ctl_connect *with, struct ctl_arena *arena)
{
    asg_str_t url = with->variable(with, CTL_LITELLM_URL);
    asg_str_t master = with->variable(with, CTL_LITELLM_MASTER);
    asg_url_t parts;

    (void) arena;
    if (url.len == 0) {
        return CTL_LITELLM_URL " is not set";
    }
    if (asg_url_parse(url, &parts) != ASG_OK) {
        return CTL_LITELLM_URL " is no http or https URL";
    }
    if (master.len == 0) {
        return CTL_LITELLM_MASTER " is not set";
    }
    if (memchr(master.data, '\r', master.len) != NULL
        || memchr(master.data, '\n', master.len) != NULL)
    {
        return CTL_LITELLM_MASTER " is more than a line";
    }

    return master.len > CTL_SECRET_MAX ? CTL_LITELLM_MASTER " is too long"
                                       : NULL;
}


const char *
ctl_litellm_open(struct ctl_litellm *l, const struct ctl_connect *with,
    int timeout_ms, const atomic_bool *stop, struct ctl_arena *arena)
{
    const char *why = ctl_litellm_unarmed(with, arena);
    asg_str_t url;

    memset(l, 0, sizeof(*l));
    if (why != NULL) {
        return why;
    }
    url = trimmed(with->variable(with, CTL_LITELLM_URL));
    l->base = ctl_arena_text(arena, url.data, url.len);
    l->timeout_ms = timeout_ms;
    l->stop = stop;
    l->json = calloc(1, sizeof(*l->json));
    l->text = malloc(ASG_LITELLM_BODY_MAX);

    return l->base != NULL && l->json != NULL && l->text != NULL
           && ctl_secret_set(&l->master, with->variable(with,
                                                   CTL_LITELLM_MASTER))
           ? NULL : "out of memory";
}


/* An answer may have held a key. */
static void
forget(struct ctl_litellm *l)
{
    if (l->text != NULL) {
        OPENSSL_cleanse(l->text, l->len);
    }
    l->len = 0;
}


void
ctl_litellm_close(struct ctl_litellm *l)
{
    forget(l);
    free(l->text);
    free(l->json);
    ctl_secret_wipe(&l->master);
    memset(l, 0, sizeof(*l));
}


/* --- one call --- */

static size_t
take(char *data, size_t size, size_t n, void *to)
{
    struct ctl_litellm *l = to;
    size_t len = size * n;

    if (len > ASG_LITELLM_BODY_MAX - l->len) {
        return 0;
    }
    memcpy(l->text + l->len, data, len);
    l->len += len;

    return len;
}


static int
is_stopped(void *of, curl_off_t dltotal, curl_off_t dlnow,
    curl_off_t ultotal, curl_off_t ulnow)
{
    const struct ctl_litellm *l = of;

    (void) dltotal;
    (void) dlnow;
    (void) ultotal;
    (void) ulnow;

    return l->stop != NULL && atomic_load(l->stop);
}


static struct curl_slist *
headers_make(const struct ctl_litellm *l)
{
    static const char *const fixed[] = {
        "Content-Type: application/json", "Expect:"
    };
    struct curl_slist *all = NULL, *more = NULL;
    char line[HEADER_BYTES];
    asg_buf_t b;
    unsigned i;

    asg_buf_init(&b, line, sizeof(line) - 1);
    asg_buf_z(&b, "Authorization: Bearer ");
    asg_buf_str(&b, ctl_secret_view(&l->master));
    line[b.len] = '\0';
    all = curl_slist_append(NULL, line);
    OPENSSL_cleanse(line, sizeof(line));
    for (i = 0; all != NULL && i < 2; i++) {
        more = curl_slist_append(all, fixed[i]);
        if (more == NULL) {
            curl_slist_free_all(all);
        }
        all = more;
    }

    return all;
}


static void
options_set(struct ctl_litellm *l, CURL *curl, const char *url,
    struct curl_slist *headers, const char *body)
{
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) l->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "asgard");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_stopped);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, l);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, l);
    if (body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    }
}


/* The status of a whole answer; 0: none came. */
static unsigned
perform(struct ctl_litellm *l, const char *path, const char *body)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = headers_make(l);
    char url[URL_BYTES];
    long status = 0;
    asg_buf_t b;

    asg_buf_init(&b, url, sizeof(url) - 1);
    asg_buf_z(&b, l->base);
    asg_buf_z(&b, path);
    url[b.len] = '\0';
    forget(l);
    if (curl != NULL && headers != NULL && asg_buf_ok(&b)) {
        options_set(l, curl, url, headers, body);
        if (curl_easy_perform(curl) == CURLE_OK) {
            curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        }
    }
    ctl_headers_free(headers);
    curl_easy_cleanup(curl);

    return (unsigned) status;
}


static void
call(struct ctl_litellm *l, const char *path, const char *body,
    struct ctl_litellm_answer *out)
{
    out->status = perform(l, path, body);
    out->verdict = asg_litellm_answer(l->json, HASH_SEED, out->status,
                                      (asg_str_t) {l->text, l->len},
                                      &out->object);
}


asg_litellm_verdict_t
ctl_litellm_ask_ready(struct ctl_litellm *l, asg_litellm_ready_t *ready)
{
    struct ctl_litellm_answer a;

    call(l, "/health/readiness", NULL, &a);
    if (a.verdict == ASG_LITELLM_DONE
        && asg_litellm_ready(a.object, ready) != ASG_OK)
    {
        return ASG_LITELLM_DOUBT;
    }

    return a.verdict;
}


void
ctl_litellm_ask(struct ctl_litellm *l, const char *path, const char *body,
    struct ctl_litellm_answer *out)
{
    asg_litellm_ready_t ready;

    call(l, path, body, out);
    if (out->verdict == ASG_LITELLM_DOUBT && out->status >= 400
        && ctl_litellm_ask_ready(l, &ready) == ASG_LITELLM_DONE
        && !ready.has_database)
    {
        out->verdict = ASG_LITELLM_NO_DATABASE;
    }
}
