/*
 * The SCGI parser on any bytes: it never reads outside, and a longer prefix
 * never takes back what a shorter one decided.
 */
#include <stdlib.h>
#include <string.h>

#include "http/scgi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ctl_scgi whole, part;
    enum ctl_scgi_status status, early;
    char *copy = malloc(size / 2 + 1);

    status = ctl_scgi_parse((asg_str_t) {(const char *) data, size}, &whole);
    if (status == CTL_SCGI_DONE
        && (whole.method.len == 0 || whole.body.len > CTL_SCGI_BODY_MAX))
    {
        abort();
    }
    /* a copy of its own, so that the sanitizer sees a read past it */
    memcpy(copy, data, size / 2);
    early = ctl_scgi_parse((asg_str_t) {copy, size / 2}, &part);
    if (early != CTL_SCGI_MORE && early != status) {
        abort();
    }
    free(copy);

    return 0;
}
