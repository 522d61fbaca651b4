/*
 * A client's anthropic-version and anthropic-beta.
 */
#include "core/anthropic_headers.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool asg_anthropic_version_is_valid(asg_str_t version)
{
    static const char shape[] = "dddd-dd-dd";

    if (version.len != sizeof(shape) - 1) {
        return false;
    }
    for (size_t i = 0; i < version.len; i++) {
        if (shape[i] == 'd' ? !is_digit(version.data[i])
                            : version.data[i] != shape[i])
        {
            return false;
        }
    }
    return true;
}

bool asg_anthropic_beta_is_valid(asg_str_t beta)
{
    for (size_t i = 0; i < beta.len && i < ASG_ANTHROPIC_BETA_MAX; i++) {
        char c = beta.data[i];

        if (!is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-') {
            return false;
        }
    }
    return beta.len >= 1 && beta.len <= ASG_ANTHROPIC_BETA_MAX;
}

/* The list up to its next comma, without space around it. */
static asg_str_t next_word(asg_str_t *list)
{
    const char *comma = memchr(list->data, ',', list->len);
    size_t n = comma != NULL ? (size_t) (comma - list->data) : list->len;
    asg_str_t word = {list->data, n};

    list->data += n + (comma != NULL);
    list->len -= n + (comma != NULL);
    while (word.len > 0 && (*word.data == ' ' || *word.data == '\t')) {
        word.data++;
        word.len--;
    }
    while (word.len > 0 && (word.data[word.len - 1] == ' '
                            || word.data[word.len - 1] == '\t'))
    {
        word.len--;
    }
    return word;
}

void asg_anthropic_betas(asg_buf_t *out, asg_str_t list,
    const asg_str_t *allowed, unsigned nallowed, unsigned *sent)
{
    while (list.len > 0) {
        asg_str_t word = next_word(&list);

        for (unsigned i = 0; i < nallowed; i++) {
            if ((*sent & 1u << i) == 0 && asg_str_eq(word, allowed[i])) {
                asg_buf_z(out, *sent != 0 ? "," : "");
                asg_buf_str(out, word);
                *sent |= 1u << i;
                break;
            }
        }
    }
}
