/*
 * The sums of an exported audit log: the chain's hash, and SHA-256 of lines.
 */
#ifndef CTL_EXPORT_SUM_H
#define CTL_EXPORT_SUM_H

#include <openssl/evp.h>

#include "audit/export_line.h"

struct ctl_export_sum {
    EVP_MD_CTX *md;
    bool failed;
};

bool ctl_export_sum_init(struct ctl_export_sum *s);
void ctl_export_sum_add(struct ctl_export_sum *s, asg_str_t bytes);
/* Of all that was added since the last time, and begins anew. */
bool ctl_export_sum_take(struct ctl_export_sum *s,
    uint8_t out[CTL_EXPORT_HASH]);
void ctl_export_sum_finish(struct ctl_export_sum *s);

/* SHA-256(hash before || event), as the sealer chains them. */
bool ctl_export_sum_chain(asg_str_t before, asg_str_t event,
    uint8_t out[CTL_EXPORT_HASH]);

#endif
