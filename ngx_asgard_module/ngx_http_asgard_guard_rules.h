
/*
 * The guardrails that an operator adds: patterns and word lists.
 *
 * All are read when the configuration is, so `nginx -t` judges them, a reload
 * applies all of them or none, and a worker's set never changes.  Files of
 * words are read then, too.
 */

#ifndef _NGX_HTTP_ASGARD_GUARD_RULES_H_INCLUDED_
#define _NGX_HTTP_ASGARD_GUARD_RULES_H_INCLUDED_


#include "ngx_http_asgard.h"


/* asgard_guardrail NAME pattern|words VALUE [requests=ACTION] [answers=ACTION]
 * [category=WORD] [caseless] */
char *ngx_http_asgard_guard_rules_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
/* All have been read: their tables. */
char *ngx_http_asgard_guard_rules_done(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf);


#endif /* _NGX_HTTP_ASGARD_GUARD_RULES_H_INCLUDED_ */
