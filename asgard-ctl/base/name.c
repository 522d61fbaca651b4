/*
 * Plain names.
 */
#include "base/name.h"


bool
ctl_name_is_plain(const char *text, size_t max)
{
    size_t i;

    for (i = 0; text[i] != '\0'; i++) {
        if (i == max
            || ((text[i] < 'a' || text[i] > 'z')
                && (text[i] < '0' || text[i] > '9')
                && (text[i] != '-' || i == 0)))
        {
            return false;
        }
    }

    return i > 0;
}
