/*
 * What is said to a program outside, and what it says back: one JSON object
 * each way, the same for a command (exec) and for a service (http).
 *
 * It is told `action`, `resource_id`, `project_id`, `type`, `name`,
 * `generation`, `spec`, `tags`, and of before `was` (its outputs) and
 * `progress`.  It answers with its outputs.  Of these members `was`,
 * `progress`, `again_in_secs` and `error` are none: with `again_in_secs` it is
 * called again after so long, with the `progress` that it said; `error` is a
 * text for people.
 * What secret_outputs of the manifest names is a text that becomes a secret.
 */
#ifndef CTL_TOLD_H
#define CTL_TOLD_H

#include "connect/connector.h"

#define CTL_TOLD_ANSWER_MAX (256u * 1024)
#define CTL_TOLD_WORDS_MAX  64

/* Is it called for this action?  Of `actions` of the manifest's config; without
 * it to make and to destroy. */
bool ctl_told_wants(const struct ctl_step_in *in);

/* Of the arena; NULL: no memory. */
const char *ctl_told_input(const struct ctl_step_in *in);

/* Fills `out`: done, again, or failed (final, "invalid_output"). */
void ctl_told_take(const struct ctl_step_in *in, asg_str_t answer,
    struct ctl_step_out *out);
/* The text of its `error`, cut to a line, without the values of the variables
 * that the manifest's `environment` and `headers` name; NULL: it said none. */
const char *ctl_told_error(const struct ctl_connect *with,
    const struct ctl_step_in *in, asg_str_t answer);

/* --- a member of the manifest's provisioner.config --- */

/* NULL: absent, or no text. */
const char *ctl_config_text(struct ctl_arena *arena, const char *config,
    const char *name);
bool ctl_config_is_on(const char *config, const char *name);
/* `absent` where there is none; -1: no number between least and most. */
int64_t ctl_config_number(const char *config, const char *name,
    int64_t absent, int64_t least, int64_t most);
/* A list of texts, or the names and texts of an object in turn; *n 0: absent.
 * False: it is neither, or has more than CTL_TOLD_WORDS_MAX texts. */
bool ctl_config_words(struct ctl_arena *arena, const char *config,
    const char *name, const char **words, unsigned *n);

#endif
