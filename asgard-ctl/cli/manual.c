/*
 * The manual page asgard(1), from the table of commands.
 */
#include <string.h>

#include "cli/own.h"

/* What roff would take for its own is escaped. */
static void
put(const char *text)
{
    const char *p;

    for (p = text; *p != '\0'; p++) {
        if (*p == '-') {
            fputs("\\-", stdout);
        } else if (*p == '\\') {
            fputs("\\e", stdout);
        } else if ((*p == '.' || *p == '\'') && (p == text || p[-1] == '\n')) {
            printf("\\&%c", *p);
        } else {
            putchar(*p);
        }
    }
}


static void
put_options(const struct cli_option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        fputs(".TP\n.B \\-\\-", stdout);
        put(o->name);
        if (o->value != NULL) {
            fputs(" \\fI", stdout);
            put(o->value);
            fputs("\\fR", stdout);
        }
        putchar('\n');
        put(o->help != NULL ? o->help : "");
        puts(o->required ? o->help != NULL ? " (needed)." : "Needed."
                         : o->help != NULL ? "." : "\\&");
    }
}


static void
put_command(const struct cli_command *c)
{
    const char *p = c->path;

    fputs(".SS asgard ", stdout);
    put(c->words);
    while ((p = strchr(p, '{')) != NULL) {
        size_t len = strcspn(++p, "}");

        printf(" \\fI%.*s\\fR", (int) len, p);
    }
    putchar('\n');
    put(c->help);
    putchar('\n');
    put_options(c->options);
}


enum cli_exit
cli_manual(struct cli *cli)
{
    const struct cli_command *c;

    (void) cli;
    puts(".TH ASGARD 1\n.SH NAME\n"
         "asgard \\- ask for models and resources, decide, and look\n"
         ".SH SYNOPSIS\n.B asgard\n"
         "[\\fIoption\\fR...] \\fIcommand\\fR [\\fIargument\\fR...]"
         " [\\fIoption\\fR...]\n"
         ".SH DESCRIPTION\n"
         "Talks to an Asgard over HTTP. Results go to standard output,\n"
         "everything else to standard error. A credential comes from the\n"
         "environment or a profile, never from the command line.\n"
         ".SH COMMANDS");
    for (c = cli_commands; c->words != NULL; c++) {
        put_command(c);
    }
    puts(".SH OPTIONS OF EVERY COMMAND");
    put_options(cli_options_of_all);
    puts(".SH ENVIRONMENT\n"
         "An option goes before the environment, that before the profile.\n"
         "\\fBASGARD_URL\\fR, \\fBASGARD_PAT\\fR, \\fBASGARD_KEY\\fR,\n"
         "\\fBASGARD_PROJECT\\fR, \\fBASGARD_PROFILE\\fR,\n"
         "\\fBASGARD_OUTPUT\\fR, \\fBASGARD_CA_FILE\\fR.\n"
         ".SH FILES\n.TP\n.I $XDG_CONFIG_HOME/asgard/profiles\n"
         "Else \\fI~/.config/asgard/profiles\\fR: sections [name] with url,\n"
         "token, key, project, ca_file and output. Not used when others may\n"
         "read it. A profile's credentials go to its own url alone.\n"
         ".SH EXIT STATUS\n"
         "0: it was done. 1: nobody answered, or not to the end. 2: the\n"
         "command line is wrong, or the server refused. 3: no credential, or\n"
         "one that is not valid.");

    return CLI_OK;
}
