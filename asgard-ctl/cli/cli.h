/*
 * `asgard`: the command line of those who use Asgard, over HTTP alone.
 *
 * Results go to stdout, all else to stderr.  A credential comes from the
 * environment, a profile or a file, never from the command line, and is in no
 * message.  cli_main() ends with one of enum cli_exit.
 */
#ifndef CTL_CLI_H
#define CTL_CLI_H

#include <stdio.h>

#include "cli/arguments.h"
#include "cli/settings.h"
#include "core/json.h"

struct cli {
    struct cli_settings settings;
    struct cli_arguments arguments;
};

int cli_main(int argc, char **argv);

/* "asgard: <message>" on stderr. */
void cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Read JSON that was checked already or is about to be: a reader is large, and
 * there are as many as one walk nests in another. */
asg_json_t *cli_json_begin(unsigned depth, asg_str_t text);

#define CLI_JSON_DEPTHS 3

#endif
