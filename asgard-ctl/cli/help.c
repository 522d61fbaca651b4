/*
 * What the table of commands says, to people, shells and man.
 */
#include <string.h>

#include "cli/own.h"

static const char *const variables[][2] = {
    {"ASGARD_URL", "where Asgard is"},
    {"ASGARD_PAT", "your access token; goes before the profile's"},
    {"ASGARD_KEY", "a project's key, for `chat`"},
    {"ASGARD_PROJECT", "the project, where a command names none"},
    {"ASGARD_PROFILE", "which profile to take (default)"},
    {"ASGARD_OUTPUT", "table, json or yaml"},
    {"ASGARD_CA_FILE", "certificates to trust beside the system's"}
};

static const char *const statuses[] = {
    "it was done",
    "nobody answered, or not to the end",
    "the command line is wrong, or the server refused",
    "no credential, or one that is not valid"
};

#define COUNT(list) (sizeof(list) / sizeof(*(list)))


/* "NAME" of "{name}", as help shows arguments. */
static void
print_arguments(const struct cli_command *c)
{
    const char *p = c->path;

    while ((p = strchr(p, '{')) != NULL) {
        putchar(' ');
        for (p++; *p != '\0' && *p != '}'; p++) {
            putchar(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
        }
    }
}


static void
print_options(const struct cli_option *o, const char *indent)
{
    for (; o != NULL && o->name != NULL; o++) {
        char head[64];

        snprintf(head, sizeof(head), "--%s%s%s", o->name,
                 o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
        printf("%s%-30s %s%s\n", indent, head, o->help != NULL ? o->help : "",
               o->required ? o->help != NULL ? " (needed)" : "needed" : "");
    }
}


static void
print_text(const char *text, const char *indent)
{
    const char *p = text;

    fputs(indent, stdout);
    for (; *p != '\0'; p++) {
        putchar(*p);
        if (*p == '\n') {
            fputs(indent, stdout);
        }
    }
    putchar('\n');
}


static void
help_one(const struct cli_command *c)
{
    printf("asgard %s", c->words);
    print_arguments(c);
    putchar('\n');
    print_text(c->help, "    ");
    print_options(c->options, "    ");
}


static void
help_end(void)
{
    size_t i;

    puts("\nOf every command:");
    print_options(cli_options_of_all, "    ");
    puts("\nVariables:");
    for (i = 0; i < COUNT(variables); i++) {
        printf("    %-30s %s\n", variables[i][0], variables[i][1]);
    }
    puts("\nExit status:");
    for (i = 0; i < COUNT(statuses); i++) {
        printf("    %-30zu %s\n", i, statuses[i]);
    }
}


enum cli_exit
cli_help(const char *words)
{
    const struct cli_command *c;
    bool found = false;

    if (words == NULL) {
        puts("asgard - ask for models and resources, decide, and look\n\n"
             "usage: asgard [OPTION...] COMMAND [ARGUMENT...] [OPTION...]\n");
    }
    for (c = cli_commands; c->words != NULL; c++) {
        size_t len = words != NULL ? strlen(words) : 0;

        if (len == 0) {
            printf("  %s", c->words);
            print_arguments(c);
            printf("\n        %.*s\n", (int) strcspn(c->help, "."), c->help);
        } else if (strncmp(c->words, words, len) == 0
                   && (c->words[len] == '\0' || c->words[len] == ' '))
        {
            help_one(c);
            found = true;
        }
    }
    if (words != NULL && !found) {
        cli_say("no command `%s`; `asgard help` lists them", words);
        return CLI_REFUSED;
    }
    if (words == NULL) {
        help_end();
    }

    return CLI_OK;
}


/* --- completion --- */

/* Commands and options as words: the shells need no more. */
static void
print_words(const char *before, const char *after)
{
    const struct cli_command *c;
    const struct cli_option *o;

    for (c = cli_commands; c->words != NULL; c++) {
        printf("%s%s|", before, c->words);
        for (o = c->options; o != NULL && o->name != NULL; o++) {
            printf("--%s ", o->name);
        }
        for (o = cli_options_of_all; o->name != NULL; o++) {
            printf("--%s ", o->name);
        }
        fputs(after, stdout);
    }
}


/* The words typed so far choose what may come: the next word of the commands
 * that begin with them, or the options of the one that they are. */
static void
completion_bash(void)
{
    fputs("_asgard() {\n"
          "    local cur=${COMP_WORDS[COMP_CWORD]} typed= line words rest w\n"
          "    for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
          "        [[ $w == -* ]] || typed+=\"${typed:+ }$w\"\n"
          "    done\n"
          "    COMPREPLY=()\n"
          "    while IFS='|' read -r words rest; do\n"
          "        if [[ $cur != -* && $words == \"${typed:+$typed }\"* ]]\n"
          "        then\n"
          "            w=${words#\"${typed:+$typed }\"}\n"
          "            COMPREPLY+=($(compgen -W \"${w%% *}\" -- \"$cur\"))\n"
          "        elif [[ $cur == -* && \"$typed \" == \"$words \"* ]]; then\n"
          "            COMPREPLY+=($(compgen -W \"$rest\" -- \"$cur\"))\n"
          "        fi\n"
          "    done <<'END'\n", stdout);
    print_words("", "\n");
    fputs("END\n}\ncomplete -F _asgard asgard\n", stdout);
}


static void
completion_zsh(void)
{
    fputs("#compdef asgard\nautoload -U +X bashcompinit && bashcompinit\n",
          stdout);
    completion_bash();
}


static void
completion_fish(void)
{
    const struct cli_command *c;
    const struct cli_option *o;

    for (c = cli_commands; c->words != NULL; c++) {
        int first = (int) strcspn(c->words, " ");
        const char *second = c->words[first] != '\0' ? c->words + first + 1
                                                     : NULL;

        printf("complete -c asgard -f -n __fish_use_subcommand -a %.*s\n",
               first, c->words);
        if (second != NULL) {
            printf("complete -c asgard -f -n '__fish_seen_subcommand_from %.*s'"
                   " -a %s\n", first, c->words, second);
        }
        for (o = c->options; o != NULL && o->name != NULL; o++) {
            printf("complete -c asgard -n '__fish_seen_subcommand_from %.*s'"
                   " -l %s%s\n", first, c->words, o->name,
                   o->kind == CLI_FLAG ? "" : " -r");
        }
    }
    for (o = cli_options_of_all; o->name != NULL; o++) {
        printf("complete -c asgard -l %s%s\n", o->name,
               o->kind == CLI_FLAG ? "" : " -r");
    }
}


enum cli_exit
cli_completion(struct cli *cli)
{
    const char *shell = cli_argument(&cli->arguments, "shell");

    if (strcmp(shell, "bash") == 0) {
        completion_bash();
    } else if (strcmp(shell, "zsh") == 0) {
        completion_zsh();
    } else if (strcmp(shell, "fish") == 0) {
        completion_fish();
    } else {
        cli_say("completion is for bash, zsh or fish, not `%s`", shell);
        return CLI_REFUSED;
    }

    return CLI_OK;
}
