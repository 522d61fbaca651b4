/*
 * Does a text have a piece of a secret in it?
 *
 * A provider may send back what it was sent, our key among it.  asg_leak_t is
 * made once from the key; asg_leak_finds() then says of bytes, however they
 * were cut, whether `piece` bytes of the key stand in them in a row.  Letters
 * count in any case.  So does what comes to such a piece when it is spelt
 * backwards, in hex digits or in base64 (leak_spell.h; of keys up to
 * ASG_LEAK_CODED_MAX), or with any of its bytes as an escape (leak_coded.h).
 * Not found is a key that is coded twice or in any other way, or cut into
 * smaller pieces.
 *
 * Time: one step for every `stride` bytes of text, 10 or more with a key of
 * usual length, and a comparison where a step hits; around escapes, which only
 * count where they stand for a byte of the key, one step a byte.  Linear unless
 * the key repeats itself.  Memory: none but the two structs.
 */
#ifndef ASG_LEAK_H
#define ASG_LEAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/leak_coded.h"
#include "core/leak_spell.h"
#include "core/str.h"

/* A shorter key is not looked for: it is a word, such as a sample, that any
 * text may have. */
#define ASG_LEAK_SECRET_MIN 16
#define ASG_LEAK_SECRET_MAX 4096
/* So many bytes of a key are a piece that nobody else may have; fewer where the
 * key is short: half of it, but never less than the second. */
#define ASG_LEAK_PIECE      24
#define ASG_LEAK_PIECE_MIN  15
/* The same in an id, which is kept for long. */
#define ASG_LEAK_ID_PIECE   12

#define ASG_LEAK_HEADS      2048
#define ASG_LEAK_FILTER     256         /* words of 64 bits */
/* So much of a text is kept for what may come: a piece of escapes alone. */
#define ASG_LEAK_TAIL       (ASG_LEAK_PIECE * ASG_LEAK_CODED_BYTES)

typedef struct {
    asg_str_t secret;           /* borrowed; too short or long: null */
    size_t piece;
    size_t stride;
    size_t longest;             /* characters of a piece in any spelling */
    unsigned count;
    asg_leak_spelling_t spellings[ASG_LEAK_SPELLINGS];
    asg_leak_bytes_t bytes;
    /* whether a block of 8 bytes may be one of ours, by its hash */
    uint64_t filter[ASG_LEAK_FILTER];
    /* 1 + the place of a block in `spelt`, by its hash; 0: none */
    uint16_t head[ASG_LEAK_HEADS];
    uint16_t next[ASG_LEAK_SPELT_MAX];
    char spelt[ASG_LEAK_SPELT_MAX];
} asg_leak_t;

/* What was seen last of a text that comes in parts; zeroed before the first. */
typedef struct {
    size_t len;
    char bytes[ASG_LEAK_TAIL];
} asg_leak_tail_t;

/* The same of texts that are read one behind the other, such as those of a
 * stream's events: escapes are read already. */
typedef struct {
    size_t len;
    char bytes[2 * ASG_LEAK_PIECE];
} asg_leak_texts_t;

void asg_leak_init(asg_leak_t *leak, asg_str_t secret);
/* False: it cannot find anything. */
bool asg_leak_is_set(const asg_leak_t *leak);
/* In a whole text. */
bool asg_leak_finds(const asg_leak_t *leak, asg_str_t text);
/* In the text so far, of which `bytes` are the next part. */
bool asg_leak_finds_next(const asg_leak_t *leak, asg_leak_tail_t *tail,
    const char *bytes, size_t len);
/* The same in two steps, for whoever may not need the second. */
bool asg_leak_finds_after(const asg_leak_t *leak, const asg_leak_tail_t *tail,
    const char *bytes, size_t len);
void asg_leak_keep(asg_leak_tail_t *tail, const char *bytes, size_t len);
/* Over the seams of texts, of which `text` is the next. */
bool asg_leak_finds_over(const asg_leak_t *leak, asg_leak_texts_t *texts,
    asg_str_t text);

/* May a name that a provider gave be written into logs and ledger?  Of letters,
 * digits, - _ . and :, and without a piece of the key.  `leak` may be NULL. */
bool asg_leak_clears_id(const asg_leak_t *leak, asg_str_t id);

#endif
