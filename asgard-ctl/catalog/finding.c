/*
 * The list of what is wrong.
 */
#include "catalog/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 512


void
ctl_findings_init(struct ctl_findings *f, struct ctl_arena *arena)
{
    memset(f, 0, sizeof(*f));
    f->arena = arena;
}


static void __attribute__((format(printf, 5, 0)))
finding_add(struct ctl_findings *f, bool warning, const char *file,
    unsigned line, const char *fmt, va_list ap)
{
    char text[TEXT_BYTES];
    const char *whole;

    if (f->n == CTL_FINDINGS_MAX) {
        return;
    }
    vsnprintf(text, sizeof(text), fmt, ap);
    whole = line != 0
            ? ctl_arena_printf(f->arena, "%s:%u: %s", file, line, text)
            : ctl_arena_printf(f->arena, "%s: %s", file, text);
    f->items[f->n].warning = warning;
    f->items[f->n++].text = whole != NULL ? whole : "out of memory";
}


bool
ctl_finding_error(struct ctl_findings *f, const char *file, unsigned line,
    const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    finding_add(f, false, file, line, fmt, ap);
    va_end(ap);
    f->nerrors++;

    return false;
}


bool
ctl_finding_memory(struct ctl_findings *f, const char *file)
{
    f->arena->failed = true;

    return ctl_finding_error(f, file, 0, "out of memory");
}


void
ctl_finding_warn(struct ctl_findings *f, const char *file, unsigned line,
    const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    finding_add(f, true, file, line, fmt, ap);
    va_end(ap);
}
