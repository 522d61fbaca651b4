/*
 * Rules that can be broken on purpose, by name, to prove that the simulator
 * finds it.
 *
 * A broken script is another text under another digest; a broken rule of
 * asgard-ctl is a function that the linker puts in front of the real one
 * (-Wl,--wrap).  The product has no switch for any of this.
 *
 * In the same way a step can cut what asgard-ctl does in the middle: a trap is
 * set before the call, and the n-th script or commit of the call meets it.
 */
#ifndef SIM_BROKEN_H
#define SIM_BROKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broken_rules.h"
#include "core/script.h"
#include "redis/client.h"

enum sim_trap {
    SIM_TRAP_NONE,
    SIM_TRAP_BEFORE,                    /* it does not happen, and fails */
    SIM_TRAP_AFTER,                     /* it happens, and seems to fail */
    SIM_TRAP_LATER                      /* a script: it happens some time */
};

/* Takes a script that a trap holds back, with its arguments. */
typedef void (*sim_later_pt)(void *data, asg_script_t script, size_t nkeys,
    size_t argc, const asg_str_t *argv);

/* Sees what asgard-ctl told Redis, and the reply. */
typedef void (*sim_seen_pt)(void *data, asg_script_t script, size_t nkeys,
    const asg_str_t *argv, const struct ctl_reply *reply);

/* False: no such rule.  NULL or "" breaks nothing. */
bool sim_broken_set(const char *name);
const char *sim_broken_name(unsigned i);        /* NULL after the last */
/* Is it this one? */
bool sim_broken_is(enum sim_rule_kind kind);
/* Two runs of three lose little; with a broken rule all do, or none. */
bool sim_broken_is_calm(uint64_t seed);
/* What asgard-ctl asks PostgreSQL instead; until the next one is asked. */
const char *sim_broken_sql(const char *sql);
/* Replaces the run id when it is not part of the fence. */
void sim_broken_run_id(char *run_id);

/* NULL: nobody looks any more. */
void sim_scripts_watch(sim_seen_pt seen, void *data);
/* The next script, the next commit count as 1; 0: no trap. */
void sim_trap_script(enum sim_trap how, unsigned nth, sim_later_pt later,
    void *data);
void sim_trap_commit(enum sim_trap how, unsigned nth);
/* True when a trap was met since it was set; both are taken away. */
bool sim_traps_clear(void);

#endif
