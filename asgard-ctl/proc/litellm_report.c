/*
 * A LiteLLM proxy as a command sees it: asked with the variables that a keeper
 * would have now.
 */
#include "proc/litellm_report.h"

#include <stdio.h>
#include <unistd.h>

#include "base/secret.h"
#include "connect/litellm_probe.h"
#include "proc/backends.h"
#include "proc/values.h"

#define ARENA_BYTES (64u * 1024)


static asg_str_t
variable(const struct ctl_connect *with, const char *name)
{
    return ctl_backends_get(with->of, name);
}


static void
health_print(const struct ctl_litellm_health *h)
{
    unsigned i;

    if (h->reason != NULL) {
        printf("warn  LiteLLM keys: %s\n", h->reason);
    }
    for (i = 0; i < h->nwarnings; i++) {
        printf("warn  LiteLLM: %s\n", h->warnings[i]);
    }
    if (h->reason == NULL && h->nwarnings == 0) {
        printf("ok    LiteLLM keys\n");
    }
}


void
ctl_litellm_report(const struct ctl_config *config)
{
    struct ctl_backends backends = {0};
    const struct ctl_connect with = {.config = config, .variable = variable,
                                     .of = &backends};
    struct ctl_litellm_health health;
    struct ctl_arena arena;
    struct ctl_error e;
    int fd = ctl_secret_harden() ? ctl_values_from_environment(&e) : -1;

    ctl_arena_init(&arena, ARENA_BYTES);
    if (fd >= 0 && ctl_backends_open(&backends, config, fd, &e)) {
        ctl_litellm_probe(&with, NULL, &arena, &health);
        if (health.armed) {
            health_print(&health);
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    ctl_backends_finish(&backends);
    ctl_arena_reset(&arena);
}
