/*
 * Commands on their way to Redis: executed now, later, twice or never; their
 * reply comes, comes late, or is lost.
 *
 * A command is bound to the server process that it was sent to: a connection
 * does not outlive it.  Whatever Redis answers, the model sees it; whether the
 * sender does is another matter.
 */
#ifndef SIM_FLIGHT_H
#define SIM_FLIGHT_H

#include "model.h"

#define SIM_COMMANDS   96
#define SIM_ARGS       72
#define SIM_WORDS      ASG_SCRIPT_REPLY_MAX

struct sim_command {
    bool used;
    asg_script_t script;
    unsigned nkeys, argc;
    char *argv[SIM_ARGS];               /* owned */
    unsigned life;                      /* of the server */
    char kind;                          /* R A s e v x E, F release; o: not a
                                         * gateway's */
    struct sim_hold *hold;
    struct sim_evidence *evidence;      /* s e v */
    struct sim_asked limited;          /* limits */
    unsigned part;
    uint64_t epoch;
    int64_t not_after;                  /* R; 0: none */
    unsigned slot;                      /* who waits for the reply */
    uint64_t asked;                     /* 0: nobody */
};

struct sim_answer {
    redisReply *raw;
    asg_str_t words[SIM_WORDS];
    size_t n;                           /* 0: no verdict */
    asg_verdict_t verdict;
    bool no_memory;                     /* Redis refused it before it began */
};

struct sim_flight {
    struct sim_world *world;
    struct sim_model *model;
    struct sim_command commands[SIM_COMMANDS];
    unsigned n;                         /* in use */
};

void sim_command_arg(struct sim_command *c, asg_str_t text);
void sim_command_number(struct sim_command *c, int64_t n);
void sim_command_free(struct sim_command *c);

/* Executes it; the model sees the reply. */
void sim_command_run(struct sim_flight *f, const struct sim_command *c,
    struct sim_answer *answer);
bool sim_answer_came(const struct sim_answer *answer);
void sim_answer_free(struct sim_answer *answer);

/* Keeps a copy for later; when there is no room it is lost. */
void sim_flight_keep(struct sim_flight *f, const struct sim_command *c,
    bool awaited);
/* For sim_trap_script(): what asgard-ctl sent and never heard of. */
void sim_flight_later(void *data, asg_script_t script, size_t nkeys,
    size_t argc, const asg_str_t *argv);
/* One of those kept, taken out; false when there is none. */
bool sim_flight_take(struct sim_flight *f, unsigned nth,
    struct sim_command *out);
/* What asgard-ctl had sent before it was stopped is over: it came in time, or
 * never. */
void sim_flight_stopped(struct sim_flight *f, asg_script_t script);
void sim_flight_clear(struct sim_flight *f);

#endif
