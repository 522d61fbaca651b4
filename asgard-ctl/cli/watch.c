/*
 * A request's events until it is done.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/call.h"
#include "cli/flat.h"
#include "cli/own.h"
#include "core/event_lines.h"

#define WATCH_S     3600
#define WATCH_S_MAX (30 * 24 * 3600)

struct watch {
    struct cli *cli;
    asg_event_lines_t lines;
    char state[32];                     /* of the request, as last told */
    char *clean;
    unsigned column;                    /* members printed on the line */
};

static const char *const good_ends[] = {"fulfilled", NULL};
static const char *const bad_ends[] = {
    "rejected", "cancelled", "failed", NULL
};


static bool
is_one_of(const char *state, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (strcmp(state, *list) == 0) {
            return true;
        }
    }

    return false;
}


/* What was approved and then failed stays approved: it may be tried again. */
static void
state_take(struct watch *w, asg_str_t event)
{
    asg_json_event_t kind;
    asg_str_t raw;

    if (((cli_flat_find(event, 0, "event", &kind, &raw)
          && asg_str_eq_z(raw, "failed"))
         || cli_flat_find(event, 0, "state", &kind, &raw))
        && kind == ASG_JSON_STRING && raw.len < sizeof(w->state))
    {
        memcpy(w->state, raw.data, raw.len);
        w->state[raw.len] = '\0';
    }
}


/* "name=value name=value" of one event, on a line; what is null is left out. */
static void
print_member(void *data, asg_str_t name, asg_json_event_t kind, asg_str_t raw)
{
    struct watch *w = data;
    asg_buf_t out;

    if (kind == ASG_JSON_NULL) {
        return;
    }
    asg_buf_init(&out, w->clean, ASG_EVENT_LINES_MAX);
    cli_flat_text(kind, raw, &out);
    printf("%s%.*s=%.*s", w->column > 0 ? "  " : "", (int) name.len, name.data,
           (int) out.len, w->clean);
    w->column++;
}


static bool
event_take(void *data, asg_str_t event)
{
    struct watch *w = data;

    if (asg_str_eq_z(event, "{}")) {    /* the end of the stream */
        return true;
    }
    state_take(w, event);
    w->column = 0;
    if (w->cli->settings.format == CLI_TABLE) {
        cli_flat_each(event, 0, print_member, w);
    } else {
        fwrite(event.data, 1, event.len, stdout);
    }
    putchar('\n');
    fflush(stdout);

    return true;
}


static bool
part_take(void *data, const char *bytes, size_t len)
{
    struct watch *w = data;

    return asg_event_lines_feed(&w->lines, bytes, len, event_take, w);
}


static time_t
now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);

    return t.tv_sec;
}


/* A stream that ends before the request does is asked for again, a second
 * later, until the time is over. */
static enum cli_exit
watch_run(struct watch *w, const char *path, long timeout_s)
{
    time_t end = now_s() + timeout_s;
    struct timespec pause = {1, 0};

    for ( ;; ) {
        struct cli_call call = {
            .method = "GET", .path = path, .bearer = w->cli->settings.pat,
            .part = part_take, .data = w,
            .timeout_s = end > now_s() ? (long) (end - now_s()) : 1
        };
        struct cli_reply reply = {0};
        bool whole = cli_call(&w->cli->settings, &call, &reply);
        enum cli_exit judged = whole || reply.status >= 300
            ? cli_reply_judge(&reply) : CLI_OK;
        bool unreached = !whole && reply.status == 0;

        if (unreached) {
            cli_say("%s: %s", w->cli->settings.url, reply.why);
        }
        cli_reply_release(&reply);
        if (judged != CLI_OK || unreached) {
            return unreached ? CLI_TRANSPORT : judged;
        }
        if (is_one_of(w->state, good_ends) || is_one_of(w->state, bad_ends)) {
            return is_one_of(w->state, good_ends) ? CLI_OK : CLI_REFUSED;
        }
        if (now_s() >= end) {
            cli_say("it is not done after %ld s", timeout_s);
            return CLI_TRANSPORT;
        }
        nanosleep(&pause, NULL);
    }
}


static bool
timeout_read(const struct cli *cli, long *timeout_s)
{
    const char *text = cli_argument(&cli->arguments, "timeout-s");
    uint64_t n = WATCH_S;

    if (text != NULL
        && (!asg_str_u64(asg_str_z(text), &n) || n < 1 || n > WATCH_S_MAX))
    {
        cli_say("--timeout-s is 1 to %d, not `%s`", WATCH_S_MAX, text);
        return false;
    }
    *timeout_s = (long) n;

    return true;
}


enum cli_exit
cli_watch(struct cli *cli)
{
    struct cli_made made = {NULL, NULL, 0};
    struct watch w = {.cli = cli, .clean = malloc(ASG_EVENT_LINES_MAX)};
    char *room = malloc(ASG_EVENT_LINES_MAX);
    enum cli_exit end = CLI_REFUSED;
    long timeout_s;

    asg_event_lines_init(&w.lines, room);
    if (room == NULL || w.clean == NULL) {
        cli_say("out of memory");
    } else if (cli->settings.pat[0] == '\0') {
        cli_say("no credential: `asgard login`, or set ASGARD_PAT");
        end = CLI_AUTH;
    } else if (timeout_read(cli, &timeout_s) && cli_call_make(cli, &made)) {
        end = watch_run(&w, made.path, timeout_s);
    }
    cli_made_release(&made);
    free(room);
    free(w.clean);

    return end;
}
