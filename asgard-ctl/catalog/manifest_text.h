/*
 * What single texts of a manifest may be.  All take a text that is there; what
 * is too long is none.
 */
#ifndef CTL_MANIFEST_TEXT_H
#define CTL_MANIFEST_TEXT_H

#include <stdbool.h>

/* The name of a variable: capital letters, digits, underscores. */
bool ctl_text_is_variable(const char *text);
/* Printable, and nothing that JSON or a header would have to escape. */
bool ctl_text_is_printable(const char *text, bool spaces);
bool ctl_text_is_header_name(const char *text);
/* `name=value`, joined by `&`. */
bool ctl_text_is_query(const char *text);

#endif
