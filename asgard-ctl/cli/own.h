/*
 * The commands that are more than one call.
 */
#ifndef CTL_CLI_OWN_H
#define CTL_CLI_OWN_H

#include "cli/cli.h"

/* Name and password for a session, or a token from stdin, into the profile. */
enum cli_exit cli_login(struct cli *cli);
/* Ends what the profile holds and takes it out. */
enum cli_exit cli_logout(struct cli *cli);
/* One prompt with a project's key; the answer as it comes. */
enum cli_exit cli_chat(struct cli *cli);
/* A request's events until it is decided and done. */
enum cli_exit cli_watch(struct cli *cli);
/* bash, zsh or fish. */
enum cli_exit cli_completion(struct cli *cli);
/* The manual page, as roff. */
enum cli_exit cli_manual(struct cli *cli);

/* All commands, or those that begin with `words`. */
enum cli_exit cli_help(const char *words);

#endif
