/*
 * Whether a text says anything: one of white space alone does not, nor does a
 * name that a template left unfilled.
 */
#ifndef CTL_BLANK_H
#define CTL_BLANK_H

#include <stdbool.h>

/* Empty, or nothing but white space, also that of Unicode.  `text` is UTF-8. */
bool ctl_text_is_blank(const char *text);

/* As a whole {{…}}, ${…}, <…>, [[…]], or a word such as TBD and CHANGEME in any
 * case, white space around it aside. */
bool ctl_text_is_placeholder(const char *text);

#endif
