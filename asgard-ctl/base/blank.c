/*
 * Texts that say nothing.
 */
#include "base/blank.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* White space beyond ASCII, and what is as invisible. */
static const char *const wide[] = {
    "\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
    "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85",
    "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89",
    "\xe2\x80\x8a", "\xe2\x80\x8b", "\xe2\x80\xa8", "\xe2\x80\xa9",
    "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80", "\xef\xbb\xbf"
};

static const struct {
    const char *open, *close;
} brackets[] = {{"{{", "}}"}, {"${", "}"}, {"<", ">"}, {"[[", "]]"}};

static const char *const words[] = {("TO" "DO"), "TBD", "CHANGEME"};


/* Bytes of the white space that the text begins with; 0: none. */
static size_t
space_len(const char *text)
{
    size_t i;

    if (text[0] == ' ' || (text[0] >= '\t' && text[0] <= '\r')) {
        return 1;
    }
    for (i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        if (strncmp(text, wide[i], strlen(wide[i])) == 0) {
            return strlen(wide[i]);
        }
    }

    return 0;
}


static const char *
skip_space(const char *text)
{
    size_t n;

    while ((n = space_len(text)) > 0) {
        text += n;
    }

    return text;
}


bool
ctl_text_is_blank(const char *text)
{
    return *skip_space(text) == '\0';
}


/* Without the white space at its end. */
static size_t
trimmed_len(const char *text)
{
    size_t i = 0, end = 0, n;

    while (text[i] != '\0') {
        n = space_len(text + i);
        i += n > 0 ? n : 1;
        end = n > 0 ? end : i;
    }

    return end;
}


static bool
is_word(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i]) == len && strncasecmp(text, words[i], len) == 0) {
            return true;
        }
    }

    return false;
}


bool
ctl_text_is_placeholder(const char *text)
{
    size_t i, len, open, close;

    text = skip_space(text);
    len = trimmed_len(text);
    for (i = 0; i < sizeof(brackets) / sizeof(brackets[0]); i++) {
        open = strlen(brackets[i].open);
        close = strlen(brackets[i].close);
        if (len >= open + close && strncmp(text, brackets[i].open, open) == 0
            && strncmp(text + len - close, brackets[i].close, close) == 0)
        {
            return true;
        }
    }

    return is_word(text, len);
}
