/*
 * Secrets in memory of their own, and processes that leave no core.
 */
#include "base/secret.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#define SECRET_MAP_BYTES 8192           /* one secret and its NUL */


bool
ctl_secret_set(struct ctl_secret *s, asg_str_t from)
{
    char *p;

    if (from.len > CTL_SECRET_MAX) {
        return false;
    }
    p = mmap(NULL, SECRET_MAP_BYTES, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return false;
    }
    madvise(p, SECRET_MAP_BYTES, MADV_DONTDUMP);
    memcpy(p, from.data, from.len);

    ctl_secret_wipe(s);
    s->bytes = p;
    s->len = from.len;

    return true;
}


asg_str_t
ctl_secret_view(const struct ctl_secret *s)
{
    return (asg_str_t) {s->bytes, s->len};
}


void
ctl_secret_wipe(struct ctl_secret *s)
{
    if (s->bytes != NULL) {
        OPENSSL_cleanse(s->bytes, SECRET_MAP_BYTES);
        munmap(s->bytes, SECRET_MAP_BYTES);
    }
    s->bytes = NULL;
    s->len = 0;
}


bool
ctl_secret_harden(void)
{
    struct rlimit none = {0, 0};

    return setrlimit(RLIMIT_CORE, &none) == 0
           && prctl(PR_SET_DUMPABLE, 0) == 0;
}


bool
ctl_secret_owner_is_right(const struct stat *st)
{
    return st->st_uid == 0 || st->st_uid == geteuid();
}
