/*
 * Key and project records, the catalog: written to Redis with a version guard
 * and announced on the channel of changes.
 */
#ifndef CTL_OUTBOX_RECORD_H
#define CTL_OUTBOX_RECORD_H

#include "core/rkey.h"
#include "redis/client.h"
#include "store/pg.h"

bool ctl_record_send_key(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *key_id, struct ctl_error *e);
bool ctl_record_send_project(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, const char *project_id, struct ctl_error *e);
/* The newest snapshot; nothing when there is none. */
bool ctl_record_send_catalog(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_error *e);
/* Every project and key of a partition, and the catalog: after Redis lost
 * its data.  Resets the arena as it goes. */
bool ctl_record_send_partition(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, unsigned part, struct ctl_error *e);

/* Where the look at all records stands; zero at first. */
struct ctl_record_look {
    char after[ASG_ID_MAX + 1];         /* the last id that was looked at */
    bool keys;                          /* else projects and the catalog */
};

/* One page of the look: at most 200 records that must be in Redis; what is
 * missing is written again and counted to *lost. */
bool ctl_record_tend(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_record_look *look, unsigned *lost,
    struct ctl_error *e);
/* Deletes a record by its name in Redis, with a version, and announces it: one
 * that the database does not know (any more). */
bool ctl_record_take_back(struct ctl_redis *redis, struct ctl_arena *arena,
    const char *name, const char *version, struct ctl_error *e);
/* Tells the gateways that this server process holds every record, once all
 * partitions were filled: until then a key that is missing is not unknown. */
bool ctl_record_note_filled(struct ctl_pg *pg, struct ctl_redis *redis,
    struct ctl_arena *arena, struct ctl_error *e);

#endif
