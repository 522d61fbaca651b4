/*
 * Parsing and joining a batch of usage events.
 */
#include "meter/drain_batch.h"

#include <string.h>

#include "base/json_put.h"
#include "base/log.h"

#define ENTRY_BYTES 512                 /* of JSON beside detail and pins */


static bool
amount_of(const struct ctl_reply *fields, const char *name, asg_nusd_t *out)
{
    uint64_t n;

    if (!asg_str_u64(ctl_reply_field(fields, name), &n) || n > ASG_NUSD_MAX) {
        return false;
    }
    *out = (asg_nusd_t) n;

    return true;
}


/* What stands up to `end` or the next `stop`, which `*at` passes. */
static asg_str_t
part_take(const char **at, const char *end, char stop)
{
    const char *found = memchr(*at, stop, (size_t) (end - *at));
    asg_str_t part = {*at, (size_t) ((found != NULL ? found : end) - *at)};

    *at = found != NULL ? found + 1 : end;

    return part;
}


static bool
pin_is_valid(asg_str_t pin)
{
    const char *at = pin.data, *end = pin.data + pin.len;
    asg_str_t budget = part_take(&at, end, ':');
    asg_str_t window = part_take(&at, end, ':');
    asg_str_t id = {at, (size_t) (end - at)};
    uint64_t start;

    return asg_id_is_valid(budget) && asg_id_is_valid(window)
           && window.len <= ASG_SCRIPT_WINDOW_CHARS
           && asg_str_u64(id, &start) && start <= ASG_NUSD_MAX;
}


/* Pins that name no counters move none; the event itself still counts. */
static asg_str_t
pins_of(const struct ctl_reply *fields)
{
    asg_str_t pins = ctl_reply_field(fields, "p");
    const char *at = pins.data, *end = pins.data + pins.len;

    while (at < end) {
        if (!pin_is_valid(part_take(&at, end, ','))) {
            return ASG_STR("");
        }
    }

    return pins.len <= ASG_SCRIPT_PINS_BYTES ? pins : ASG_STR("");
}


int64_t
ctl_event_time_ms(asg_str_t stream_id)
{
    const char *dash = memchr(stream_id.data, '-', stream_id.len);
    uint64_t ms = 0;

    if (dash != NULL) {
        stream_id.len = (size_t) (dash - stream_id.data);
    }

    return asg_str_u64(stream_id, &ms) && ms <= ASG_NUSD_MAX ? (int64_t) ms
                                                             : 0;
}


/* "<epoch>:<number>"; of an event without, or of anything else, 0. */
static void
number_read(asg_str_t text, struct ctl_event *to)
{
    const char *at = text.data, *end = text.data + text.len;
    asg_str_t epoch = part_take(&at, end, ':');
    asg_str_t number = {at, (size_t) (end - at)};

    if (!asg_str_u64(epoch, &to->epoch) || !asg_str_u64(number, &to->number)
        || to->number > ASG_NUSD_MAX)
    {
        to->epoch = to->number = 0;
    }
}


/* As Redis had it or the gateway says; of a replayed line the detail; and what
 * expires is charged all that it held.  -1: not told. */
static asg_nusd_t
held_of(const struct ctl_reply *fields, asg_str_t verb,
    const struct ctl_event *ev)
{
    asg_nusd_t held;

    if (amount_of(fields, "h", &held)) {
        return held;
    }

    return ev->detail.held_nusd < 0 && verb.data[0] == 'x'
           ? ev->evidence.amount_nusd : ev->detail.held_nusd;
}


static bool
event_parse(struct ctl_batch *b, const struct ctl_reply *entry,
    struct ctl_event *to)
{
    const struct ctl_reply *fields = &entry->items[1];
    asg_str_t verb = ctl_reply_field(fields, "v");
    asg_nusd_t amount;

    to->at_ms = ctl_event_time_ms(entry->items[0].text);

    to->hold = ctl_reply_field(fields, "i");
    to->pins = pins_of(fields);
    if (!asg_id_is_valid(to->hold) || verb.len != 1
        || !amount_of(fields, "a", &amount)
        || !amount_of(fields, "d", &to->moved_nusd)
        || !ctl_evidence_of_verb(verb.data[0], amount, &to->evidence))
    {
        return false;
    }
    ctl_detail_read(b->leader->json, ctl_reply_field(fields, "x"), to->pins,
                    &to->detail);
    to->held_nusd = held_of(fields, verb, to);
    number_read(ctl_reply_field(fields, "n"), to);

    return true;
}


bool
ctl_batch_read(struct ctl_batch *b, const struct ctl_reply *entries, size_t n,
    struct ctl_error *e)
{
    struct ctl_event *to;
    size_t i;

    for (i = 0; i < n && i < CTL_DRAIN_BATCH; i++) {
        to = &b->events[b->nevents];
        if (entries[i].nitems != 2
            || !event_parse(b, &entries[i], to))
        {
            ctl_log(CTL_LOG_ERROR, "partition %u: an entry of the usage "
                    "stream is no usage event and was passed over",
                    b->partition->part);
            continue;
        }
        b->nevents++;
    }

    return !b->leader->arena->failed
           || ctl_error_internal(e, "out of memory");
}


static struct ctl_hold *
hold_find(struct ctl_batch *b, asg_str_t id)
{
    unsigned i;

    for (i = 0; i < b->nholds; i++) {
        if (asg_str_eq(b->holds[i].id, id)) {
            return &b->holds[i];
        }
    }

    return NULL;
}


static void
hold_load(struct ctl_hold *h, const struct ctl_rows *rows, unsigned i)
{
    const char *held = ctl_rows_at(rows, i, 4);

    h->id = asg_str_z(ctl_rows_at(rows, i, 0));
    h->pins = asg_str_z(ctl_rows_at(rows, i, 1));
    h->evidence.known = true;
    h->evidence.best.rank = (enum ctl_evidence_rank) ctl_rows_i64(rows, i, 2);
    h->evidence.best.amount_nusd = ctl_rows_i64(rows, i, 3);
    h->held_nusd = held != NULL ? ctl_rows_i64(rows, i, 4) : -1;
    h->next_seq = (int) ctl_rows_i64(rows, i, 5);
    h->evidence.entered = h->next_seq > 1;
    h->detail = asg_str_z(ctl_rows_at(rows, i, 6));
    h->project = asg_str_z(ctl_rows_at(rows, i, 7));
    h->key = asg_str_z(ctl_rows_at(rows, i, 8));
    h->evidence.least_nusd = ctl_rows_i64(rows, i, 9);
}


/* {hold,hold,…} of the events; NULL: no memory. */
static const char *
ids_text(struct ctl_batch *b)
{
    size_t bytes = 3 + (size_t) b->nevents * (ASG_ID_MAX + 1);
    asg_buf_t ids;
    unsigned i;

    asg_buf_init(&ids, ctl_arena_alloc(b->leader->arena, bytes), bytes - 1);
    asg_buf_z(&ids, "{");
    for (i = 0; i < b->nevents; i++) {
        asg_buf_z(&ids, i ? "," : "");
        asg_buf_str(&ids, b->events[i].hold);
    }
    asg_buf_z(&ids, "}");

    return ids.data != NULL && asg_buf_ok(&ids) ? ids.data : NULL;
}


/* A provider's record that nobody has written down is no better than none: it
 * counts as the least evidence that charges. */
static bool
provider_check(struct ctl_batch *b, struct ctl_event *ev, struct ctl_error *e)
{
    struct ctl_rows rows;

    if (!CTL_PG(b->leader->pg, b->leader->arena, &rows, e,
            "SELECT FROM provider_records WHERE hold_id = $1"
            " AND amount_nano = $2",
            ctl_arena_text(b->leader->arena, ev->hold.data, ev->hold.len),
            ctl_arena_printf(b->leader->arena, "%lld",
                             (long long) ev->evidence.amount_nusd)))
    {
        return false;
    }
    if (rows.nrows == 0) {
        ctl_log(CTL_LOG_ERROR, "partition %u: a usage event of hold %.*s has "
                "the rank of a provider's record, and there is none",
                b->partition->part, (int) ev->hold.len, ev->hold.data);
        ev->evidence.rank = CTL_EVIDENCE_EXPIRY;
    }

    return true;
}


static bool
providers_check(struct ctl_batch *b, struct ctl_error *e)
{
    unsigned i;

    for (i = 0; i < b->nevents; i++) {
        if (b->events[i].evidence.rank == CTL_EVIDENCE_PROVIDER
            && !provider_check(b, &b->events[i], e))
        {
            return false;
        }
    }

    return true;
}


/* What the ledger knows of the holds of the batch. */
static bool
holds_load(struct ctl_batch *b, struct ctl_error *e)
{
    const char *ids = ids_text(b);
    struct ctl_rows rows;
    unsigned i;

    if (ids == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (!CTL_PG(b->leader->pg, b->leader->arena, &rows, e,
            "SELECT hold_id, pins, rank, balance_nano, held_nano, next_seq,"
            " detail, project_id, coalesce(key_id::text, ''),"
            " coalesce(least_nano, -1) FROM holds"
            " WHERE hold_id = ANY ($1::text[])", ids))
    {
        return false;
    }
    for (i = 0; i < rows.nrows && b->nholds < CTL_DRAIN_BATCH; i++) {
        hold_load(&b->holds[b->nholds++], &rows, i);
    }

    return true;
}


static unsigned
events_of(const struct ctl_batch *b, asg_str_t id)
{
    unsigned i, n = 0;

    for (i = 0; i < b->nevents; i++) {
        n += asg_str_eq(b->events[i].hold, id);
    }

    return n;
}


static struct ctl_hold *
hold_of(struct ctl_batch *b, const struct ctl_event *ev)
{
    struct ctl_hold *h = hold_find(b, ev->hold);

    if (h == NULL) {
        /* never more holds than events */
        h = &b->holds[b->nholds++];
        h->id = ev->hold;
        h->pins = ev->pins;
        h->detail = ev->detail.json;
        h->project = ev->detail.project;
        h->key = ev->detail.key;
        h->held_nusd = -1;
        h->ended_ms = ev->at_ms;
        h->next_seq = 1;
    }
    if (h->pins.len == 0) {
        h->pins = ev->pins;     /* voided before its reserve was heard of */
    }
    if (h->project.len == 0) {
        h->project = ev->detail.project;
    }

    return h;
}


static void
entry_put(struct ctl_batch *b, const struct ctl_event *ev, struct ctl_hold *h,
    const struct ctl_evidence_change *change)
{
    asg_buf_t *out = &b->entries;
    bool empty = ev->detail.json.len <= 2;

    asg_buf_z(out, b->nentries++ > 0 ? "," : "[");
    ctl_put_i64(out, "{\"n\":", b->nentries);
    ctl_put_text(out, ",\"hold_id\":", h->id);
    ctl_put_i64(out, ",\"seq\":", h->next_seq++);
    ctl_put_text(out, ",\"kind\":",
                 asg_str_z(ctl_evidence_kind(change->entry)));
    ctl_put_i64(out, ",\"delta_nano\":", change->delta_nusd);
    ctl_put_i64(out, ",\"rank\":", ev->evidence.rank);
    ctl_put_i64(out, ",\"at_ms\":", ev->at_ms);
    ctl_put_text(out, ",\"cause\":",
                 asg_str_z(ctl_evidence_cause(ev->evidence.rank)));
    ctl_put_text(out, ",\"project_id\":", h->project);
    if (ev->detail.project_version > 0) {
        ctl_put_i64(out, ",\"project_version\":", ev->detail.project_version);
    }
    if (h->key.len > 0) {
        ctl_put_text(out, ",\"key_id\":", h->key);
    }
    asg_buf_z(out, ",\"detail\":");
    asg_buf_str(out, empty ? h->detail : ev->detail.json);
    asg_buf_z(out, "}");
}


/* Never more sums than events; at most 2^53 each, so that 512 have room. */
static void
sum_add(struct ctl_batch *b, asg_str_t pins, asg_nusd_t delta)
{
    unsigned i = 0;

    while (i < b->nsums && !asg_str_eq(b->sums[i].pins, pins)) {
        i++;
    }
    if (i == b->nsums) {
        b->sums[i] = (struct ctl_pins_sum) {pins, 0};
        b->nsums++;
    }
    b->sums[i].delta_nusd += delta;
}


static void
owed_put(struct ctl_batch *b, asg_str_t hold, asg_str_t pins,
    asg_nusd_t delta)
{
    if (delta == 0 || pins.len == 0) {
        return;
    }
    asg_buf_z(&b->owed, b->nowed++ > 0 ? "," : "[");
    ctl_put_i64(&b->owed, "{\"n\":", b->nowed);
    ctl_put_text(&b->owed, ",\"hold_id\":", hold);
    ctl_put_i64(&b->owed, ",\"delta_nano\":", delta);
    ctl_put_text(&b->owed, ",\"pins\":", pins);
    asg_buf_z(&b->owed, "}");
}


/* Is it the event that the script wrote next?  What was added to the stream
 * otherwise, or after events that are gone, may be a copy: what it says counts
 * as far as it is news, which a copy has none of, but not that Redis moved
 * anything for it. */
static bool
number_take(struct ctl_batch *b, const struct ctl_event *ev)
{
    if (ev->number == 0) {
        return true;
    }
    if (ev->epoch != b->epoch || ev->number <= b->last_number) {
        return false;
    }
    if (ev->number > b->last_number + 1) {
        b->disturbed = true;
        b->last_number = ev->number;
        return false;
    }
    b->last_number++;

    return true;
}


static void
event_join(struct ctl_batch *b, const struct ctl_event *ev)
{
    bool next = number_take(b, ev);
    asg_nusd_t moved = b->current && next ? ev->moved_nusd : 0;
    struct ctl_hold *h = hold_of(b, ev);
    struct ctl_evidence_change change;

    if (h->held_nusd < 0) {
        h->held_nusd = ev->held_nusd;
    }
    ctl_evidence_join(&h->evidence, &ev->evidence, h->held_nusd, &change);
    if (change.better && ev->detail.json.len > 2) {
        h->detail = ev->detail.json;
    }
    if (h->key.len == 0) {
        h->key = ev->detail.key;
    }
    if (!next && b->current) {
        b->ncopies += !change.better;
        b->disturbed = b->disturbed || change.better;
    }
    if (change.entry != CTL_ENTRY_NONE) {
        entry_put(b, ev, h, &change);
        sum_add(b, h->pins, change.delta_nusd);
    }
    if (asg_str_eq(h->pins, ev->pins)) {
        owed_put(b, h->id, h->pins, change.delta_nusd - moved);
    } else {
        owed_put(b, h->id, h->pins, change.delta_nusd);
        owed_put(b, h->id, ev->pins, -moved);
    }
}


/* Room for what event_join() writes: an entry with the detail of the event or
 * of its hold, and corrections on the pins of both. */
static bool
buffers_init(struct ctl_batch *b, struct ctl_error *e)
{
    struct ctl_arena *arena = b->leader->arena;
    size_t bytes = ENTRY_BYTES;
    unsigned i;

    for (i = 0; i < b->nevents; i++) {
        bytes += ENTRY_BYTES + b->events[i].detail.json.len
                 + 3 * b->events[i].pins.len;
    }
    for (i = 0; i < b->nholds; i++) {
        /* each event may write what stands in its hold */
        bytes += (b->holds[i].detail.len + 2 * b->holds[i].pins.len)
                 * events_of(b, b->holds[i].id);
    }
    asg_buf_init(&b->entries, ctl_arena_alloc(arena, bytes), bytes);
    asg_buf_init(&b->owed, ctl_arena_alloc(arena, bytes), bytes);

    return !arena->failed || ctl_error_internal(e, "out of memory");
}


bool
ctl_batch_join(struct ctl_batch *b, struct ctl_error *e)
{
    unsigned i;

    if (b->nevents == 0) {
        return true;
    }
    if (!providers_check(b, e) || !holds_load(b, e) || !buffers_init(b, e)) {
        return false;
    }
    for (i = 0; i < b->nevents; i++) {
        event_join(b, &b->events[i]);
    }
    asg_buf_z(&b->entries, b->nentries ? "]" : "[]");
    asg_buf_z(&b->owed, b->nowed ? "]" : "[]");
    asg_buf_put(&b->entries, "", 1);
    asg_buf_put(&b->owed, "", 1);

    return (asg_buf_ok(&b->entries) && asg_buf_ok(&b->owed))
           || ctl_error_internal(e, "a batch of usage events is too large");
}
