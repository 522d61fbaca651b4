/*
 * One prompt to a model, with a project's key.
 *
 * As a table the answer's text is streamed; as JSON or YAML the whole answer is
 * shown.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/call.h"
#include "cli/flat.h"
#include "cli/own.h"
#include "cli/show.h"
#include "core/event_lines.h"

#define PROMPT_BYTES ((size_t) 1024 * 1024)
#define BODY_BYTES   ((size_t) 7 * 1024 * 1024)  /* escaped, at most six-fold */
#define ANSWER_S     600L

struct stream {
    asg_event_lines_t lines;
    char *clean;                        /* of one event's text */
    bool said;
    bool done;
    bool failed;                        /* an error within the stream */
};


/* The first choice's delta: {"choices":[{"delta":{"content":"..."}}]}. */
static bool
delta_find(asg_str_t event, asg_str_t *raw)
{
    asg_json_event_t kind;
    asg_str_t choices;
    asg_json_t *json;
    size_t start;

    if (!cli_flat_find(event, 0, "choices", &kind, &choices)
        || kind != ASG_JSON_ARRAY)
    {
        return false;
    }
    json = cli_json_begin(1, choices);
    if (asg_json_next(json) != ASG_JSON_ARRAY
        || asg_json_next(json) != ASG_JSON_OBJECT)
    {
        return false;
    }
    start = json->start;

    return asg_json_skip(json)
        && cli_flat_find((asg_str_t) {choices.data + start, json->end - start},
                         2, "delta.content", &kind, raw)
        && kind == ASG_JSON_STRING;
}


static void
error_tell(asg_str_t event)
{
    struct cli_reply reply = {.status = 502, .body = (char *) event.data,
                              .len = event.len};

    cli_reply_judge(&reply);
}


static bool
event_take(void *data, asg_str_t event)
{
    struct stream *s = data;
    asg_json_event_t kind;
    asg_str_t raw;
    asg_buf_t out;

    if (asg_str_eq_z(event, "[DONE]")) {
        s->done = true;
    } else if (cli_flat_find(event, 0, "error.message", &kind, &raw)) {
        s->failed = true;
        error_tell(event);
    } else if (delta_find(event, &raw)) {
        asg_buf_init(&out, s->clean, ASG_EVENT_LINES_MAX);
        cli_flat_text(ASG_JSON_STRING, raw, &out);
        fwrite(s->clean, 1, out.len, stdout);
        fflush(stdout);
        s->said = s->said || out.len > 0;
    }

    return true;
}


static bool
part_take(void *data, const char *bytes, size_t len)
{
    struct stream *s = data;

    return asg_event_lines_feed(&s->lines, bytes, len, event_take, s);
}


static void
put_message(asg_buf_t *out, const char *role, const char *text)
{
    asg_buf_z(out, "{\"role\":\"");
    asg_buf_z(out, role);
    asg_buf_z(out, "\",\"content\":");
    asg_buf_json(out, asg_str_z(text));
    asg_buf_z(out, "}");
}


static bool
body_make(const struct cli *cli, const char *prompt, bool streamed,
    asg_buf_t *out)
{
    const struct cli_arguments *a = &cli->arguments;
    const char *system = cli_argument(a, "system");
    const char *most = cli_argument(a, "max-tokens");
    uint64_t n;

    asg_buf_z(out, "{\"model\":");
    asg_buf_json(out, asg_str_z(cli_argument(a, "model")));
    asg_buf_z(out, ",\"messages\":[");
    if (system != NULL) {
        put_message(out, "system", system);
        asg_buf_z(out, ",");
    }
    put_message(out, "user", prompt);
    asg_buf_z(out, "]");
    if (most != NULL) {
        if (!asg_str_u64(asg_str_z(most), &n)) {
            cli_say("--max-tokens is a number, not `%s`", most);
            return false;
        }
        asg_buf_z(out, ",\"max_tokens\":");
        asg_buf_u64(out, n);
    }
    asg_buf_z(out, streamed ? ",\"stream\":true}" : "}");
    if (!asg_buf_ok(out)) {
        cli_say("the prompt is too long");
    }

    return asg_buf_ok(out);
}


static bool
prompt_read(const struct cli *cli, char *out)
{
    const char *given = cli_argument(&cli->arguments, "message");
    size_t len;

    if (given != NULL && strlen(given) < PROMPT_BYTES) {
        memcpy(out, given, strlen(given) + 1);
        return true;
    }
    len = given != NULL ? PROMPT_BYTES : fread(out, 1, PROMPT_BYTES, stdin);
    if (len == PROMPT_BYTES) {
        cli_say("the prompt is above 1 MB");
        return false;
    }
    out[len] = '\0';
    if (strlen(out) != len) {
        cli_say("the prompt holds a NUL byte");
        return false;
    }

    return true;
}


static enum cli_exit
stream_run(struct cli *cli, const struct cli_call *call, struct stream *s)
{
    struct cli_reply reply = {0};
    enum cli_exit end;

    if (!cli_call(&cli->settings, call, &reply)) {
        end = CLI_TRANSPORT;
    } else {
        end = cli_reply_judge(&reply);
    }
    if (s->said) {
        putchar('\n');
    }
    if (end == CLI_TRANSPORT) {
        cli_say("%s: %s", cli->settings.url, reply.why);
    } else if (end == CLI_OK && s->failed) {
        end = CLI_REFUSED;
    } else if (end == CLI_OK && !s->done) {
        cli_say("the answer was cut off");
        end = CLI_TRANSPORT;
    }
    cli_reply_release(&reply);

    return end;
}


static enum cli_exit
whole_run(struct cli *cli, const struct cli_call *call)
{
    struct cli_reply reply = {0};
    enum cli_exit end;

    if (!cli_call(&cli->settings, call, &reply)) {
        cli_say("%s: %s", cli->settings.url, reply.why);
        end = CLI_TRANSPORT;
    } else {
        end = cli_reply_judge(&reply);
    }
    if (end == CLI_OK && !cli_show(cli, (asg_str_t) {reply.body, reply.len})) {
        end = CLI_TRANSPORT;
    }
    cli_reply_release(&reply);

    return end;
}


static enum cli_exit
prompt_send(struct cli *cli, const char *prompt, struct stream *s, char *room)
{
    bool streamed = cli->settings.format == CLI_TABLE;
    struct cli_call call = {
        .method = "POST", .path = cli->arguments.command->path,
        .bearer = cli->settings.key, .timeout_s = ANSWER_S,
        .part = streamed ? part_take : NULL, .data = s
    };
    asg_buf_t body;

    asg_buf_init(&body, room, BODY_BYTES);
    if (!body_make(cli, prompt, streamed, &body)) {
        return CLI_REFUSED;
    }
    call.body = asg_buf_view(&body);

    return streamed ? stream_run(cli, &call, s) : whole_run(cli, &call);
}


enum cli_exit
cli_chat(struct cli *cli)
{
    char *prompt = malloc(PROMPT_BYTES);
    char *body = malloc(BODY_BYTES);
    char *event = malloc(ASG_EVENT_LINES_MAX);
    char *clean = malloc(ASG_EVENT_LINES_MAX);
    struct stream s = {.clean = clean};
    enum cli_exit end = CLI_REFUSED;

    asg_event_lines_init(&s.lines, event);
    if (prompt == NULL || body == NULL || event == NULL || clean == NULL) {
        cli_say("out of memory");
    } else if (cli->settings.key[0] == '\0') {
        cli_say("no project key: set ASGARD_KEY, or `key` of the profile");
        end = CLI_AUTH;
    } else if (prompt_read(cli, prompt)) {
        end = prompt_send(cli, prompt, &s, body);
    }
    free(prompt);
    free(body);
    free(event);
    free(clean);

    return end;
}
