/*
 * The commands of `asgard` as data: which words, which route, which options go
 * where, which columns a table has.
 *
 * An argument is a {name} of the path, in its order; it may also be given by
 * the option of that name.  Options of GET and DELETE go into the query, those
 * of the others are members of the JSON body.
 */
#ifndef CTL_CLI_COMMAND_H
#define CTL_CLI_COMMAND_H

#include <stdbool.h>

#define CLI_OPTIONS_MAX 16              /* of one command */
#define CLI_GIVEN_MAX   64              /* on one command line */

/* How the program ends. */
enum cli_exit {
    CLI_OK = 0,
    CLI_TRANSPORT = 1,                  /* nobody answered, or not to the end */
    CLI_REFUSED = 2,                    /* a wrong command line; a refusal */
    CLI_AUTH = 3                        /* no credential, or one that is bad */
};

enum cli_kind {
    CLI_TEXT,
    CLI_NUMBER,                         /* also null */
    CLI_FLAG,                           /* takes no value: true */
    CLI_LIST,                           /* A,B or given again: an array */
    CLI_PAIRS,                          /* NAME=VALUE, given again: an object */
    CLI_WINDOWS,                        /* WINDOW=USD[@ZONE], given again */
    CLI_OWN                             /* what the command itself looks at */
};

struct cli_option {
    const char *name;                   /* without the two hyphens; NULL ends */
    enum cli_kind kind;
    const char *field;                  /* of body or query */
    const char *value;                  /* as the help names it */
    const char *help;
    bool required;
};

struct cli;

struct cli_command {
    const char *words;                  /* "projects list"; NULL ends */
    const char *method;
    const char *path;                   /* "/api/projects/{project}" */
    const struct cli_option *options;   /* NULL: none */
    const char *list;                   /* the answer's member with the rows */
    const char *columns;                /* of a row, with commas */
    enum cli_exit (*run)(struct cli *cli);      /* NULL: the call alone */
    const char *help;
};

extern const struct cli_command cli_commands[];

#endif
