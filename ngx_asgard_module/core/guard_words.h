/*
 * Word lists: thousands of words, looked for in one pass.
 *
 * A list is a file of lines, an entry each: a word or a few in a row
 * ("project falcon").  Blank lines and those that begin with # say nothing.  An
 * entry is found as whole words alone, whatever stands between its words as
 * long as it is of no word and has 1 to ASG_WORDS_GAP bytes (none where a sign
 * is a word of its own, guard_signs.h).  With `caseless` signs count without
 * their case, by the simple folding of Unicode.  Nothing is normalised.
 *
 * The first words of all lists stand in one table by their hash, so each word
 * of a text costs one look, however many entries there are; what follows it is
 * looked at when it may go on.  The time is linear in the text.
 *
 *     asg_words_check(file, &of_file);                     … for each file
 *     asg_words_init(&words, caseless, slots, n, storage, bytes);
 *     asg_words_add(&words, file, bit);                    … for each file
 *     asg_words_find(&words, wanted, text, from, to, is_over, next, …);
 */
#ifndef ASG_GUARD_WORDS_H
#define ASG_GUARD_WORDS_H

#include "core/guard.h"

#define ASG_WORDS_FILE   (4u * 1024 * 1024)     /* bytes of a list */
#define ASG_WORDS_MAX    65536                  /* entries of it */
#define ASG_WORDS_ENTRY  64                     /* bytes of an entry */
#define ASG_WORDS_PARTS  20                     /* words of it */
#define ASG_WORDS_GAP    8
#define ASG_WORDS_KEY    96                     /* bytes of it as it is kept */

/* An entry, or the beginning of one. */
typedef struct {
    uint64_t hash;
    uint64_t rules;             /* a bit for each rule whose entry this is */
    uint32_t at;                /* of the storage */
    uint8_t len;                /* 0: the slot is empty */
    bool goes_on;
} asg_words_slot_t;

typedef struct {
    bool caseless;
    asg_words_slot_t *slots;
    size_t nslots;              /* a power of two; 0: there are no words */
    char *storage;
    size_t len, size;
} asg_word_table_t;

typedef struct {
    size_t entries, parts, bytes;       /* what they need of the tables */
    unsigned line;                      /* that is wrong */
    const char *why;
} asg_words_file_t;

/* SYNTAX or LIMIT with `line` and `why`, which are always written. */
ASG_MUST_CHECK asg_err_t asg_words_check(asg_str_t file,
    asg_words_file_t *out);
/* Slots for so many parts. */
size_t asg_words_slots(size_t parts);
/* `slots` are zero. */
void asg_words_init(asg_word_table_t *words, bool caseless,
    asg_words_slot_t *slots, size_t nslots, char *storage, size_t size);
/* Of a file that asg_words_check() accepts, with room for what it needs; `bit`
 * is the rule's. */
ASG_MUST_CHECK asg_err_t asg_words_add(asg_word_table_t *words, asg_str_t file,
    unsigned bit);

/* The entries that begin in [from, to), of the rules in `wanted`.  Of a rule
 * none begins before `next` of its bit, which a hit sets to its end.
 * `is_over`: nothing follows the text, else it has ASG_GUARD_REACH bytes behind
 * `to`. */
void asg_words_find(const asg_word_table_t *words, uint64_t wanted,
    asg_str_t text, size_t from, size_t to, bool is_over, uint32_t *next,
    asg_hit_pt found, void *data);
/* Where an entry may begin that the text ends within, not before `least`; the
 * length of the text: there is none. */
size_t asg_words_settled(const asg_word_table_t *words, asg_str_t text,
    size_t least);

#endif
