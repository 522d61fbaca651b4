/*
 * The ways in which a secret may be spelt, each as a text of its own.
 *
 * Plain, backwards, in hex digits, and in base64, of which there are three: by
 * how many bytes stand before it in what was coded.  Of base64 only those
 * characters are told that come of the secret alone, whatever stands around
 * it; case is the caller's matter.  One behind the other, each closed by a byte
 * that no secret has.  A secret above ASG_LEAK_CODED_MAX is told plain only.
 *
 * Private to core/: leak.c uses it.
 */
#ifndef ASG_LEAK_SPELL_H
#define ASG_LEAK_SPELL_H

#include <stddef.h>

#include "core/str.h"

#define ASG_LEAK_SPELLINGS 6
#define ASG_LEAK_CODED_MAX 504
#define ASG_LEAK_SPELT_MAX 4160

typedef struct {
    size_t from;
    size_t to;                  /* the closing byte is here */
    unsigned of;                /* so many characters of it ... */
    unsigned bits;              /* ... are `bits` / 8 of the secret's bytes */
} asg_leak_spelling_t;

/* Into `spelt`, ASG_LEAK_SPELT_MAX bytes, of a secret of at most 4096; returns
 * how many spellings there are. */
unsigned asg_leak_spell(asg_str_t secret, char *spelt,
    asg_leak_spelling_t spellings[ASG_LEAK_SPELLINGS]);

/* How many characters of this spelling `n` bytes in a row of the secret come
 * to at least. */
size_t asg_leak_spelling_chars(const asg_leak_spelling_t *s, size_t n);

#endif
