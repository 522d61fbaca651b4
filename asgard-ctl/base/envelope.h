/*
 * Secrets at rest: sealed under a key of their own, which a key-encryption key
 * (KEK) wraps.
 *
 * Both steps are AES-256-GCM with a random 96-bit nonce and authenticate where
 * the envelope belongs: format, table, row, column, version, and for the
 * wrapping the KEK's id.  An envelope in another row, of another version or
 * under another id does not open.  Only the keeper has KEKs; the first of the
 * set seals, every one opens.  What was opened is the caller's to wipe.
 */
#ifndef CTL_ENVELOPE_H
#define CTL_ENVELOPE_H

#include "core/envelope.h"
#include "core/keyfile.h"

/* Texts without '|', together at most 512 bytes. */
struct ctl_envelope_place {
    const char *table, *row, *column;
    int64_t version;
};

/* LIMIT: too large a value or place; MISSING: libcrypto could not. */
asg_err_t ctl_envelope_seal(const asg_keks_t *keks,
    const struct ctl_envelope_place *place, asg_str_t plain,
    uint8_t out[ASG_ENVELOPE_MAX], size_t *len) ASG_MUST_CHECK;
/* SYNTAX, VERSION, LIMIT: no envelope; MISSING: its KEK is not in the set;
 * AUTH: damaged, or of another place.  Then `plain` holds nothing of it. */
asg_err_t ctl_envelope_open(const asg_keks_t *keks,
    const struct ctl_envelope_place *place, asg_str_t sealed,
    uint8_t plain[ASG_ENVELOPE_PLAIN_MAX], size_t *len) ASG_MUST_CHECK;
/* The same envelope under the first KEK: the value's own key is wrapped anew,
 * the value is not looked at. */
asg_err_t ctl_envelope_rewrap(const asg_keks_t *keks,
    const struct ctl_envelope_place *place, asg_str_t sealed,
    uint8_t out[ASG_ENVELOPE_MAX], size_t *len) ASG_MUST_CHECK;

/* Why an envelope was not opened, for a report. */
const char *ctl_envelope_reason(asg_err_t err);

#endif
