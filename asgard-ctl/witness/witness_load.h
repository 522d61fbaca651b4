/*
 * Witness files into the temporary table `witness` of a connection.
 *
 * One row a line: hold_id, part, rank, amount, held, at, file, line, dead (its
 * worker was gone), over (charged above its hold and says so), pins, project,
 * key, facts.  `witness_files` has their names.
 */
#ifndef CTL_WITNESS_LOAD_H
#define CTL_WITNESS_LOAD_H

#include <stdio.h>

#include "store/pg.h"
#include "witness/witness.h"

/* What a call was charged for, of a detail: an array of text. */
#define CTL_WITNESS_FACTS(d) \
    "ARRAY[" d "->>'card', " d "->>'cv', " d "->>'pt', " d "->>'ct', " \
    d "->>'cat', " d "->>'cwt', " d "->>'rt', " d "->>'cwh', " d "->>'ait', " \
    d "->>'aot']"
#define CTL_WITNESS_FACT_NAMES \
    "ARRAY['card', 'cv', 'pt', 'ct', 'cat', 'cwt', 'rt', 'cwh', 'ait', 'aot']"

/* Lines that cannot be read are told on `out`: damaged ones as rows that break
 * M5, counted in *broken; torn ones as notes. */
bool ctl_witness_load(struct ctl_pg *pg, struct ctl_arena *arena,
    struct ctl_witness *w, const char *const *files, unsigned nfiles,
    FILE *out, unsigned *broken, struct ctl_error *e);

#endif
