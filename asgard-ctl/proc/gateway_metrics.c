/*
 * What the gateway behind `public_url` says of itself.
 */
#include "proc/gateway_metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define METRICS_MAX  (1024u * 1024)
#define METRICS_MS   2000L
#define URL_BYTES    1024
#define ID_MAX       256
#define ENDPOINTS    256                /* a catalog has no more */

struct body {
    char *text;
    size_t len;
};

/* In the order in which they are printed. */
enum figure {
    FIGURE_STATE, FIGURE_BUSY, FIGURE_LATENCY, FIGURE_FAILURES,
    FIGURE_COOLDOWNS, FIGURES
};

struct endpoint {
    char id[ID_MAX + 1];
    unsigned long long figures[FIGURES];
};


static size_t
take_body(char *data, size_t size, size_t n, void *to)
{
    struct body *b = to;
    size_t len = size * n;
    char *grown;

    if (b->len + len > METRICS_MAX) {
        return 0;
    }
    grown = realloc(b->text, b->len + len + 1);
    if (grown == NULL) {
        return 0;
    }
    b->text = grown;
    memcpy(b->text + b->len, data, len);
    b->len += len;
    b->text[b->len] = '\0';

    return len;
}


char *
ctl_gateway_metrics(const struct ctl_config *config)
{
    struct body b = {NULL, 0};
    char url[URL_BYTES];
    long status = 0;
    CURL *curl;

    if (config->public_url == NULL) {
        return NULL;
    }
    curl = curl_easy_init();
    if (curl == NULL) {
        return NULL;
    }
    snprintf(url, sizeof(url), "%s/metrics", config->public_url);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, METRICS_MS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &b);
    if (curl_easy_perform(curl) == CURLE_OK) {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    }
    curl_easy_cleanup(curl);
    if (status != 200) {
        free(b.text);
        return NULL;
    }

    return b.text;
}


/* `name{endpoint="id"} value`; false: the line is another. */
static bool
line_take(const char *line, const char *name, char id[ID_MAX + 1],
    unsigned long long *value)
{
    static const char before[] = "{endpoint=\"";
    size_t n = strlen(name);
    const char *from, *to;
    char *end;

    if (strncmp(line, name, n) != 0
        || strncmp(line + n, before, sizeof(before) - 1) != 0)
    {
        return false;
    }
    from = line + n + sizeof(before) - 1;
    to = strstr(from, "\"} ");
    if (to == NULL || to - from > ID_MAX
        || memchr(from, '\n', (size_t) (to - from)) != NULL)
    {
        return false;
    }
    memcpy(id, from, (size_t) (to - from));
    id[to - from] = '\0';
    *value = strtoull(to + 3, &end, 10);
    if (*end == '.') {
        /* seconds have six places: microseconds */
        *value = *value * 1000000 + strtoull(end + 1, NULL, 10);
    }

    return true;
}


/* The one of this id; a new one while there is room. */
static struct endpoint *
endpoint_of(struct endpoint *list, unsigned *n, const char *id)
{
    unsigned i;

    for (i = 0; i < *n && strcmp(list[i].id, id) != 0; i++) {
    }
    if (i == *n) {
        if (*n == ENDPOINTS) {
            return NULL;
        }
        memset(&list[i], 0, sizeof(list[i]));
        snprintf(list[i].id, sizeof(list[i].id), "%s", id);
        ++*n;
    }

    return &list[i];
}


static unsigned
endpoints_read(const char *text, struct endpoint *list)
{
    static const char *const names[FIGURES] = {
        [FIGURE_STATE] = "asgard_endpoint_state",
        [FIGURE_BUSY] = "asgard_endpoint_busy",
        [FIGURE_LATENCY] = "asgard_endpoint_latency_seconds",
        [FIGURE_FAILURES] = "asgard_endpoint_failures_total",
        [FIGURE_COOLDOWNS] = "asgard_endpoint_cooldowns_total"
    };
    unsigned long long value;
    struct endpoint *e;
    char id[ID_MAX + 1];
    unsigned n = 0, i;

    while (text != NULL) {
        for (i = 0; i < FIGURES; i++) {
            if (line_take(text, names[i], id, &value)
                && (e = endpoint_of(list, &n, id)) != NULL)
            {
                e->figures[i] = value;
            }
        }
        text = strchr(text, '\n');
        text = text != NULL ? text + 1 : NULL;
    }

    return n;
}


static void
endpoint_print(const struct endpoint *e)
{
    static const char *const states[] = {"called", "half open", "left alone"};
    unsigned long long state = e->figures[FIGURE_STATE];

    printf("endpoint  %-16s %-10s  under way %llu, failures %llu, cooldowns "
           "%llu, ", e->id, state < 3 ? states[state] : "not known",
           e->figures[FIGURE_BUSY], e->figures[FIGURE_FAILURES],
           e->figures[FIGURE_COOLDOWNS]);
    if (e->figures[FIGURE_LATENCY] == 0) {
        printf("first token not known\n");
    } else {
        printf("first token after %llu ms\n",
               (e->figures[FIGURE_LATENCY] + 999) / 1000);
    }
}


void
ctl_gateway_print_endpoints(const struct ctl_config *config)
{
    static struct endpoint list[ENDPOINTS];
    char *text = ctl_gateway_metrics(config);
    unsigned n, i;

    if (text == NULL) {
        printf("endpoints not known: %s\n", config->public_url == NULL
               ? "no public_url is set"
               : "the gateway at public_url does not answer");
        return;
    }
    n = endpoints_read(text, list);
    for (i = 0; i < n; i++) {
        endpoint_print(&list[i]);
    }
    free(text);
}
