/*
 * An answer on stdout.
 */
#include "cli/show.h"

#include "cli/flat.h"

/* A page that is not the last says so, where it does not disturb. */
static void
tell_of_more(asg_str_t answer)
{
    char text[256];
    asg_json_event_t kind;
    asg_str_t raw;
    asg_buf_t out;

    asg_buf_init(&out, text, sizeof(text) - 1);
    if (cli_flat_find(answer, 0, "next_cursor", &kind, &raw)
        && kind == ASG_JSON_STRING)
    {
        cli_flat_text(kind, raw, &out);
        text[out.len] = '\0';
        cli_say("there is more: --cursor %s", text);
    }
}


static bool
show_json(asg_str_t answer)
{
    fwrite(answer.data, 1, answer.len, stdout);
    if (answer.len > 0 && answer.data[answer.len - 1] != '\n') {
        putchar('\n');
    }

    return true;
}


bool
cli_show(const struct cli *cli, asg_str_t answer)
{
    const struct cli_command *c = cli->arguments.command;
    bool ok = true;

    if (answer.len == 0) {
        return true;
    }
    switch (cli->settings.format) {
    case CLI_JSON:
        ok = show_json(answer);
        break;
    case CLI_YAML:
        ok = cli_show_yaml(answer);
        break;
    case CLI_TABLE:
        ok = cli_show_table(answer, c->list, c->columns);
    }
    if (!ok) {
        cli_say("the answer is not the JSON that was expected");
    } else if (c->list != NULL) {
        tell_of_more(answer);
    }

    return ok && fflush(stdout) == 0;
}
