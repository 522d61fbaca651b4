/*
 * An answer on stdout, as table, JSON or YAML.
 *
 * JSON is what the server sent; numbers are never read as doubles, so amounts
 * stand in every format as the server wrote them.
 */
#ifndef CTL_CLI_SHOW_H
#define CTL_CLI_SHOW_H

#include "cli/cli.h"

/* False, and a message, when the answer cannot be shown. */
bool cli_show(const struct cli *cli, asg_str_t answer);

/* `list`: the member with the rows; NULL: the answer is one object. */
bool cli_show_table(asg_str_t answer, const char *list, const char *columns);
bool cli_show_yaml(asg_str_t answer);

#endif
