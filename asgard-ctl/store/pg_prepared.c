/*
 * The names of prepared statements.
 */
#include "store/pg_prepared.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENTS_MAX  64
#define SEEN            256             /* a power of two */
#define NAME_BYTES      24

struct ctl_pg_prepared {
    unsigned n;
    unsigned number;                    /* of the next; none comes again */
    struct {
        uint64_t hash;
        char *sql;
        unsigned number;
    } statement[STATEMENTS_MAX];
    uint64_t seen[SEEN];                /* hashes of what came once */
    char name[NAME_BYTES];
};


struct ctl_pg_prepared *
ctl_pg_prepared_open(void)
{
    return calloc(1, sizeof(struct ctl_pg_prepared));
}


void
ctl_pg_prepared_close(struct ctl_pg_prepared *p)
{
    if (p != NULL) {
        ctl_pg_prepared_forget(p);
        free(p);
    }
}


void
ctl_pg_prepared_forget(struct ctl_pg_prepared *p)
{
    while (p->n > 0) {
        ctl_pg_prepared_drop(p);
    }
}


void
ctl_pg_prepared_drop(struct ctl_pg_prepared *p)
{
    free(p->statement[--p->n].sql);
}


/* FNV-1a, 64 bits. */
static uint64_t
hash_of(const char *sql)
{
    uint64_t h = 0xcbf29ce484222325u;

    while (*sql != '\0') {
        h = (h ^ (unsigned char) *sql++) * 0x100000001b3u;
    }

    return h;
}


static const char *
name_of(struct ctl_pg_prepared *p, unsigned i)
{
    snprintf(p->name, sizeof(p->name), "asgard_%u", p->statement[i].number);

    return p->name;
}


const char *
ctl_pg_prepared_name(struct ctl_pg_prepared *p, const char *sql, bool *is_new)
{
    uint64_t hash = hash_of(sql);
    uint64_t *seen = &p->seen[hash % SEEN];
    unsigned i;

    *is_new = false;
    for (i = 0; i < p->n; i++) {
        if (p->statement[i].hash == hash
            && strcmp(p->statement[i].sql, sql) == 0)
        {
            return name_of(p, i);
        }
    }
    if (*seen != hash || p->n == STATEMENTS_MAX
        || (p->statement[p->n].sql = strdup(sql)) == NULL)
    {
        *seen = hash;
        return NULL;
    }
    p->statement[p->n].hash = hash;
    p->statement[p->n].number = p->number++;
    *is_new = true;

    return name_of(p, p->n++);
}
