/*
 * What single texts of a manifest may be.
 */
#include "catalog/manifest_text.h"

#include <ctype.h>
#include <string.h>

#include "catalog/manifest.h"

#define VARIABLE_MAX       128
#define PATH_MAX_BYTES     512


bool
ctl_manifest_is_name(const char *text)
{
    size_t i;

    for (i = 0; text[i] != '\0'; i++) {
        if (!isalnum((unsigned char) text[i])
            && strchr("._:/@+-", text[i]) == NULL)
        {
            return false;
        }
    }

    return i >= 1 && i <= CTL_MANIFEST_NAME_MAX;
}


bool
ctl_text_is_variable(const char *text)
{
    size_t i;

    for (i = 0; text[i] != '\0'; i++) {
        if (!isupper((unsigned char) text[i]) && text[i] != '_'
            && (!isdigit((unsigned char) text[i]) || i == 0))
        {
            return false;
        }
    }

    return i >= 1 && i <= VARIABLE_MAX;
}


/* Printable, and nothing that JSON or a header would have to escape. */
bool
ctl_text_is_printable(const char *text, bool spaces)
{
    size_t i;

    for (i = 0; text[i] != '\0'; i++) {
        unsigned char c = (unsigned char) text[i];

        if (c < ' ' || c > '~' || c == '"' || c == '\\'
            || (c == ' ' && !spaces))
        {
            return false;
        }
    }

    return i <= PATH_MAX_BYTES;
}


bool
ctl_text_is_header_name(const char *text)
{
    size_t i;

    for (i = 0; text[i] != '\0'; i++) {
        if (!isalnum((unsigned char) text[i]) && text[i] != '-') {
            return false;
        }
    }

    return i >= 1 && i <= 64;
}


bool
ctl_text_is_query(const char *text)
{
    size_t i;

    for (i = 0; text[i] != '\0'; i++) {
        if (!isalnum((unsigned char) text[i])
            && strchr("-._~=&%", text[i]) == NULL)
        {
            return false;
        }
    }

    return i >= 1 && i <= VARIABLE_MAX;
}
