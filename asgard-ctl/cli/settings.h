/*
 * What each run needs to know: where Asgard is, who asks, how to show it.
 *
 * Each by an option, else the environment, else the profile, else a default;
 * credentials by no option.
 */
#ifndef CTL_CLI_SETTINGS_H
#define CTL_CLI_SETTINGS_H

#include <stdbool.h>

#define CLI_URL_BYTES   512
#define CLI_TOKEN_BYTES 256
#define CLI_NAME_BYTES  64

enum cli_format { CLI_TABLE, CLI_JSON, CLI_YAML };

struct cli_settings {
    char profile[CLI_NAME_BYTES];
    char url[CLI_URL_BYTES];            /* without a slash at its end */
    char pat[CLI_TOKEN_BYTES];          /* access token or session; or empty */
    char key[CLI_TOKEN_BYTES];          /* of a project, for `chat`; or empty */
    char project[CLI_NAME_BYTES];       /* where no other is named; or empty */
    char ca_file[CLI_URL_BYTES];        /* trusted beside the system's */
    char output[CLI_NAME_BYTES];
    enum cli_format format;
};

/* Options first: `out` holds what they said, empty what they did not. Fills the
 * rest.  False, and a message, when something is not possible. */
bool cli_settings_fill(struct cli_settings *out);
void cli_settings_wipe(struct cli_settings *s);

#endif
