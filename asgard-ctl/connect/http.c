/*
 * The connector `http`: a service of the operator's, which is posted one JSON
 * object and answers with one (connect/told.h).
 *
 *     provisioner:
 *       connector: http
 *       config:
 *         url: https://provision.example.com/buckets
 *         headers: {authorization: BUCKET_AUTHORIZATION}  # header: variable
 *         timeout_secs: 30
 *         internal: false                 # may the address be internal
 *         actions: [make, destroy]        # those that it is called for
 *
 * A call that may have been made is made again with the same idempotency-key.
 * 2xx: done, or `again_in_secs`; 202: it is asked again, after Retry-After; 404
 * and 410 of a destroy: done; 408, 425, 429 and 5xx: tried again, not before
 * Retry-After; else trying again cannot help.  Redirects are not followed.
 * Without `internal` the address is https and public, at the moment of the
 * connection.
 */
#include "connect/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "connect/headers.h"
#include "connect/public_socket.h"
#include "connect/told.h"

#define TIMEOUT_S     30
#define TIMEOUT_MAX_S 300
#define CONNECT_S     10
#define AGAIN_S       5                 /* after a 202 that says no time */
#define AGAIN_MAX_S   3600

struct call {
    const struct ctl_connect *with;
    const struct ctl_step_in *in;
    const char *url;
    int64_t timeout_s;
    bool internal, refused, too_long;
    CURL *curl;
    struct curl_slist *headers;
    char *body;                         /* of the answer */
    size_t len;
    long status;
    int64_t retry_after_s;              /* 0: not said */
};


/* --- what the manifest says --- */

static const char *
target_read(struct ctl_arena *arena, const char *config, struct call *c)
{
    c->url = ctl_config_text(arena, config, "url");
    c->internal = ctl_config_is_on(config, "internal");
    if (c->url == NULL
        || (strncasecmp(c->url, "https://", 8) != 0
            && (!c->internal || strncasecmp(c->url, "http://", 7) != 0)))
    {
        return "url expects an https address (http where `internal` is on)";
    }
    c->timeout_s = ctl_config_number(config, "timeout_secs", TIMEOUT_S, 1,
                                     TIMEOUT_MAX_S);

    return c->timeout_s < 0 ? "timeout_secs is 1 to 300" : NULL;
}


static bool
is_header(const char *text)
{
    size_t i;

    for (i = 0; text[i] == '-' || (text[i] >= 'a' && text[i] <= 'z')
                || (text[i] >= 'A' && text[i] <= 'Z')
                || (text[i] >= '0' && text[i] <= '9'); i++) { }

    return i > 0 && text[i] == '\0';
}


/* A line of the variable's value could end the header. */
static bool
is_one_line(asg_str_t value)
{
    return memchr(value.data, '\r', value.len) == NULL
           && memchr(value.data, '\n', value.len) == NULL;
}


static bool
header_add(struct call *c, const char *line)
{
    struct curl_slist *more = line != NULL
                              ? curl_slist_append(c->headers, line) : NULL;

    if (more != NULL) {
        c->headers = more;
    }

    return more != NULL;
}


/* `c` NULL: only whether they are all there. */
static const char *
secrets_read(const struct ctl_connect *with, struct ctl_arena *arena,
    const char *config, struct call *c)
{
    const char *pairs[CTL_TOLD_WORDS_MAX];
    asg_str_t value;
    unsigned i, n;

    if (!ctl_config_words(arena, config, "headers", pairs, &n)
        || n % 2 != 0)
    {
        return "headers expects names of headers, each with a variable";
    }
    for (i = 0; i < n; i += 2) {
        value = with->variable(with, pairs[i + 1]);
        if (!is_header(pairs[i])) {
            return "headers has a name that is none";
        }
        if (value.len == 0 || !is_one_line(value)) {
            return ctl_arena_printf(arena, "%s is not set, or no line",
                                    pairs[i + 1]);
        }
        if (c != NULL
            && !header_add(c, ctl_arena_printf(arena, "%s: %.*s", pairs[i],
                                               (int) value.len, value.data)))
        {
            return "out of memory";
        }
    }

    return NULL;
}


const char *
ctl_http_unarmed(const struct ctl_connect *with, const char *config,
    struct ctl_arena *arena)
{
    struct call c = {.curl = NULL};
    const char *why = target_read(arena, config, &c);

    return why != NULL ? why : secrets_read(with, arena, config, NULL);
}


/* --- the call --- */

static size_t
body_take(char *data, size_t size, size_t n, void *to)
{
    struct call *c = to;

    if (size * n > CTL_TOLD_ANSWER_MAX - c->len) {
        c->too_long = true;
        return 0;
    }
    memcpy(c->body + c->len, data, size * n);
    c->len += size * n;

    return size * n;
}


static int
is_stopped(void *of, curl_off_t dltotal, curl_off_t dlnow,
    curl_off_t ultotal, curl_off_t ulnow)
{
    const struct call *c = of;

    (void) dltotal;
    (void) dlnow;
    (void) ultotal;
    (void) ulnow;

    return ctl_step_is_stopped(c->in);
}


static void
options_set(struct call *c, const char *text)
{
    curl_easy_setopt(c->curl, CURLOPT_URL, c->url);
    curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR,
                     c->internal ? "http,https" : "https");
    curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, (long) CONNECT_S);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, (long) c->timeout_s);
    curl_easy_setopt(c->curl, CURLOPT_USERAGENT, "asgard");
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, text);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(c->curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c->curl, CURLOPT_XFERINFOFUNCTION, is_stopped);
    curl_easy_setopt(c->curl, CURLOPT_XFERINFODATA, c);
    if (!c->internal) {
        curl_easy_setopt(c->curl, CURLOPT_OPENSOCKETFUNCTION,
                         ctl_public_socket);
        curl_easy_setopt(c->curl, CURLOPT_OPENSOCKETDATA, &c->refused);
    }
}


/* The same for the same thing to do, however often it is tried. */
static bool
headers_make(struct call *c)
{
    const struct ctl_step_in *in = c->in;

    return header_add(c, "content-type: application/json")
           && header_add(c, "accept: application/json")
           && header_add(c, "expect:")
           && header_add(c, ctl_arena_printf(in->arena,
                  "idempotency-key: %s-%s", in->job_id,
                  ctl_act_name(in->action)));
}


/* --- what it comes to --- */

static void
retry_after_read(struct call *c)
{
    curl_off_t s = 0;

    if (curl_easy_getinfo(c->curl, CURLINFO_RETRY_AFTER, &s) == CURLE_OK
        && s > 0)
    {
        c->retry_after_s = s < AGAIN_MAX_S ? s : AGAIN_MAX_S;
    }
}


static bool
may_pass(long status)
{
    return status == 408 || status == 425 || status == 429 || status >= 500;
}


static void
success_take(const struct call *c, struct ctl_step_out *out)
{
    ctl_told_take(c->in, (asg_str_t) {c->body, c->len}, out);
    if (c->status == 202 && out->verdict == CTL_STEP_DONE) {
        ctl_step_again(out, (c->retry_after_s > 0 ? c->retry_after_s
                                                  : AGAIN_S) * 1000, NULL);
    }
}


static void
status_take(const struct call *c, struct ctl_step_out *out)
{
    const char *why = ctl_told_error(c->with, c->in,
                                     (asg_str_t) {c->body, c->len});
    bool gone = c->in->action == CTL_ACT_DESTROY
                && (c->status == 404 || c->status == 410);

    if (gone) {
        ctl_step_done(out, NULL);
    } else if (c->status >= 200 && c->status < 300) {
        success_take(c, out);
    } else {
        ctl_step_failed(out, may_pass(c->status), "http_failed",
                        "the service answered %ld%s%s", c->status,
                        why != NULL ? ": " : "", why != NULL ? why : "");
        out->pause_ms = c->retry_after_s * 1000;
    }
}


static void
perform(struct call *c, const char *text, struct ctl_step_out *out)
{
    CURLcode rc;

    options_set(c, text);
    rc = curl_easy_perform(c->curl);
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &c->status);
    retry_after_read(c);
    if (c->too_long) {
        ctl_step_failed(out, false, "invalid_output",
                        "the service answered more than %u bytes",
                        CTL_TOLD_ANSWER_MAX);
    } else if (rc != CURLE_OK) {
        ctl_step_failed(out, !c->refused, "http_failed", "%s",
                        c->refused ? "the address is internal, and `internal` "
                                     "is not on" : curl_easy_strerror(rc));
    } else {
        status_take(c, out);
    }
}


void
ctl_http_step(const struct ctl_connect *with, const struct ctl_step_in *in,
    struct ctl_step_out *out)
{
    struct call c = {.with = with, .in = in};
    const char *text, *why;

    if (!ctl_told_wants(in)) {
        ctl_step_done(out, NULL);
        out->progress = in->progress;
        return;
    }
    text = ctl_told_input(in);
    c.body = ctl_arena_alloc(in->arena, CTL_TOLD_ANSWER_MAX);
    c.curl = curl_easy_init();
    why = target_read(in->arena, in->config, &c);
    if (why == NULL) {
        why = secrets_read(with, in->arena, in->config, &c);
    }
    if (why != NULL) {
        ctl_step_failed(out, true, "connector_unarmed", "http: %s", why);
    } else if (text == NULL || c.body == NULL || c.curl == NULL
               || !headers_make(&c))
    {
        ctl_step_failed(out, true, "http_failed", "out of memory");
    } else {
        perform(&c, text, out);
    }
    ctl_headers_free(c.headers);
    curl_easy_cleanup(c.curl);
}
