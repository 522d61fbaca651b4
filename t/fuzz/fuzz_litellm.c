/*
 * What LiteLLM answers: each verdict is one that the status allows, amounts are
 * within their bounds, texts lie within the body.
 *
 * Input: two bytes, the status; the body.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/litellm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static asg_json_t json;

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static void must_lie_in(asg_str_t part, asg_str_t whole)
{
    must(part.len == 0 || (part.data >= whole.data
                           && part.data + part.len <= whole.data + whole.len));
}

static void read_key(asg_str_t object, asg_str_t body)
{
    asg_litellm_key_t key;

    if (asg_litellm_key(object, &key) != ASG_OK) {
        return;
    }
    must(key.spend_nusd >= 0 && key.spend_nusd <= ASG_NUSD_MAX);
    must(key.max_nusd >= -1 && key.max_nusd <= ASG_NUSD_MAX);
    must(key.hash.len == 0 || key.hash.len == ASG_LITELLM_HASH);
    must_lie_in(key.hash, body);
    must_lie_in(key.alias, body);
}

static void read_rest(asg_str_t object, asg_str_t body)
{
    static const unsigned least[3] = {1, 96, 2};
    asg_litellm_ready_t ready;
    asg_view_t items;
    asg_str_t item;
    int64_t pages;

    if (asg_litellm_page(object, &items, &pages) == ASG_OK) {
        must(pages >= 0);
        while (asg_view_item(&items, &item)) {
            read_key(item, body);
        }
    }
    if (asg_litellm_ready(object, &ready) == ASG_OK) {
        must_lie_in(ready.version, body);
        (void) asg_litellm_version_is(ready.version, least);
    }
}

/* An amount never grows smaller by more digits behind it. */
static void read_usd(asg_str_t body)
{
    asg_nusd_t all, less;

    if (body.len > 1 && body.data[body.len - 1] != '.'
        && memchr(body.data, '.', body.len - 1) != NULL
        && memchr(body.data, 'e', body.len) == NULL
        && memchr(body.data, 'E', body.len) == NULL
        && asg_litellm_usd(body, &all) == ASG_OK
        && asg_litellm_usd((asg_str_t) {body.data, body.len - 1}, &less)
           == ASG_OK)
    {
        must(less <= all);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_litellm_verdict_t verdict;
    asg_str_t body, object;
    unsigned status;

    if (size < 2) {
        return 0;
    }
    status = (data[0] * 256u + data[1]) % 700;
    body = (asg_str_t) {(const char *) data + 2, size - 2};
    verdict = asg_litellm_answer(&json, 1, status, body, &object);
    must(verdict < ASG_LITELLM_VERDICTS);
    must((verdict == ASG_LITELLM_DONE) == (object.data != NULL));
    must(verdict != ASG_LITELLM_DONE || status / 100 == 2);
    if (object.data != NULL) {
        must_lie_in(object, body);
        read_key(object, body);
        read_key(asg_view_find(object, "info"), body);
        read_rest(object, body);
    }
    read_usd(body);
    return 0;
}
