/*
 * /api/services: what can be asked for.
 */
#include "http/handlers.h"

#include <string.h>

#include "http/json_out.h"
#include "http/query.h"
#include "ops/service.h"

#define ID_MAX 63


/* The manifest's own fields, and what runs it now. */
static cJSON *
service_json(struct ctl_arena *arena, const struct ctl_service *s)
{
    bool dry_run = strcmp(s->backend, "stub") == 0;
    const char *text = ctl_arena_printf(arena,
        "%.*s, \"backend\": \"%s\", \"dry_run\": %s}",
        (int) strlen(s->shown) - 1, s->shown, s->backend,
        dry_run ? "true" : "false");

    return text != NULL ? cJSON_CreateRaw(text) : NULL;
}


/* A cursor is the id of a service. */
static bool
check_cursor(const char *cursor, struct ctl_error *e)
{
    size_t i;

    for (i = 0; cursor[i] != '\0'; i++) {
        if (i == ID_MAX
            || (cursor[i] != '-' && (cursor[i] < '0' || cursor[i] > '9')
                && (cursor[i] < 'a' || cursor[i] > 'z')))
        {
            return ctl_error_field(e, "invalid_value", "cursor",
                                   "cursor is not one that was given out.");
        }
    }

    return true;
}


CTL_HANDLER(ctl_http_service_list)
{
    const char *limit = NULL, *cursor = NULL;
    const struct ctl_query_field query[] = {
        {"limit", &limit}, {"cursor", &cursor}, {NULL, NULL}
    };
    struct ctl_service *services;
    unsigned most, n, i;
    bool more;
    cJSON *tree, *list;

    if (!ctl_query_read(rq, query, e) || !ctl_query_limit(limit, &most, e)
        || (cursor != NULL && !check_cursor(cursor, e))
        || !ctl_service_list(rq->worker->pg, &rq->worker->arena,
                             cursor != NULL ? cursor : "", most, &services,
                             &n, &more, e))
    {
        return false;
    }
    tree = cJSON_CreateObject();
    list = cJSON_AddArrayToObject(tree, "services");
    for (i = 0; i < n; i++) {
        cJSON_AddItemToArray(list, service_json(&rq->worker->arena,
                                                &services[i]));
    }
    ctl_out_text(tree, "next_cursor", more ? services[n - 1].id : NULL);

    return ctl_out_send(rq, an, 200, tree, e);
}


CTL_HANDLER(ctl_http_service_get)
{
    struct ctl_service s;

    struct ctl_arena *arena = &rq->worker->arena;

    return ctl_service_get(rq->worker->pg, arena, rq->param[0], &s, e)
           && ctl_out_send(rq, an, 200, service_json(arena, &s), e);
}
