/*
 * A command line against the table of commands.
 */
#ifndef CTL_CLI_ARGUMENTS_H
#define CTL_CLI_ARGUMENTS_H

#include "cli/command.h"
#include "cli/settings.h"
#include "core/str.h"

struct cli_given {
    const struct cli_option *option;    /* NULL: an argument of the path */
    const char *name;
    const char *text;
};

struct cli_arguments {
    const struct cli_command *command;  /* NULL: help was asked for */
    const char *help_for;               /* words; NULL: of all */
    struct cli_given given[CLI_GIVEN_MAX];
    unsigned n;
    const char *body_file;              /* --body; NULL: none */
};

/* Options that stand before or behind the words and are of every command go
 * into `settings`.  False, and a message, when it does not fit the table. */
bool cli_arguments_read(int argc, char **argv, struct cli_arguments *out,
    struct cli_settings *settings);

/* What was given for an option or an argument; NULL: nothing. */
const char *cli_argument(const struct cli_arguments *a, const char *name);

/* The options that every command has, for the help. */
extern const struct cli_option cli_options_of_all[];

#endif
