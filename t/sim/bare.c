/*
 * Counters that Redis lost, while the rest of their budget is there.
 */
#include "bare.h"

#include <stdio.h>
#include <string.h>


/* Of the period in use: what is to come may be opened at its beginning. */
void
sim_counter_deleted(struct sim_model *m, const struct sim_budget *b,
    const char *field)
{
    const char *id = strrchr(field, ':');
    unsigned place[SIM_PINS_HOLD];
    char key[ASG_RKEY_MAX], text[128];
    redisReply *reply;

    if ((field[0] != 's' && field[0] != 'h') || field[1] != ':' || id == NULL) {
        return;
    }
    (void) asg_rkey_budget(key, b->part, asg_str_z(b->id));
    reply = sim_redisf(m->world, "HGET %s c:%b", key, field + 2,
                       (size_t) (id - field) - 2);
    snprintf(text, sizeof(text), "%s:%s", b->id, field + 2);
    if (reply != NULL && reply->type == REDIS_REPLY_STRING
        && strcmp(reply->str, id + 1) == 0
        && sim_pins_find(m, text, place) == 1)
    {
        m->pins[place[0]].bare = true;
    }
    if (reply != NULL) {
        freeReplyObject(reply);
    }
}


void
sim_counters_new(struct sim_model *m, const struct sim_budget *b)
{
    unsigned i;

    for (i = 0; i < SIM_PINS; i++) {
        if (&m->budgets[m->pins[i].budget] == b) {
            m->pins[i].bare = false;
        }
    }
}


void
sim_part_new(struct sim_model *m, unsigned part)
{
    unsigned i;

    for (i = 0; i < m->nbudgets; i++) {
        if (m->budgets[i].part == part) {
            sim_counters_new(m, &m->budgets[i]);
        }
    }
}
