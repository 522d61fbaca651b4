/*
 * /api/ledger and /api/audit: pages, oldest first.
 */
#include "http/handlers.h"

#include <string.h>

#include "http/gate.h"
#include "http/json_out.h"
#include "http/query.h"
#include "ledger/journal_read.h"


static bool
send_page(struct ctl_request *rq, struct ctl_answer *an, const char *plural,
    const struct ctl_page *page, struct ctl_error *e)
{
    cJSON *tree = cJSON_CreateObject();
    cJSON *items = cJSON_AddArrayToObject(tree, plural);
    unsigned i;

    for (i = 0; i < page->n; i++) {
        cJSON_AddItemToArray(items, cJSON_CreateRaw(page->rows[i]));
    }
    ctl_out_text(tree, "next_cursor", page->next);

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_ledger)
{
    struct ctl_ledger_filter f = {.email = ctl_gate_email(rq)};
    const char *limit = NULL;
    const struct ctl_query_field query[] = {
        {"project", &f.project}, {"since", &f.since}, {"until", &f.until},
        {"cursor", &f.cursor}, {"limit", &limit}, {NULL, NULL}
    };
    struct ctl_page page;

    return ctl_query_read(rq, query, e)
           && ctl_query_limit(limit, &f.limit, e)
           && (f.project == NULL || ctl_access_sees_all(&rq->who)
               || ctl_gate_project(rq, f.project, false, e))
           && ctl_ledger_page(rq->worker->pg, &rq->worker->arena, &f, &page,
                              e)
           && send_page(rq, an, "entries", &page, e);
}


/* All of it is for those who see everything; others name a project that they
 * own or manage. */
static bool
gate_audit(struct ctl_request *rq, const char *entity, struct ctl_error *e)
{
    const char *colon = entity != NULL ? strchr(entity, ':') : NULL;

    if (ctl_access_sees_all(&rq->who)) {
        return true;
    }
    if (entity == NULL) {
        return ctl_error_set(e, 403, "forbidden",
                             "Name a project of yours as entity; the whole "
                             "audit log is for administrators and finance.");
    }

    return ctl_gate_project(rq, colon != NULL ? colon + 1 : entity, false, e);
}


CTL_HANDLER(ctl_http_audit)
{
    struct ctl_audit_filter f = {
        .sees_all = ctl_access_sees_all(&rq->who)
    };
    const char *limit = NULL;
    const struct ctl_query_field query[] = {
        {"trace", &f.trace}, {"entity", &f.entity}, {"actor", &f.actor},
        {"action", &f.action}, {"since", &f.since}, {"until", &f.until},
        {"cursor", &f.cursor}, {"limit", &limit}, {NULL, NULL}
    };
    struct ctl_page page;

    return ctl_query_read(rq, query, e)
           && ctl_query_limit(limit, &f.limit, e)
           && gate_audit(rq, f.entity, e)
           && ctl_audit_page(rq->worker->pg, &rq->worker->arena, &f, &page, e)
           && send_page(rq, an, "events", &page, e);
}
