/*
 * The connector `random`: a secret that Asgard makes itself, of random
 * characters.
 *
 *     provisioner:
 *       connector: random
 *       config: {length: 32, alphabet: alphanumeric}
 *     secret_outputs: [value]           # each gets a value of its own
 *
 * `length` and `alphabet` of a spec go before those of the manifest.
 */
#ifndef CTL_RANDOM_H
#define CTL_RANDOM_H

#include "connect/connector.h"

#define CTL_RANDOM_LENGTH_LEAST 16
#define CTL_RANDOM_LENGTH_MAX   1024
#define CTL_RANDOM_ALPHABETS \
    "alphanumeric, letters, digits, hex, base64url or printable"

/* The member of a spec, or of a config, that is not as it must be; NULL: none
 * is.  What is no member of ours is not looked at. */
const char *ctl_random_wrong(const char *json);

const char *ctl_random_unarmed(const struct ctl_connect *with,
    const char *config, struct ctl_arena *arena);
/* To make, and to rotate. */
void ctl_random_step(const struct ctl_connect *with,
    const struct ctl_step_in *in, struct ctl_step_out *out);

#endif
