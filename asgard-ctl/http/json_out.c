/*
 * JSON answers.
 */
#include "http/json_out.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

static _Thread_local bool left_out;


static void *
out_malloc(size_t n)
{
    void *p = malloc(n);

    left_out = left_out || p == NULL;

    return p;
}


static void
wipe_and_free(void *p)
{
    if (p != NULL) {
        OPENSSL_cleanse(p, malloc_usable_size(p));
        free(p);
    }
}


void
ctl_out_init(void)
{
    cJSON_InitHooks(&(cJSON_Hooks) {.malloc_fn = out_malloc,
                                    .free_fn = wipe_and_free});
}


void
ctl_out_begin(void)
{
    left_out = false;
}


void
ctl_out_text(cJSON *object, const char *name, const char *text)
{
    if (text != NULL) {
        cJSON_AddStringToObject(object, name, text);
    } else {
        cJSON_AddNullToObject(object, name);
    }
}


void
ctl_out_usd(cJSON *object, const char *name, asg_nusd_t nusd)
{
    char text[ASG_MONEY_TEXT];

    asg_money_format(nusd, text);
    cJSON_AddRawToObject(object, name, text);
}


/* cJSON holds numbers as doubles, so an integer goes in as text. */
void
ctl_out_int(cJSON *object, const char *name, int64_t n)
{
    char text[24];

    snprintf(text, sizeof(text), "%lld", (long long) n);
    cJSON_AddRawToObject(object, name, text);
}


void
ctl_out_raw(cJSON *object, const char *name, const char *json)
{
    if (json != NULL) {
        cJSON_AddRawToObject(object, name, json);
    } else {
        cJSON_AddNullToObject(object, name);
    }
}


asg_str_t
ctl_out_print(struct ctl_arena *arena, cJSON *tree)
{
    char *text = cJSON_PrintUnformatted(tree);
    const char *copy;

    cJSON_Delete(tree);
    if (text == NULL || left_out) {
        free(text);
        return ASG_STR_NULL;
    }
    copy = ctl_arena_printf(arena, "%s\n", text);
    cJSON_free(text);

    return asg_str_z(copy);
}


bool
ctl_out_send(struct ctl_request *rq, struct ctl_answer *an, int status,
    cJSON *tree, struct ctl_error *e)
{
    an->status = status;
    an->body = ctl_out_print(&rq->worker->arena, tree);

    return an->body.data != NULL || ctl_error_internal(e, "out of memory");
}
