/*
 * A refusal says that a prompt was too long or it does not, in any case of its
 * letters, and nothing behind its bytes or the bound is read.
 *
 * Input: the body of a refusal.
 */
#include <stdlib.h>
#include <string.h>

#include "core/too_long.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

/* Of the size that it has, so that a sanitizer sees what is beyond. */
static bool says(const uint8_t *data, size_t size, bool in_capitals)
{
    char *copy = malloc(size > 0 ? size : 1);
    bool found;

    must(copy != NULL);
    for (size_t i = 0; i < size; i++) {
        bool is_small = data[i] >= 'a' && data[i] <= 'z';

        copy[i] = (char) (in_capitals && is_small ? data[i] - 32 : data[i]);
    }
    found = asg_too_long_says((asg_str_t) {copy, size});
    free(copy);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool found = says(data, size, false);

    must(found == says(data, size, true));
    /* what is found in a part is found in the whole, up to the bound */
    if (size > 0 && size <= ASG_TOO_LONG_BYTES && says(data, size / 2, false)) {
        must(found);
    }
    if (size > ASG_TOO_LONG_BYTES) {
        must(found == says(data, ASG_TOO_LONG_BYTES, false));
    }
    return 0;
}
