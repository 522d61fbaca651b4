/*
 * The lines of an exported audit log (docs/formats.md): a head, entries, and
 * checkpoints, each in the one form in which it is written.
 *
 * The bytes that are read are untrusted.
 */
#ifndef CTL_EXPORT_LINE_H
#define CTL_EXPORT_LINE_H

#include "core/str.h"

#define CTL_EXPORT_LINE_MAX  (16u * 1024 * 1024)
#define CTL_EXPORT_SHORT_MAX 1024       /* of a line but an entry */
#define CTL_EXPORT_HASH      32
#define CTL_EXPORT_SIGNATURE 64

enum ctl_export_kind {
    CTL_EXPORT_HEAD, CTL_EXPORT_ENTRY, CTL_EXPORT_CHECKPOINT
};

struct ctl_export_line {
    enum ctl_export_kind kind;
    /* An entry's own, else those of the entry before; 0 and none: there is
     * no entry before. */
    uint64_t seq;
    uint8_t hash[CTL_EXPORT_HASH];
    asg_str_t event;                    /* an entry: what its hash covers */
    asg_str_t since, until;             /* a head; "": all there is */
    /* a checkpoint: */
    uint64_t number;                    /* from 1 on */
    uint8_t lines[CTL_EXPORT_HASH];     /* SHA-256 since the one before */
    bool last;
    asg_str_t at;                       /* when it was made */
    asg_str_t said;                     /* read: what is signed */
    uint8_t signature[CTL_EXPORT_SIGNATURE];
};

/* The bytes of a hash: none before the first entry. */
asg_str_t ctl_export_hash(uint64_t seq, const uint8_t hash[CTL_EXPORT_HASH]);

/* Without its newline.  *out borrows from `line`; false: it is no such line. */
bool ctl_export_line_read(asg_str_t line, struct ctl_export_line *out);
/* All of a line but its newline; of an entry what comes before the event, of a
 * checkpoint what is signed.  ctl_export_end_put() adds the rest. */
void ctl_export_line_put(asg_buf_t *b, const struct ctl_export_line *line);
void ctl_export_end_put(asg_buf_t *b, const struct ctl_export_line *line);

#endif
