/*
 * Secrets that are none: samples of manuals, short ones, ones of few bytes.
 *
 * What is refused at start names the setting and never the value: the reasons
 * are static texts that follow "it ...".  A secret that passes is not proven
 * strong.
 */
#ifndef ASG_WEAK_H
#define ASG_WEAK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

#define ASG_WEAK_LEN_MIN    16          /* of a password */
#define ASG_WEAK_BYTES_MIN  8           /* different ones in it */

/* A value that stands in manuals and examples, such as sk-1234 or changeme,
 * in any case and with or without sk- before it. */
bool asg_weak_is_sample(asg_str_t secret);

/* Why a password is too weak for a store; NULL: no reason. */
const char *asg_weak_password(asg_str_t password);

/* Can these bytes not have been made by a random generator? */
bool asg_weak_key(const uint8_t *key, size_t len);

#endif
