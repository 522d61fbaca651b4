/*
 * Phrases by which a text tries to give orders.
 *
 * They are read word by word: a verb, words that may stand between, and what it
 * is about.  Capitals do not count; between two words there are one to eight
 * signs of space or a comma.  A phrase has at most eight words after its verb,
 * each of at most sixteen letters.
 */
#include "core/guard_rule.h"

#define WORD_MAX   16
#define GAP_MAX    8
#define WORDS_MAX  8

static const char *const drop_verbs[] = {
    "ignore", "disregard", "forget", "override", "bypass", NULL
};
static const char *const fillers[] = {
    "of", "the", "to", "and", "or", "about", "other", "such", "that", "this",
    "me", "us", "please", "out", "full", "entire", "exact", "verbatim", NULL
};
static const char *const pointers[] = {
    "all", "any", "every", "everything", "my", "your", "our", "these", "those",
    "previous", "prior", "above", "preceding", "earlier", "foregoing", "past",
    "existing", "initial", "original", "system", "former", "developer",
    "safety", "hidden", NULL
};
static const char *const orders[] = {
    "instruction", "instructions", "prompt", "prompts", "rule", "rules",
    "direction", "directions", "directive", "directives", "guideline",
    "guidelines", "command", "commands", "constraint", "constraints",
    "restriction", "restrictions", "message", "messages", "context",
    "programming", "training", NULL
};
static const char *const befores[] = {"above", "before", "prior", "you", NULL};
static const char *const tell_verbs[] = {
    "reveal", "show", "print", "repeat", "output", "display", "leak", "expose",
    "disclose", "tell", "give", "share", "recite", NULL
};
static const char *const hidden[] = {
    "system", "hidden", "secret", "initial", "internal", "developer",
    "original", NULL
};
static const char *const owners[] = {"your", "its", "a", "all", NULL};

typedef struct {
    size_t at;
    size_t len;
    char lower[WORD_MAX];
} word_t;

static bool is_gap(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',';
}

static bool is_word(const word_t *word, const char *z)
{
    return strlen(z) == word->len && memcmp(z, word->lower, word->len) == 0;
}

/* The first letter is asked for most often, and mostly ends it. */
static bool is_among(const word_t *word, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (**words == word->lower[0] && is_word(word, *words)) {
            return true;
        }
    }
    return false;
}

static bool keep(asg_str_t text, size_t at, size_t len, word_t *out)
{
    if (len == 0 || len > WORD_MAX) {
        return false;
    }
    out->at = at;
    out->len = len;
    for (size_t i = 0; i < len; i++) {
        out->lower[i] = (char) (text.data[at + i] | 0x20);
    }
    return true;
}

/* The word that begins at `at`. */
static bool word_at(asg_str_t text, size_t at, word_t *out)
{
    size_t n = 0;

    while (at + n < text.len && n <= WORD_MAX
           && asg_rule_is_letter(text.data[at + n]))
    {
        n++;
    }
    return keep(text, at, n, out);
}

/* The word after `at`, the end of another. */
static bool word_after(asg_str_t text, size_t at, word_t *out)
{
    size_t n = 0;

    while (at + n < text.len && n <= GAP_MAX && is_gap(text.data[at + n])) {
        n++;
    }
    return n > 0 && n <= GAP_MAX && word_at(text, at + n, out);
}

/* The word before `at`, the start of another. */
static bool word_before(asg_str_t text, size_t at, word_t *out)
{
    size_t gap = 0, n = 0;

    while (gap < at && gap <= GAP_MAX && is_gap(text.data[at - 1 - gap])) {
        gap++;
    }
    if (gap == 0 || gap > GAP_MAX) {
        return false;
    }
    at -= gap;
    while (n < at && n <= WORD_MAX && asg_rule_is_letter(text.data[at - 1 - n]))
    {
        n++;
    }
    return keep(text, at - n, n, out);
}

static bool begins_word(asg_str_t text, size_t at)
{
    return at == 0 || !asg_rule_is_alnum(text.data[at - 1]);
}

static bool is_whole(asg_str_t text, const word_t *word)
{
    size_t end = word->at + word->len;

    return end >= text.len || !asg_rule_is_alnum(text.data[end]);
}

bool asg_rule_drop_order(asg_str_t text, size_t at, asg_hit_t *hit)
{
    bool points = false, everything = false;
    word_t word;

    if (!begins_word(text, at) || !word_at(text, at, &word)
        || !is_among(&word, drop_verbs))
    {
        return false;
    }
    hit->rule = ASG_RULE_PROMPT_INJECTION;
    hit->start = at;
    for (unsigned i = 0; i < WORDS_MAX; i++) {
        if (!word_after(text, word.at + word.len, &word)) {
            return false;
        }
        if ((points && is_among(&word, orders))
            || (everything && is_among(&word, befores)))
        {
            hit->end = word.at + word.len;
            return is_whole(text, &word);
        }
        everything = is_word(&word, "everything");
        if (is_among(&word, pointers)) {
            points = true;
        } else if (!is_among(&word, fillers)) {
            return false;
        }
    }
    return false;
}

bool asg_rule_tell_prompt(asg_str_t text, size_t at, asg_hit_t *hit)
{
    bool is_hidden = false;
    word_t word;

    if (!word_at(text, at, &word) || word.len < 6
        || memcmp(word.lower, "prompt", 6) != 0
        || word.len > 7 || (word.len == 7 && word.lower[6] != 's')
        || !is_whole(text, &word))
    {
        return false;
    }
    hit->rule = ASG_RULE_PROMPT_INJECTION;
    hit->end = word.at + word.len;
    for (unsigned i = 0; i < WORDS_MAX; i++) {
        if (!word_before(text, word.at, &word)) {
            return false;
        }
        if (is_hidden && is_among(&word, tell_verbs)) {
            hit->start = word.at;
            return begins_word(text, word.at);
        }
        if (is_among(&word, hidden)) {
            is_hidden = true;
        } else if (!is_among(&word, fillers) && !is_among(&word, owners)) {
            return false;
        }
    }
    return false;
}

bool asg_rule_anything(asg_str_t text, size_t at, asg_hit_t *hit)
{
    word_t word, before, after;

    if (!word_at(text, at, &word) || !is_word(&word, "anything")
        || !word_before(text, at, &before) || !is_word(&before, "do")
        || !begins_word(text, before.at)
        || !word_after(text, at + word.len, &after) || !is_word(&after, "now"))
    {
        return false;
    }
    hit->rule = ASG_RULE_PROMPT_INJECTION;
    hit->start = before.at;
    hit->end = after.at + after.len;
    return is_whole(text, &after);
}

/* Of a word at the end, which may go on, too. */
static bool begins_order(const word_t *word)
{
    return is_among(word, drop_verbs) || is_among(word, tell_verbs)
        || is_word(word, "do");
}

/* The start of the word that ends at `at`, and of the gap before it. */
static size_t word_back(asg_str_t text, size_t at, size_t least, size_t *gap)
{
    size_t start = at;

    while (start > least && asg_rule_is_letter(text.data[start - 1])) {
        start--;
    }
    *gap = start;
    while (*gap > least && is_gap(text.data[*gap - 1])) {
        (*gap)--;
    }
    return start;
}

size_t asg_rule_phrase_start(asg_str_t text, size_t least)
{
    size_t end = text.len, found = text.len, gap;
    word_t word;

    while (end > least && is_gap(text.data[end - 1])) {
        end--;
    }
    for (unsigned i = 0; i <= WORDS_MAX + 1; i++) {
        size_t start = word_back(text, end, least, &gap);

        if (start == end) {
            break;
        }
        if (keep(text, start, end - start, &word) && begins_order(&word)) {
            found = start;
        }
        if (gap == start || start - gap > GAP_MAX) {
            break;
        }
        end = gap;
    }
    return found;
}
