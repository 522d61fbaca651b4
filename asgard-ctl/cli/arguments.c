/*
 * A command line against the table of commands.
 */
#include "cli/arguments.h"

#include <string.h>

#include "cli/cli.h"

#define ARGUMENTS_MAX 4

const struct cli_option cli_options_of_all[] = {
    {"url", CLI_OWN, NULL, "URL", "where Asgard is (ASGARD_URL)", false},
    {"profile", CLI_OWN, NULL, "NAME",
        "which settings to take (ASGARD_PROFILE; default)", false},
    {"output", CLI_OWN, NULL, "FORMAT",
        "table, json or yaml (ASGARD_OUTPUT; table)", false},
    {"ca-file", CLI_OWN, NULL, "FILE",
        "certificates to trust beside the system's (ASGARD_CA_FILE)", false},
    {"body", CLI_OWN, NULL, "FILE",
        "the request's JSON body, whole; - is standard input", false},
    {"help", CLI_FLAG, NULL, NULL, "say what a command does", false},
    {NULL, CLI_OWN, NULL, NULL, NULL, false}
};


/* Do the command's words stand at `argv`?  How many; 0: no. */
static int
words_match(const char *words, int argc, char **argv)
{
    int n = 0;

    while (*words != '\0') {
        size_t len = strcspn(words, " ");

        if (n == argc || strlen(argv[n]) != len
            || memcmp(argv[n], words, len) != 0)
        {
            return 0;
        }
        n++;
        words += len + (words[len] == ' ');
    }

    return n;
}


static const struct cli_command *
command_find(int argc, char **argv, int *nwords)
{
    const struct cli_command *found = NULL;
    const struct cli_command *c;

    *nwords = 0;
    for (c = cli_commands; c->words != NULL; c++) {
        int n = words_match(c->words, argc, argv);

        if (n > *nwords) {
            found = c;
            *nwords = n;
        }
    }

    return found;
}


static const struct cli_option *
option_find(const struct cli_option *o, const char *name, size_t len)
{
    for (; o != NULL && o->name != NULL; o++) {
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0) {
            return o;
        }
    }

    return NULL;
}


static bool
copy(char *to, size_t size, const char *name, const char *text)
{
    if (strlen(text) >= size) {
        cli_say("--%s is too long", name);
        return false;
    }
    memcpy(to, text, strlen(text) + 1);

    return true;
}


static bool
take_of_all(const struct cli_option *o, const char *text,
    struct cli_arguments *out, struct cli_settings *s)
{
    struct { const char *name; char *to; size_t size; } places[] = {
        {"url", s->url, sizeof(s->url)},
        {"profile", s->profile, sizeof(s->profile)},
        {"output", s->output, sizeof(s->output)},
        {"ca-file", s->ca_file, sizeof(s->ca_file)}
    };
    size_t i;

    for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
        if (strcmp(o->name, places[i].name) == 0) {
            return copy(places[i].to, places[i].size, o->name, text);
        }
    }
    out->body_file = text;

    return true;
}


static bool
given_add(struct cli_arguments *out, const struct cli_option *o,
    const char *name, const char *text)
{
    if (out->n == CLI_GIVEN_MAX) {
        cli_say("more than %d options", CLI_GIVEN_MAX);
        return false;
    }
    out->given[out->n++] = (struct cli_given) {o, name, text};

    return true;
}


/* A {name} of the path, if an option has it. */
static bool
path_has(const char *path, const char *name, size_t len)
{
    const char *at = path;

    while ((at = strchr(at, '{')) != NULL) {
        if (strncmp(at + 1, name, len) == 0 && at[len + 1] == '}') {
            return true;
        }
        at++;
    }

    return false;
}


/* One option at argv[*i]; *i moves over its value. */
static bool
option_take(int argc, char **argv, int *i, struct cli_arguments *out,
    struct cli_settings *settings)
{
    const char *name = argv[*i] + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t) (equals - name) : strlen(name);
    const struct cli_option *all = option_find(cli_options_of_all, name, len);
    const struct cli_option *o = out->command != NULL
        ? option_find(out->command->options, name, len) : NULL;
    const char *text = equals != NULL ? equals + 1 : NULL;

    if (o == NULL && all != NULL && strcmp(all->name, "help") == 0) {
        return true;                    /* seen before */
    }
    if (o == NULL && all == NULL && !path_has(out->command->path, name, len)) {
        cli_say("`%s` has no option --%.*s", out->command->words, (int) len,
                name);
        return false;
    }
    if (o != NULL && o->kind == CLI_FLAG) {
        if (text != NULL) {
            cli_say("--%s takes no value", o->name);
            return false;
        }
        return given_add(out, o, o->name, "true");
    }
    if (text == NULL) {
        if (*i + 1 == argc) {
            cli_say("--%.*s needs a value", (int) len, name);
            return false;
        }
        text = argv[++*i];
    }
    if (o == NULL && all != NULL) {
        return take_of_all(all, text, out, settings);
    }

    return given_add(out, o, o != NULL ? o->name : name, text);
}


/* The names end as the command line or the path has them. */
static const char *
given_find(const struct cli_arguments *a, const char *name, size_t len)
{
    unsigned i;

    for (i = 0; i < a->n; i++) {
        const char *have = a->given[i].name;

        if (strncmp(have, name, len) == 0
            && (have[len] == '\0' || have[len] == '}' || have[len] == '='))
        {
            return a->given[i].text;
        }
    }

    return NULL;
}


/* The {names} of the path that no option gave; how many. */
static unsigned
path_open_names(const struct cli_arguments *a, const char **names)
{
    const char *at = a->command->path;
    unsigned n = 0;

    while ((at = strchr(at, '{')) != NULL && n < ARGUMENTS_MAX) {
        at++;
        if (given_find(a, at, strcspn(at, "}")) == NULL) {
            names[n++] = at;
        }
    }

    return n;
}


/* In the order of the path; one too few leaves out its project, which the
 * settings then name. */
static bool
arguments_place(struct cli_arguments *out, unsigned n, const char **texts)
{
    const char *names[ARGUMENTS_MAX];
    unsigned nopen = path_open_names(out, names);
    unsigned first = n + 1 == nopen && strncmp(names[0], "project}", 8) == 0;
    unsigned i;

    if (n > nopen) {
        cli_say("`%s` takes no argument `%s`", out->command->words,
                texts[nopen]);
        return false;
    }
    if (n + first < nopen) {
        const char *name = names[n + first];

        cli_say("`%s` needs %.*s", out->command->words,
                (int) strcspn(name, "}"), name);
        return false;
    }
    for (i = 0; i < n; i++) {
        if (!given_add(out, NULL, names[first + i], texts[i])) {
            return false;
        }
    }

    return true;
}


static bool
required_are_given(const struct cli_arguments *a)
{
    const struct cli_option *o;

    for (o = a->command->options; o != NULL && o->name != NULL; o++) {
        if (o->required && a->body_file == NULL
            && cli_argument(a, o->name) == NULL)
        {
            cli_say("`%s` needs --%s", a->command->words, o->name);
            return false;
        }
    }

    return true;
}


static bool
rest_take(int argc, char **argv, struct cli_arguments *out,
    struct cli_settings *settings)
{
    const char *texts[ARGUMENTS_MAX];
    bool only_arguments = false;
    unsigned n = 0;
    int i;

    for (i = 0; i < argc; i++) {
        if (!only_arguments && strcmp(argv[i], "--") == 0) {
            only_arguments = true;
        } else if (!only_arguments && strncmp(argv[i], "--", 2) == 0) {
            if (!option_take(argc, argv, &i, out, settings)) {
                return false;
            }
        } else if (n == ARGUMENTS_MAX) {
            cli_say("more than %d arguments", ARGUMENTS_MAX);
            return false;
        } else {
            texts[n++] = argv[i];
        }
    }

    return arguments_place(out, n, texts) && required_are_given(out);
}


static bool
help_is_asked(int argc, char **argv)
{
    int i;

    if (argc == 0 || strcmp(argv[0], "help") == 0) {
        return true;
    }
    for (i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
        if (strcmp(argv[i], "--") == 0) {
            break;
        }
    }

    return false;
}


/* Options of every command may stand before the words. */
static bool
leading_take(int argc, char **argv, int *at, struct cli_arguments *out,
    struct cli_settings *settings)
{
    while (*at < argc && strncmp(argv[*at], "--", 2) == 0) {
        const char *name = argv[*at] + 2;
        size_t len = strcspn(name, "=");

        if (option_find(cli_options_of_all, name, len) == NULL) {
            cli_say("no option --%.*s before a command", (int) len, name);
            return false;
        }
        if (!option_take(argc, argv, at, out, settings)) {
            return false;
        }
        ++*at;
    }

    return true;
}


bool
cli_arguments_read(int argc, char **argv, struct cli_arguments *out,
    struct cli_settings *settings)
{
    int at = 1;
    int nwords;

    memset(out, 0, sizeof(*out));
    if (!leading_take(argc, argv, &at, out, settings)) {
        return false;
    }
    out->command = command_find(argc - at, argv + at, &nwords);
    if (help_is_asked(argc - at, argv + at)) {
        out->help_for = out->command != NULL ? out->command->words
            : argc - at > 1 ? argv[at + 1] : NULL;
        out->command = NULL;
        return true;
    }
    if (out->command == NULL) {
        cli_say("no command `%s%s%s`; `asgard help` lists them", argv[at],
                argc - at > 1 ? " " : "", argc - at > 1 ? argv[at + 1] : "");
        return false;
    }

    return rest_take(argc - at - nwords, argv + at + nwords, out, settings);
}


const char *
cli_argument(const struct cli_arguments *a, const char *name)
{
    return given_find(a, name, strlen(name));
}
