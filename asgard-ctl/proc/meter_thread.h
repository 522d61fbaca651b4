/*
 * What the meter's threads share: the meter, and each thread's own things.
 */
#ifndef CTL_METER_THREAD_H
#define CTL_METER_THREAD_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/config.h"
#include "redis/client.h"
#include "store/pg.h"

struct ctl_meter {
    const struct ctl_config *config;
    atomic_bool stop;
    atomic_int open;                    /* partitions that are open here */
    atomic_int drift;                   /* counters found wrong so far */
    atomic_int lost;                    /* records found missing so far */
};

/* One thread's own things. */
struct ctl_meter_thread {
    struct ctl_meter *meter;
    const char *name;
    struct ctl_pg *pg;
    struct ctl_redis *redis;
    struct ctl_arena arena;
    bool away;                          /* an outage was logged */
};

void ctl_meter_pause(int ms);
/* True once in every `every_ms`; *next is 0 at first. */
bool ctl_meter_is_due(int64_t *next, int64_t every_ms);
/* False: a connection cannot be made; close() is due all the same. */
bool ctl_meter_open(struct ctl_meter_thread *w, struct ctl_meter *m,
    const char *name, const char *application);
void ctl_meter_close(struct ctl_meter_thread *w);
/* One line when something goes away and one when it is back; between them
 * the loop tries again at its pace. */
void ctl_meter_note(struct ctl_meter_thread *w, bool ok,
    const struct ctl_error *e);

/* The sealer and the auditor; `data` is the meter. */
void *ctl_meter_seal(void *data);
void *ctl_meter_audit(void *data);

#endif
