/*
 * Shared memory that runs out at a chosen moment: an LD_PRELOAD library for
 * nginx.  What the module asks of a slab pool goes through here; nothing else
 * does.
 *
 * SLAB_SHIM names a file that is mapped as a struct plan.
 * nginx's own functions stand before those of any library, so that the module's
 * table of functions is written to, when nginx has loaded it.
 */
#define _GNU_SOURCE

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "shim_plan.h"

typedef void *(*slab_alloc)(void *pool, size_t size);

static struct plan *plan;
static slab_alloc real_alloc, real_alloc_locked;


__attribute__((constructor)) static void
shim_map(void)
{
    plan = plan_map(getenv("SLAB_SHIM"));
}


static int
shim_fails(void)
{
    int64_t left = plan != NULL ? atomic_load(&plan->left) : 0;
    int64_t pid = plan != NULL ? atomic_load(&plan->pid) : 0;

    if (left == 0 || (pid != 0 && pid != getpid())
        || (left > 0 && atomic_fetch_sub(&plan->left, 1) != 1))
    {
        return 0;
    }
    atomic_fetch_add(&plan->failed, 1);

    return 1;
}


static void *
shim_alloc(void *pool, size_t size)
{
    return shim_fails() ? NULL : real_alloc(pool, size);
}


static void *
shim_alloc_locked(void *pool, size_t size)
{
    return shim_fails() ? NULL : real_alloc_locked(pool, size);
}


/* The real one is kept, ours stands in its place.  Once written, the page is
 * left open: a test does not mind. */
static void
slot_take(slab_alloc *slot, slab_alloc *real, slab_alloc ours)
{
    uintptr_t size = (uintptr_t) sysconf(_SC_PAGESIZE);
    uintptr_t page = (uintptr_t) slot & ~(size - 1);

    if (mprotect((void *) page, size, PROT_READ | PROT_WRITE) == 0) {
        *real = *slot;
        *slot = ours;
    }
}


/* The table of a library that dlopen() gave, entry by entry. */
static void
table_take(const struct link_map *map)
{
    const ElfW(Rela) *rela = NULL;
    const ElfW(Sym) *symbols = NULL;
    const ElfW(Dyn) *d;
    const char *names = NULL, *name;
    size_t n = 0, i;
    slab_alloc *slot;

    for (d = map->l_ld; d->d_tag != DT_NULL; d++) {
        switch (d->d_tag) {
        case DT_JMPREL: rela = (const void *) d->d_un.d_ptr; break;
        case DT_PLTRELSZ: n = d->d_un.d_val / sizeof(*rela); break;
        case DT_SYMTAB: symbols = (const void *) d->d_un.d_ptr; break;
        case DT_STRTAB: names = (const void *) d->d_un.d_ptr; break;
        default: break;
        }
    }
    for (i = 0; rela != NULL && symbols != NULL && i < n; i++) {
        name = names + symbols[ELF64_R_SYM(rela[i].r_info)].st_name;
        slot = (slab_alloc *) (map->l_addr + rela[i].r_offset);
        if (strcmp(name, "ngx_slab_alloc") == 0) {
            slot_take(slot, &real_alloc, shim_alloc);
        } else if (strcmp(name, "ngx_slab_alloc_locked") == 0) {
            slot_take(slot, &real_alloc_locked, shim_alloc_locked);
        }
    }
}


void *
dlopen(const char *path, int flags)
{
    void *(*next)(const char *, int) = (void *(*)(const char *, int))
                                       dlsym(RTLD_NEXT, "dlopen");
    void *library = next(path, flags);

    if (library != NULL && path != NULL && strstr(path, "asgard") != NULL) {
        table_take(library);
    }

    return library;
}
