/*
 * Openings as Redis took them.
 */
#include "opened.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_BYTES 48                     /* of a stream id */


/* Does a list of pins name the budget, and not the pin? */
static bool
is_outside(const char *pins, const char *budget, const char *pin)
{
    size_t len = strlen(budget), n;
    bool named = false;

    for ( ; *pins != '\0'; pins += n + (pins[n] == ',')) {
        n = strcspn(pins, ",");
        if (n == strlen(pin) && strncmp(pins, pin, n) == 0) {
            return false;
        }
        named = named || (strncmp(pins, budget, len) == 0
                          && pins[len] == ':');
    }

    return named;
}


/* What the ledger has of the period without the pin. */
static bool
ledger_sum(struct sim_model *m, const struct sim_pin *pin, int64_t *sum)
{
    const char *budget = m->budgets[pin->budget].id;
    struct ctl_rows rows;
    unsigned r;

    *sum = 0;
    if (!sim_sql(m->world, &rows, "SELECT balance_nano, pins FROM holds"
                 " WHERE ended_at >= to_timestamp(%1$s) OR (first_seen >="
                 " to_timestamp(%1$s) AND ended_at >= to_timestamp(%1$s)"
                 " - interval '5 s')", strrchr(pin->text, ':') + 1))
    {
        return false;
    }
    for (r = 0; r < rows.nrows; r++) {
        if (is_outside(ctl_rows_at(&rows, r, 1), budget, pin->text)) {
            *sum += ctl_rows_i64(&rows, r, 0);
        }
    }

    return true;
}


/* "<id>:<amount>:<stream-id>" of a window, taken apart; false: Redis has none.
 * `last` has room for ID_BYTES. */
static bool
opened_read(struct sim_model *m, unsigned budget, unsigned window,
    long long *id, long long *amount, char *last)
{
    const struct sim_budget *b = &m->budgets[budget];
    char key[ASG_RKEY_MAX];
    redisReply *reply;
    bool there;

    (void) asg_rkey_budget(key, b->part, asg_str_z(b->id));
    reply = sim_redisf(m->world, "HGET %s o:%s", key, b->windows[window]);
    there = reply != NULL && reply->type == REDIS_REPLY_STRING
            && sscanf(reply->str, "%lld:%lld:%47s", id, amount, last) == 3;
    if (reply != NULL) {
        freeReplyObject(reply);
    }

    return there;
}


static const char *
field_of(const redisReply *event, const char *name)
{
    const redisReply *fields = event->element[1];
    size_t i;

    for (i = 0; i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, name) == 0) {
            return fields->element[i + 1]->str;
        }
    }

    return "";
}


/* Adds what the events moved that the ledger has not read; `newest` is the last
 * of the stream, read or not, and has room for ID_BYTES. */
static bool
unread_add(struct sim_model *m, const struct sim_pin *pin, int64_t *sum,
    char *newest)
{
    const struct sim_budget *b = &m->budgets[pin->budget];
    char key[ASG_RKEY_MAX];
    struct ctl_rows rows;
    redisReply *events;
    size_t i;

    if (!sim_sql(m->world, &rows, "SELECT p.epoch, coalesce(c.last_id, '0-0')"
                 " FROM partitions p LEFT JOIN cursors c USING (partition,"
                 " epoch) WHERE p.partition = %u", b->part)
        || rows.nrows == 0)
    {
        return false;
    }
    snprintf(newest, ID_BYTES, "%s", ctl_rows_at(&rows, 0, 1));
    (void) asg_rkey_stream(key, b->part, (uint64_t) ctl_rows_i64(&rows, 0, 0));
    events = sim_redisf(m->world, "XRANGE %s (%s +", key, newest);
    for (i = 0; events != NULL && i < events->elements; i++) {
        snprintf(newest, ID_BYTES, "%s", events->element[i]->element[0]->str);
        if (is_outside(field_of(events->element[i], "p"), b->id, pin->text)) {
            *sum += strtoll(field_of(events->element[i], "d"), NULL, 10);
        }
    }
    if (events != NULL) {
        freeReplyObject(events);
    }

    return true;
}


bool
sim_opened_sum(struct sim_model *m, const struct sim_pin *pin,
    int64_t amount, int64_t *sum, bool *past)
{
    char taken[ID_BYTES], newest[ID_BYTES];
    long long id, said;

    *past = false;
    if (!ledger_sum(m, pin, sum)) {
        return false;
    }
    if (!opened_read(m, pin->budget, pin->window, &id, &said, taken)
        || id != strtoll(strrchr(pin->text, ':') + 1, NULL, 10)
        || said != amount)
    {
        return true;
    }
    if (!unread_add(m, pin, sum, newest)) {
        return false;
    }
    *past = strcmp(taken, newest) != 0;

    return true;
}


void
sim_opened_note(struct sim_model *m)
{
    char text[128], last[ID_BYTES];
    unsigned place[SIM_PINS_HOLD], i, k;
    long long id, amount;
    struct sim_pin *pin;

    for (i = 0; i < m->nbudgets; i++) {
        for (k = 0; k < m->budgets[i].nwindows; k++) {
            if (!opened_read(m, i, k, &id, &amount, last)) {
                continue;
            }
            snprintf(text, sizeof(text), "%s:%s:%lld", m->budgets[i].id,
                     m->budgets[i].windows[k], id);
            if (sim_pins_find(m, text, place) != 1) {
                return;
            }
            pin = &m->pins[place[0]];
            pin->opening_high = amount > pin->opening_high ? amount
                                                           : pin->opening_high;
        }
    }
}
