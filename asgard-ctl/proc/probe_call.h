/*
 * One real call to a backend, as the gateway would make it.
 *
 * In the words of one of its APIs: chat, completions or embeddings of OpenAI's,
 * or Anthropic's messages.
 * The same address, path, headers and key; the answer is read by the gateway's
 * own reader.  No proxy, no redirect; TLS is checked against the same
 * certificates.  A call is bounded by a minute and by 1 MiB of answer.  Nothing
 * of the provider's text is kept: it could hold a part of the key.
 */
#ifndef CTL_PROBE_CALL_H
#define CTL_PROBE_CALL_H

#include "catalog/catalog.h"
#include "core/answer.h"

struct ctl_probe_ask {
    const struct ctl_module *module;
    const struct ctl_model *model;
    asg_api_t api;                      /* that the model has */
    const char *limit_field;            /* NULL: the API has no limit */
    bool user;                          /* send one */
    bool stream;                        /* not of embeddings */
};

struct ctl_probe_answer {
    long status;                        /* 0: nothing was answered */
    bool sse;                           /* by its content type */
    bool tls_refused;                   /* its certificate or name */
    const char *why;                    /* of status 0 */
    asg_usage_t usage;
};

/* False: there was no memory. */
bool ctl_probe_call(const struct ctl_probe_ask *ask,
    struct ctl_probe_answer *answer);

/* The address that is asked, into `out`; false when it does not fit. */
bool ctl_probe_url(const struct ctl_probe_ask *ask, char *out, size_t size);

#endif
