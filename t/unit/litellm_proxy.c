/*
 * A LiteLLM proxy in memory, in place of libcurl: what a program calls of that
 * is defined here.  One fault at one call, or two; from a death on no call of
 * the step reaches it.  Included by test_litellm_step.c.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/sha.h>

#include "core/litellm.h"

#undef curl_easy_setopt
#undef curl_easy_getinfo

#define KEYS_MAX 16

enum fault {
    FAULT_NONE, FAULT_DIES_BEFORE, FAULT_DIES_AFTER, FAULT_LOSE, FAULT_DROP,
    FAULT_PLAIN, FAULT_LATE, FAULT_NO_DATABASE, FAULT_DENIED, FAULTS
};

struct key {
    bool there, blocked;
    char hash[65], alias[128];
    unsigned period;
    asg_nusd_t max_nusd, spent_nusd, told_nusd;     /* told: lags behind */
};

struct proxy {
    struct key keys[KEYS_MAX];
    unsigned nkeys, calls, generated;
    struct { unsigned call; enum fault fault; } plan[2];
    unsigned no_database;               /* so many calls from now */
    char late[2048], late_path[64];     /* is done after the next call */
    asg_nusd_t gone_nusd;               /* spent by keys that are deleted */
    bool dead;
};

static struct proxy proxy;

static struct {
    char url[512];
    const char *body;
    size_t (*write)(char *, size_t, size_t, void *);
    void *to;
    long status;
} http;

static asg_str_t body_text(const char *body, const char *name)
{
    return asg_view_find_text(asg_str_z(body), name);
}

static void hash_of(asg_str_t value, char out[65])
{
    unsigned char digest[32];
    asg_buf_t b;

    asg_buf_init(&b, out, 64);
    SHA256((const unsigned char *) value.data, value.len, digest);
    asg_buf_hex(&b, digest, 32);
    out[64] = '\0';
}

static struct key *key_find(asg_str_t hash)
{
    unsigned i;

    for (i = 0; i < proxy.nkeys; i++) {
        if (proxy.keys[i].there && asg_str_eq_z(hash, proxy.keys[i].hash)) {
            return &proxy.keys[i];
        }
    }
    return NULL;
}

static void tell(long status, const char *text)
{
    http.status = status;
    if (http.write != NULL) {
        http.write((char *) text, 1, strlen(text), http.to);
    }
}

static void tell_error(long status, const char *type, const char *param)
{
    char text[256];

    snprintf(text, sizeof(text), "{\"error\":{\"message\":\"m\",\"type\":"
             "\"%s\",\"param\":\"%s\",\"code\":\"%ld\"}}", type, param,
             status);
    tell(status, text);
}

static void tell_key(const struct key *k, bool as_info)
{
    char text[1024], max[ASG_MONEY_TEXT], spent[ASG_MONEY_TEXT];

    asg_money_format(k->max_nusd, max);
    asg_money_format(k->told_nusd, spent);
    snprintf(text, sizeof(text), "{%s%s%s\"key_alias\":\"%s\",\"spend\":%s,"
             "\"max_budget\":%s,\"blocked\":%s,"
             "\"budget_reset_at\":\"month %u\"}%s",
             as_info ? "\"info\":{" : "\"token\":\"",
             as_info ? "" : k->hash, as_info ? "" : "\",", k->alias, spent,
             max, k->blocked ? "true" : "null", k->period, as_info ? "}" : "");
    tell(200, text);
}

static void take_budget(struct key *k, const char *body)
{
    asg_nusd_t max;

    if (asg_litellm_usd(asg_view_find(asg_str_z(body), "max_budget"), &max)
        == ASG_OK)
    {
        k->max_nusd = max;
    }
}

static void do_generate(const char *body)
{
    asg_str_t alias = body_text(body, "key_alias");
    struct key *k = &proxy.keys[proxy.nkeys];
    unsigned i;

    for (i = 0; i < proxy.nkeys; i++) {
        if (proxy.keys[i].there && asg_str_eq_z(alias, proxy.keys[i].alias)) {
            tell_error(400, "bad_request_error", "key_alias");
            return;
        }
    }
    if (proxy.nkeys == KEYS_MAX) {
        abort();
    }
    proxy.nkeys++;
    proxy.generated++;
    *k = (struct key) {.there = true};
    hash_of(body_text(body, "key"), k->hash);
    snprintf(k->alias, sizeof(k->alias), "%.*s", (int) alias.len, alias.data);
    take_budget(k, body);
    tell_key(k, false);
}

static void do_one(const char *path, const char *body, struct key *k)
{
    if (k == NULL && strstr(path, "block") != NULL) {
        tell(200, "null");
    } else if (k == NULL) {
        tell_error(404, "internal_server_error", "None");
    } else if (strcmp(path, "/key/delete") == 0) {
        k->there = false;
        proxy.gone_nusd += k->spent_nusd;
        tell(200, "{\"deleted_keys\":[]}");
    } else {
        if (strcmp(path, "/key/update") == 0) {
            take_budget(k, body);
        } else {
            k->blocked = strcmp(path, "/key/block") == 0;
        }
        tell_key(k, false);
    }
}

static void serve(const char *path, const char *body)
{
    asg_view_t keys;
    asg_str_t hash;

    if (strcmp(path, "/health/readiness") == 0) {
        tell(200, proxy.no_database > 0 ? "{\"db\":\"Not connected\"}"
                                        : "{\"db\":\"connected\"}");
    } else if (proxy.no_database > 0) {
        tell(500, "Internal Server Error");
    } else if (strncmp(path, "/key/info?key=", 14) == 0) {
        struct key *k = key_find(asg_str_z(path + 14));

        if (k != NULL) {
            tell_key(k, true);
        } else {
            tell_error(404, "not_found_error", "key");
        }
    } else if (strcmp(path, "/key/generate") == 0) {
        do_generate(body);
    } else if (strcmp(path, "/key/delete") == 0) {
        keys = asg_view_open(asg_view_find(asg_str_z(body), "keys"));
        do_one(path, body, asg_view_item(&keys, &hash)
                           ? key_find(asg_view_text(hash)) : NULL);
    } else {
        do_one(path, body, key_find(body_text(body, "key")));
    }
}

static void unheard(const char *path, const char *body)
{
    size_t (*write)(char *, size_t, size_t, void *) = http.write;

    http.write = NULL;
    serve(path, body);
    http.write = write;
}

/* One fault; false: no answer comes. */
static bool strike(enum fault fault, const char *path, const char *body)
{
    switch (fault) {
    case FAULT_DIES_BEFORE:
        proxy.dead = true;
        return false;
    case FAULT_DIES_AFTER:
        proxy.dead = true;
        unheard(path, body);
        return false;
    case FAULT_LOSE:
        unheard(path, body);
        return false;
    case FAULT_DROP:
        return false;
    case FAULT_PLAIN:
        tell(500, "Internal Server Error");
        return true;
    case FAULT_LATE:
        snprintf(proxy.late, sizeof(proxy.late), "%s", body ? body : "");
        snprintf(proxy.late_path, sizeof(proxy.late_path), "%s",
                 body ? path : "");
        return false;
    case FAULT_NO_DATABASE:
        proxy.no_database = 4;
        serve(path, body);
        return true;
    case FAULT_DENIED:
        tell_error(401, "auth_error", "None");
        return true;
    default:
        serve(path, body);
        return true;
    }
}

static void do_late(void)
{
    char path[sizeof(proxy.late_path)];

    if (proxy.late_path[0] != '\0') {
        memcpy(path, proxy.late_path, sizeof(path));
        proxy.late_path[0] = '\0';
        unheard(path, proxy.late);
    }
}

/* --- libcurl --- */

CURL *curl_easy_init(void)
{
    memset(&http, 0, sizeof(http));
    return (CURL *) &http;
}

void curl_easy_cleanup(CURL *curl)
{
    (void) curl;
}

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    va_list args;

    (void) curl;
    va_start(args, option);
    if (option == CURLOPT_URL) {
        snprintf(http.url, sizeof(http.url), "%s", va_arg(args, char *));
    } else if (option == CURLOPT_POSTFIELDS) {
        http.body = va_arg(args, const char *);
    } else if (option == CURLOPT_WRITEFUNCTION) {
        http.write = va_arg(args, size_t (*)(char *, size_t, size_t, void *));
    } else if (option == CURLOPT_WRITEDATA) {
        http.to = va_arg(args, void *);
    }
    va_end(args);
    return CURLE_OK;
}

CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
    va_list args;

    (void) curl;
    va_start(args, info);
    *va_arg(args, long *) = http.status;
    va_end(args);
    return CURLE_OK;
}

CURLcode curl_easy_perform(CURL *curl)
{
    const char *path = strchr(http.url + 8, '/');
    enum fault fault = FAULT_NONE;
    bool late = proxy.late_path[0] != '\0', came;
    unsigned i;

    (void) curl;
    if (proxy.dead) {
        return CURLE_OPERATION_TIMEDOUT;
    }
    proxy.calls++;
    for (i = 0; i < 2; i++) {
        if (proxy.plan[i].call == proxy.calls) {
            fault = proxy.plan[i].fault;
        }
    }
    came = strike(fault, path, http.body);
    proxy.no_database -= proxy.no_database > 0;
    if (late) {
        do_late();
    }
    return came ? CURLE_OK : CURLE_OPERATION_TIMEDOUT;
}
