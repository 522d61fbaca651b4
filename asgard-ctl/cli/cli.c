/*
 * `asgard`, from the command line to the exit status.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <string.h>

#include <curl/curl.h>

#include "cli/call.h"
#include "cli/own.h"
#include "cli/show.h"
#include "core/str.h"

void
cli_say(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    fputs("asgard: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
}


static enum cli_exit
call_and_show(struct cli *cli)
{
    struct cli_made made = {NULL, NULL, 0};
    struct cli_reply reply = {0};
    enum cli_exit end = CLI_REFUSED;

    if (cli_call_make(cli, &made)) {
        struct cli_call call = {
            .method = cli->arguments.command->method,
            .path = made.path,
            .body = {made.len > 0 ? made.body : NULL, made.len},
            .bearer = cli->settings.pat
        };

        if (!cli_call(&cli->settings, &call, &reply)) {
            cli_say("%s: %s", cli->settings.url, reply.why);
            end = CLI_TRANSPORT;
        } else {
            end = cli_reply_judge(&reply);
        }
        if (end == CLI_OK
            && !cli_show(cli, (asg_str_t) {reply.body, reply.len}))
        {
            end = CLI_TRANSPORT;
        }
    }
    cli_reply_release(&reply);
    cli_made_release(&made);

    return end;
}


/* These two are of this program alone: no server is asked. */
static bool
needs_server(const struct cli_command *c)
{
    return c->run != cli_completion && c->run != cli_manual;
}


static enum cli_exit
command_run(struct cli *cli)
{
    const struct cli_command *c = cli->arguments.command;

    if (needs_server(c) && !cli_settings_fill(&cli->settings)) {
        return CLI_REFUSED;
    }
    if (c->run != NULL) {
        return c->run(cli);
    }
    if (cli->settings.pat[0] == '\0') {
        cli_say("no credential: `asgard login`, or set ASGARD_PAT");
        return CLI_AUTH;
    }

    return call_and_show(cli);
}


int
cli_main(int argc, char **argv)
{
    static struct cli cli;
    enum cli_exit end = CLI_REFUSED;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
        cli_say("libcurl does not start");
        return CLI_TRANSPORT;
    }
    if (cli_arguments_read(argc, argv, &cli.arguments, &cli.settings)) {
        end = cli.arguments.command != NULL
            ? command_run(&cli) : cli_help(cli.arguments.help_for);
    }
    cli_settings_wipe(&cli.settings);
    curl_global_cleanup();

    return end;
}
