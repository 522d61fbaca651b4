/*
 * Sending commands, and those that wait.
 */
#include "flight.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "door.h"
#include "evidence.h"

#define SIM_FINISH_ARGS 4               /* fence, id, verb, amount */


void
sim_command_arg(struct sim_command *c, asg_str_t text)
{
    char *copy = c->argc < SIM_ARGS ? malloc(text.len + 1) : NULL;

    if (copy == NULL) {
        abort();                        /* a mistake of ours */
    }
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    c->argv[c->argc++] = copy;
}


void
sim_command_number(struct sim_command *c, int64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long) n);
    sim_command_arg(c, asg_str_z(text));
}


void
sim_command_free(struct sim_command *c)
{
    unsigned i;

    for (i = 0; i < c->argc; i++) {
        free(c->argv[i]);
    }
    memset(c, 0, sizeof(*c));
}


void
sim_answer_free(struct sim_answer *answer)
{
    if (answer->raw != NULL) {
        freeReplyObject(answer->raw);
    }
    answer->raw = NULL;
}


static redisReply *
script_send(struct sim_world *w, const struct sim_command *c)
{
    const char *argv[SIM_ARGS + 3];
    size_t lens[SIM_ARGS + 3];
    char count[16];
    redisReply *reply;
    unsigned i;

    snprintf(count, sizeof(count), "%u", c->nkeys);
    argv[0] = "EVALSHA";
    argv[1] = asg_script_sha(c->script).data;
    argv[2] = count;
    lens[0] = strlen(argv[0]);
    lens[1] = asg_script_sha(c->script).len;
    lens[2] = strlen(count);
    for (i = 0; i < c->argc; i++) {
        argv[3 + i] = c->argv[i];
        lens[3 + i] = strlen(c->argv[i]);
    }
    reply = sim_redis(w, c->argc + 3, argv, lens);
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR
        && strncmp(reply->str, "NOSCRIPT", 8) == 0)
    {
        freeReplyObject(reply);
        argv[0] = "EVAL";
        argv[1] = asg_script_text(c->script).data;
        lens[0] = strlen(argv[0]);
        lens[1] = asg_script_text(c->script).len;
        reply = sim_redis(w, c->argc + 3, argv, lens);
    }

    return reply;
}


/* Only what asks for money may be refused for want of memory. */
static void
error_read(struct sim_world *w, const struct sim_command *c,
    struct sim_answer *a)
{
    a->no_memory = w->no_memory && (c->kind == 'R' || c->kind == 'A')
                   && strncmp(a->raw->str, "OOM ", 4) == 0;
    if (!a->no_memory) {
        sim_fail(w, "Redis: %c: %.300s", c->kind, a->raw->str);
    }
}


bool
sim_answer_came(const struct sim_answer *answer)
{
    return answer->n > 0 || answer->no_memory;
}


static void
answer_read(struct sim_answer *a)
{
    size_t i;

    for (i = 0; a->raw != NULL && a->raw->type == REDIS_REPLY_ARRAY
                && i < a->raw->elements && i < SIM_WORDS; i++)
    {
        a->words[i] = (asg_str_t) {a->raw->element[i]->str,
                                   (size_t) a->raw->element[i]->len};
        a->n = i + 1;
    }
    a->verdict = asg_reply_verdict(a->words, a->n);
}


static void
model_see_reserve(struct sim_flight *f, const struct sim_command *c,
    const struct sim_answer *a)
{
    switch (a->verdict) {
    case ASG_VERDICT_OK:
        sim_saw_grant(f->model, c->hold, a->words[1], a->words[2]);
        sim_door_was_open(f, c);
        sim_limiter_let(f->model, c->hold, &c->limited,
                        sim_door_time_us(f->world, c->part), c->hold->expires,
                        a->words, a->n);
        break;
    case ASG_VERDICT_RATE:
        sim_limiter_refused(f->model, c->hold, &c->limited,
                            sim_door_time_us(f->world, c->part), a->words,
                            a->n);
        break;
    case ASG_VERDICT_BACKLOG:
    case ASG_VERDICT_CLOCK:
        sim_door_was_shut(f, c, a->verdict);
        break;
    case ASG_VERDICT_OVER:
        sim_saw_over(f->model, c->hold, a->words);
        sim_limiter_looked(f->model, c->hold, &c->limited,
                           sim_door_time_us(f->world, c->part));
        break;
    case ASG_VERDICT_DUP:
    case ASG_VERDICT_GONE:
        break;
    case ASG_VERDICT_IDREUSE:
        sim_fail(f->world, "%s was never asked with another amount: IDREUSE",
                 c->hold->id);
        break;
    default:
        f->model->counts[SIM_N_AWAY]++;
        break;
    }
}


/* Of asgard-ctl only what the model has to know. */
static void
provider_see(struct sim_flight *f, const struct sim_command *c,
    const struct sim_answer *a)
{
    asg_str_t args[SIM_FINISH_ARGS];
    unsigned i;

    for (i = 0; i < SIM_FINISH_ARGS; i++) {
        args[i] = asg_str_z(c->argv[c->nkeys + i]);
    }
    sim_evidence_saw(f->model, args, a->words, a->n);
}


/* Places, and tokens that became what was used. */
static void
limiter_see(struct sim_flight *f, const struct sim_command *c,
    const struct sim_answer *a)
{
    bool ok = a->verdict == ASG_VERDICT_OK;

    if (c->limited.n == 0) {
        return;
    }
    if (c->kind == 'A' && (ok || a->verdict == ASG_VERDICT_DUP)) {
        sim_limiter_adopted(f->model, c->hold, &c->limited,
                            sim_door_time_us(f->world, c->part) / 1000000
                            + SIM_TTL_S);
    } else if (memchr("sevxF", c->kind, 5) != NULL
               && (ok || a->verdict == ASG_VERDICT_LATE))
    {
        f->model->counts[SIM_N_RELEASED] += c->kind == 'F';
        sim_limiter_ended(f->model, c->hold, &c->limited,
                          ok && c->kind != 'F');
    }
}


static void
model_see(struct sim_flight *f, const struct sim_command *c,
    const struct sim_answer *a)
{
    bool late = a->verdict == ASG_VERDICT_LATE;

    limiter_see(f, c, a);
    if (a->verdict == ASG_VERDICT_ARG && c->kind != 'o') {
        sim_fail(f->world, "Redis refuses the arguments of %c %s", c->kind,
                 c->hold->id);
    } else if (c->kind == 'o' && c->script == ASG_SCRIPT_FINISH) {
        provider_see(f, c, a);
    } else if (c->kind == 'R') {
        model_see_reserve(f, c, a);
    } else if (c->kind == 'A' && a->verdict == ASG_VERDICT_OK) {
        sim_saw_adopt(f->model, c->hold, a->words[2]);
    } else if (c->kind == 'E' && a->verdict == ASG_VERDICT_OK) {
        sim_saw_extend(f->model, c->hold, a->words[1]);
    } else if (c->kind == 'E' && a->verdict == ASG_VERDICT_GONE) {
        sim_saw_gone(f->model, c->hold);
    } else if (memchr("sevx", c->kind, 4) != NULL
               && (a->verdict == ASG_VERDICT_OK || late))
    {
        if (c->kind == 'x' && c->hold->plain
            && c->hold->expires > sim_redis_now(f->world))
        {
            sim_fail(f->world, "%s was charged before its time", c->hold->id);
        }
        sim_saw_end(f->model, c->hold, c->evidence, late, c->epoch,
                    a->words[1]);
    }
}


void
sim_command_run(struct sim_flight *f, const struct sim_command *c,
    struct sim_answer *answer)
{
    memset(answer, 0, sizeof(*answer));
    answer->raw = script_send(f->world, c);
    answer_read(answer);
    if (answer->raw != NULL && answer->raw->type == REDIS_REPLY_ERROR) {
        error_read(f->world, c, answer);
        f->model->counts[SIM_N_NO_MEMORY]++;
    }
    sim_say(f->world, " %s", answer->no_memory ? "no memory"
            : asg_verdict_text(answer->verdict));
    if (!f->world->failed) {
        model_see(f, c, answer);
    }
}


void
sim_flight_keep(struct sim_flight *f, const struct sim_command *c,
    bool awaited)
{
    struct sim_command *to = NULL;
    unsigned i;

    for (i = 0; i < SIM_COMMANDS && to == NULL; i++) {
        to = f->commands[i].used ? NULL : &f->commands[i];
    }
    if (to == NULL) {
        return;
    }
    *to = *c;
    to->argc = 0;
    to->used = true;
    to->asked = awaited ? c->asked : 0;
    for (i = 0; i < c->argc; i++) {
        sim_command_arg(to, asg_str_z(c->argv[i]));
    }
    f->n++;
    f->model->counts[SIM_N_STRAYS] += !awaited;
}


void
sim_flight_later(void *data, asg_script_t script, size_t nkeys, size_t argc,
    const asg_str_t *argv)
{
    struct sim_flight *f = data;
    struct sim_command c = {.script = script, .nkeys = (unsigned) nkeys,
                            .kind = 'o', .life = f->world->life};
    size_t i;

    if (argc > SIM_ARGS) {
        return;
    }
    for (i = 0; i < argc; i++) {
        sim_command_arg(&c, argv[i]);
    }
    sim_flight_keep(f, &c, false);
    sim_command_free(&c);
}


bool
sim_flight_take(struct sim_flight *f, unsigned nth, struct sim_command *out)
{
    unsigned i;

    for (i = 0; i < SIM_COMMANDS; i++) {
        if (f->commands[i].used && nth-- == 0) {
            *out = f->commands[i];
            memset(&f->commands[i], 0, sizeof(f->commands[i]));
            f->n--;
            return true;
        }
    }

    return false;
}


void
sim_flight_stopped(struct sim_flight *f, asg_script_t script)
{
    unsigned i;

    for (i = 0; i < SIM_COMMANDS; i++) {
        if (f->commands[i].used && f->commands[i].kind == 'o'
            && f->commands[i].script == script)
        {
            sim_command_free(&f->commands[i]);
            f->n--;
        }
    }
}


void
sim_flight_clear(struct sim_flight *f)
{
    struct sim_command c;

    while (sim_flight_take(f, 0, &c)) {
        sim_command_free(&c);
    }
}
