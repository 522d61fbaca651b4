/* Names of Redis keys. */
#include "core/rkey.h"

#define FNV_OFFSET       UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME        UINT64_C(0x100000001b3)
#define BUDGET_ID_MAX    (ASG_ID_MAX + 2)       /* "p." or "k." and an id */
#define DIGEST_BYTES     32

static bool is_id_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
}

static bool is_id(asg_str_t id, size_t max)
{
    for (size_t i = 0; i < id.len && i < max; i++) {
        if (!is_id_char(id.data[i])) {
            return false;
        }
    }
    return id.len >= 1 && id.len <= max;
}

bool asg_id_is_valid(asg_str_t id)
{
    return is_id(id, ASG_ID_MAX);
}

static asg_buf_t begin(char out[ASG_RKEY_MAX])
{
    asg_buf_t b;

    asg_buf_init(&b, out, ASG_RKEY_MAX - 1);
    return b;
}

/* "{pNN}": what is in the braces decides the cluster slot. */
static asg_buf_t begin_part(char out[ASG_RKEY_MAX], unsigned part)
{
    asg_buf_t b = begin(out);
    const char name[] = {'{', 'p', (char) ('0' + part / 10 % 10),
                         (char) ('0' + part % 10), '}', ':'};

    if (part >= ASG_PARTITIONS) {
        b.full = true;
    }
    asg_buf_put(&b, name, sizeof(name));
    return b;
}

static void put_id(asg_buf_t *b, asg_str_t id, size_t max)
{
    if (!is_id(id, max)) {
        b->full = true;
    }
    asg_buf_str(b, id);
}

/* An argument outside its grammar must not become the name of another key. */
static size_t end(asg_buf_t *b)
{
    if (!asg_buf_ok(b)) {
        b->len = 0;
    }
    b->data[b->len] = '\0';
    return b->len;
}

size_t asg_rkey_key(char out[ASG_RKEY_MAX], asg_str_t pepper_id,
    const uint8_t digest[32])
{
    asg_buf_t b = begin(out);

    asg_buf_z(&b, ASG_RKEY_KEY_HEAD);
    put_id(&b, pepper_id, ASG_ID_MAX);
    asg_buf_z(&b, ":");
    asg_buf_hex(&b, digest, DIGEST_BYTES);
    return end(&b);
}

size_t asg_rkey_project(char out[ASG_RKEY_MAX], asg_str_t project_id)
{
    asg_buf_t b = begin(out);

    asg_buf_z(&b, ASG_RKEY_PROJECT_HEAD);
    put_id(&b, project_id, ASG_ID_MAX);
    return end(&b);
}

size_t asg_rkey_meta(char out[ASG_RKEY_MAX], unsigned part)
{
    asg_buf_t b = begin_part(out, part);

    asg_buf_put(&b, "m", 1);
    return end(&b);
}

static size_t of_scope(char out[ASG_RKEY_MAX], unsigned part, const char *head,
    asg_str_t scope)
{
    asg_buf_t b = begin_part(out, part);

    asg_buf_z(&b, head);
    put_id(&b, scope, BUDGET_ID_MAX);
    return end(&b);
}

size_t asg_rkey_budget(char out[ASG_RKEY_MAX], unsigned part, asg_str_t budget)
{
    return of_scope(out, part, "b:", budget);
}

size_t asg_rkey_users(char out[ASG_RKEY_MAX], unsigned part,
    asg_str_t default_budget)
{
    return of_scope(out, part, "e:", default_budget);
}

size_t asg_rkey_rates(char out[ASG_RKEY_MAX], unsigned part, asg_str_t scope)
{
    return of_scope(out, part, "r:", scope);
}

size_t asg_rkey_open(char out[ASG_RKEY_MAX], unsigned part, asg_str_t scope)
{
    return of_scope(out, part, "o:", scope);
}

size_t asg_rkey_hold(char out[ASG_RKEY_MAX], unsigned part, asg_str_t hold)
{
    asg_buf_t b = begin_part(out, part);

    asg_buf_put(&b, "h:", 2);
    put_id(&b, hold, ASG_ID_MAX);
    return end(&b);
}

size_t asg_rkey_expiry(char out[ASG_RKEY_MAX], unsigned part)
{
    asg_buf_t b = begin_part(out, part);

    asg_buf_put(&b, "x", 1);
    return end(&b);
}

static size_t of_epoch(char out[ASG_RKEY_MAX], unsigned part, const char *head,
    uint64_t epoch)
{
    asg_buf_t b = begin_part(out, part);

    asg_buf_z(&b, head);
    asg_buf_u64(&b, epoch);
    return end(&b);
}

size_t asg_rkey_stream(char out[ASG_RKEY_MAX], unsigned part, uint64_t epoch)
{
    return of_epoch(out, part, "u:", epoch);
}

size_t asg_rkey_told(char out[ASG_RKEY_MAX], unsigned part, uint64_t epoch)
{
    return of_epoch(out, part, "a:", epoch);
}

unsigned asg_partition_of(asg_str_t group_or_project)
{
    uint64_t hash = FNV_OFFSET;

    for (size_t i = 0; i < group_or_project.len; i++) {
        hash = (hash ^ (uint8_t) group_or_project.data[i]) * FNV_PRIME;
    }
    return (unsigned) (hash % ASG_PARTITIONS);
}
