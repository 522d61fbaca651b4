/*
 * SHA-256 by OpenSSL.
 */
#include "audit/export_sum.h"


bool
ctl_export_sum_init(struct ctl_export_sum *s)
{
    s->md = EVP_MD_CTX_new();
    s->failed = s->md == NULL
                || EVP_DigestInit_ex(s->md, EVP_sha256(), NULL) != 1;

    return !s->failed;
}


void
ctl_export_sum_add(struct ctl_export_sum *s, asg_str_t bytes)
{
    if (!s->failed && EVP_DigestUpdate(s->md, bytes.data, bytes.len) != 1) {
        s->failed = true;
    }
}


bool
ctl_export_sum_take(struct ctl_export_sum *s, uint8_t out[CTL_EXPORT_HASH])
{
    unsigned n = 0;

    if (!s->failed) {
        s->failed = EVP_DigestFinal_ex(s->md, out, &n) != 1
                    || n != CTL_EXPORT_HASH
                    || EVP_DigestInit_ex(s->md, EVP_sha256(), NULL) != 1;
    }

    return !s->failed;
}


void
ctl_export_sum_finish(struct ctl_export_sum *s)
{
    EVP_MD_CTX_free(s->md);
}


bool
ctl_export_sum_chain(asg_str_t before, asg_str_t event,
    uint8_t out[CTL_EXPORT_HASH])
{
    struct ctl_export_sum s;
    bool ok = ctl_export_sum_init(&s);

    if (ok) {
        ctl_export_sum_add(&s, before);
        ctl_export_sum_add(&s, event);
        ok = ctl_export_sum_take(&s, out);
    }
    ctl_export_sum_finish(&s);

    return ok;
}
