/*
 * Answers as JSON, written by cJSON; money as exact decimal text.
 *
 * A tree belongs to its maker until ctl_out_send(), which prints it into the
 * request's arena and frees it.  What finds no memory is left out of the tree
 * and remembered for the thread: such a tree is not printed.
 */
#ifndef CTL_JSON_OUT_H
#define CTL_JSON_OUT_H

#include <cjson/cJSON.h>

#include "core/money.h"
#include "http/route.h"

/* Once, before any tree is made, and before the first thread: what cJSON frees
 * is wiped, for the text of a minted key passes through it. */
void ctl_out_init(void);
void ctl_out_begin(void);               /* of a request: nothing is left out */

/* NULL: null */
void ctl_out_text(cJSON *object, const char *name, const char *text);
void ctl_out_usd(cJSON *object, const char *name, asg_nusd_t nusd);
void ctl_out_int(cJSON *object, const char *name, int64_t n);
/* A number or text that is JSON already (from jsonb); NULL: null. */
void ctl_out_raw(cJSON *object, const char *name, const char *json);

/* Prints and frees `tree` (also on failure). */
bool ctl_out_send(struct ctl_request *rq, struct ctl_answer *an, int status,
    cJSON *tree, struct ctl_error *e);
/* Prints and frees `tree` into the arena; null string when memory ran out. */
asg_str_t ctl_out_print(struct ctl_arena *arena, cJSON *tree);

#endif
