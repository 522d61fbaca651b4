/*
 * Finding a cookie.
 */
#include "http/cookie.h"


static asg_str_t
trim(asg_str_t s)
{
    while (s.len > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.len--;
    }
    while (s.len > 0 && (s.data[s.len - 1] == ' '
                         || s.data[s.len - 1] == '\t'))
    {
        s.len--;
    }

    return s;
}


/* Cuts the next pair off `rest`. */
static asg_str_t
next_pair(asg_str_t *rest)
{
    const char *end = memchr(rest->data, ';', rest->len);
    size_t len = end != NULL ? (size_t) (end - rest->data) : rest->len;
    asg_str_t pair = {rest->data, len};

    len += end != NULL;
    rest->data += len;
    rest->len -= len;

    return trim(pair);
}


asg_str_t
ctl_cookie_find(asg_str_t header, const char *name)
{
    size_t len = strlen(name);
    asg_str_t found = ASG_STR_NULL, pair;

    while (header.len > 0) {
        pair = next_pair(&header);
        if (pair.len <= len || memcmp(pair.data, name, len) != 0
            || pair.data[len] != '=')
        {
            continue;
        }
        if (found.data != NULL) {
            return ASG_STR_NULL;
        }
        found = (asg_str_t) {pair.data + len + 1, pair.len - len - 1};
    }

    return found;
}
