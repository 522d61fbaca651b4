/*
 * A LiteLLM proxy's readiness, version, master key and doors.
 */
#include "connect/litellm_probe.h"

#include <openssl/rand.h>

#include "core/weak.h"

#define PROBE_MS   5000
#define KEY_BYTES  16


static void
warn(struct ctl_litellm_health *h, const char *text)
{
    if (text != NULL && h->nwarnings < CTL_LITELLM_WARNINGS) {
        h->warnings[h->nwarnings++] = text;
    }
}


static void
version_look(const asg_litellm_ready_t *ready, struct ctl_arena *arena,
    struct ctl_litellm_health *h)
{
    static const unsigned least[3] = CTL_LITELLM_LEAST;
    asg_str_t v = ready->version;

    if (v.data != NULL && v.len <= 40 && !asg_litellm_version_is(v, least)) {
        warn(h, ctl_arena_printf(arena, "LiteLLM says that it is version "
             "%.*s: use %u.%u.%u or later", (int) v.len, v.data, least[0],
             least[1], least[2]));
    }
}


static const char *
master_look(struct ctl_litellm *l)
{
    struct ctl_litellm_answer a;

    ctl_litellm_ask(l, "/key/list?page=1&size=1", NULL, &a);

    return a.verdict == ASG_LITELLM_DENIED
           ? "LiteLLM does not accept " CTL_LITELLM_MASTER
           : a.verdict == ASG_LITELLM_DONE ? NULL
             : "LiteLLM does not list its keys";
}


/* A key that nobody made must not open it: with its database away, or without
 * a master key, it may let everybody in. */
static void
doors_look(struct ctl_litellm *l, struct ctl_litellm_health *h)
{
    struct ctl_secret master = l->master;
    unsigned char bytes[KEY_BYTES];
    struct ctl_litellm_answer a;
    char text[3 + 2 * KEY_BYTES];
    asg_buf_t b;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return;
    }
    asg_buf_init(&b, text, sizeof(text));
    asg_buf_z(&b, "sk-");
    asg_buf_hex(&b, bytes, sizeof(bytes));
    l->master = (struct ctl_secret) {text, b.len};
    ctl_litellm_ask(l, "/v1/models", NULL, &a);
    l->master = master;
    if (a.verdict == ASG_LITELLM_DONE) {
        warn(h, "LiteLLM lets in a key that it has never heard of: is "
             "allow_requests_on_db_unavailable on, or no master key set?");
    }
}


void
ctl_litellm_probe(const struct ctl_connect *with, const atomic_bool *stop,
    struct ctl_arena *arena, struct ctl_litellm_health *out)
{
    asg_litellm_verdict_t verdict;
    asg_litellm_ready_t ready;
    struct ctl_litellm l;

    *out = (struct ctl_litellm_health) {
        .reason = ctl_litellm_open(&l, with, PROBE_MS, stop, arena)
    };
    if (out->reason == NULL) {
        out->armed = true;
        if (asg_weak_is_sample(ctl_secret_view(&l.master))) {
            warn(out, CTL_LITELLM_MASTER " is a sample of a manual: anybody "
                 "who reads that may make keys");
        }
        verdict = ctl_litellm_ask_ready(&l, &ready);
        if (verdict != ASG_LITELLM_DONE) {
            out->reason = "LiteLLM is not ready, or does not answer";
        } else {
            version_look(&ready, arena, out);
            out->reason = ready.has_database ? master_look(&l)
                          : "LiteLLM has no database, which it needs to make "
                            "keys: give it a DATABASE_URL of its own";
            doors_look(&l, out);
        }
    }
    ctl_litellm_close(&l);
}
