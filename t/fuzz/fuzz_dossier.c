/*
 * Evidence of a project: refused with a code and a field's name that is fit to
 * be shown, or read into a set of fields that are all known.
 *
 * Input: the JSON.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "policy/promotion.h"

#define ARENA_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static void check_read(const struct ctl_dossier *dossier)
{
    ctl_dossier_set_t named = 0;
    const char *name;
    unsigned i;

    for (i = 0; ctl_dossier_name(dossier->given, i, &name); i++) {
        named |= name != NULL ? (ctl_dossier_set_t) 1 << i : 0;
        must(name == NULL || ctl_dossier_has(dossier->given, name));
    }
    must(named == dossier->given);
    must(ctl_promotion_granted(CTL_CLASS_CRITICAL, "internal", dossier)
         <= CTL_CLASS_LIGHT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ctl_arena arena;
    struct ctl_dossier dossier;
    struct ctl_error e;

    ctl_error_clear(&e);
    ctl_arena_init(&arena, ARENA_MAX);
    if (ctl_dossier_read((asg_str_t) {(const char *) data, size}, &arena,
                         &dossier, &e))
    {
        check_read(&dossier);
    } else {
        must(e.status == 400 && e.code[0] != '\0');
        must(strncmp(e.param, "evidence", 8) == 0);
        must(ctl_utf8_is_valid(asg_str_z(e.param)));
        must(ctl_utf8_is_valid(asg_str_z(e.text)));
    }
    ctl_arena_reset(&arena);
    return 0;
}
