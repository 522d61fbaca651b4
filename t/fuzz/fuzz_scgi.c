/*
 * The SCGI parser on any bytes: it never reads outside, and a longer prefix
 * never takes back what a shorter one decided; the cookie that it found is
 * read without leaving it.
 */
#include <stdlib.h>
#include <string.h>

#include "http/cookie.h"
#include "http/scgi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The value lies inside the header, behind its name, and holds no other. */
static void
check_cookie(asg_str_t header)
{
    asg_str_t value = ctl_cookie_find(header, "asgard_session");

    if (value.data == NULL) {
        return;
    }
    if (value.data < header.data + 15
        || value.data + value.len > header.data + header.len
        || memcmp(value.data - 15, "asgard_session=", 15) != 0
        || memchr(value.data, ';', value.len) != NULL)
    {
        abort();
    }
}


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
    if (status == CTL_SCGI_DONE) {
        check_cookie(whole.cookie);
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
