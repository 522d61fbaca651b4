/*
 * The file of profiles: $XDG_CONFIG_HOME/asgard/profiles, else
 * ~/.config/asgard/profiles.
 *
 * Lines "[name]", "word = value", "# comment", at most 64 kB.  It holds
 * credentials: a file that others may read is not used, and it is replaced
 * whole, mode 0600.
 */
#ifndef CTL_CLI_PROFILE_H
#define CTL_CLI_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

struct cli_setting {
    const char *word;                   /* NULL ends a list */
    char *value;
    size_t size;
};

/* Fills those of `settings` that are empty from the profile of that name.  No
 * file, no profile, no word: they stay empty.  False, and a message, when the
 * file cannot be used. */
bool cli_profile_read(const char *name, struct cli_setting *settings);
/* Writes words of a profile; an empty value takes the word away.  All else in
 * the file stays. */
bool cli_profile_write(const char *name, const struct cli_setting *settings);

#endif
