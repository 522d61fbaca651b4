/* All rules over a text, those of the operator in windows. */
#include "core/guard_set.h"

#include "core/guard_signs.h"

#define BYTES_OF_A_LOOK  16     /* that one pattern is given for, more */

bool asg_guard_name_is_good(asg_str_t name)
{
    if (name.len == 0 || name.len >= ASG_RULE_NAME_MAX || name.data[0] < 'a'
        || name.data[0] > 'z')
    {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') {
            return false;
        }
    }
    return true;
}

static const asg_guard_rule_t *rule_of(const asg_guard_set_t *set,
    asg_rule_t rule)
{
    return set != NULL && rule >= ASG_RULE_COUNT
        && rule - ASG_RULE_COUNT < set->nrules
        ? &set->rules[rule - ASG_RULE_COUNT] : NULL;
}

const char *asg_guard_name(const asg_guard_set_t *set, asg_rule_t rule)
{
    const asg_guard_rule_t *own = rule_of(set, rule);

    return own != NULL ? own->name : asg_rule_name(rule);
}

const char *asg_guard_category(const asg_guard_set_t *set, asg_rule_t rule)
{
    const asg_guard_rule_t *own = rule_of(set, rule);

    return own != NULL ? own->category : asg_rule_category(rule);
}

void asg_guard_search_begin(asg_guard_search_t *search,
    const asg_guard_set_t *set, const asg_action_t actions[ASG_RULE_MAX])
{
    *search = (asg_guard_search_t) {.set = set};
    for (unsigned i = 0; set != NULL && i < set->nrules; i++) {
        if (actions[ASG_RULE_COUNT + i] != ASG_ACTION_ALLOW) {
            search->wanted |= UINT64_C(1) << i;
            search->rates += !set->rules[i].is_words
                && search->rates < ASG_PATTERN_RATES;
        }
    }
}

asg_action_t asg_guard_gave_up(asg_action_t action)
{
    return action == ASG_ACTION_REDACT ? ASG_ACTION_BLOCK : action;
}

void asg_guard_told_begin(asg_guard_told_t *told)
{
    memset(told, 0, sizeof(*told));
}

void asg_guard_told_shift(asg_guard_told_t *told, size_t gone)
{
    for (unsigned i = 0; i < ASG_RULE_OPERATOR; i++) {
        told->next[i] -= gone < told->next[i] ? (uint32_t) gone
                                              : told->next[i];
    }
}

/* --- patterns --- */

static void give_up(asg_guard_search_t *search, unsigned i)
{
    search->gave_up |= UINT64_C(1) << i;
    search->wanted &= ~(UINT64_C(1) << i);
}

static uint64_t now_of(const asg_guard_search_t *search)
{
    return search->set->now_ns != NULL ? search->set->now_ns() : 0;
}

/* Has the call used what all its patterns may use? */
static bool is_spent(const asg_guard_search_t *search)
{
    uint64_t more = search->bytes * search->rates;

    return search->spent_ns > ASG_PATTERN_TIME_NS + more * ASG_PATTERN_BYTE_NS
        || search->steps > ASG_PATTERN_STEPS + more * ASG_PATTERN_BYTE_STEPS;
}

/* The time since the clock was looked at is spent, too. */
static bool is_spent_by_now(asg_guard_search_t *search)
{
    uint64_t now = now_of(search);

    search->spent_ns += now - search->at;
    search->at = now;
    return is_spent(search);
}

typedef asg_pattern_result_t (*look_pt)(const asg_patterns_t *all,
    const asg_pattern_t *pattern, asg_pattern_look_t *look);

/* From many tries with few steps each to one with all that it may have. */
static const struct {
    size_t tries;
    uint32_t steps;
} looks[] = {
    {SIZE_MAX, ASG_PATTERN_QUICK}, {64, ASG_PATTERN_QUICK},
    {1, 10 * ASG_PATTERN_QUICK}, {1, ASG_PATTERN_LIMIT}
};

#define LOOKS     (sizeof(looks) / sizeof(*looks))
#define OF_MANY   1             /* the last of those of more than one try */

/* One pattern over what begins in [look->from, to), no more carefully than it
 * has to be.  NONE, FOUND, PARTIAL or GAVE_UP. */
static asg_pattern_result_t look_through(asg_guard_search_t *search,
    unsigned i, asg_pattern_look_t *look, size_t to, look_pt once)
{
    const asg_guard_set_t *set = search->set;
    asg_pattern_result_t result;
    size_t how = 0, careful = 0;        /* up to there it is one by one */

    while (look->from < to) {
        size_t most = how > OF_MANY ? careful : to;

        look->to = most - look->from > looks[how].tries
            ? look->from + looks[how].tries : most;
        look->limit = looks[how].steps;
        look->steps = 0;
        result = once(&set->patterns, &set->rules[i].pattern, look);
        search->steps += look->steps;
        if (result == ASG_PATTERN_FOUND || result == ASG_PATTERN_PARTIAL) {
            return result;
        }
        if (result == ASG_PATTERN_GAVE_UP) {
            careful = how == OF_MANY ? look->to : careful;
            if (++how == LOOKS) {
                return result;
            }
        } else {
            look->from = result == ASG_PATTERN_NONE ? look->to : look->from;
            if (how > OF_MANY) {
                how = look->from < careful ? OF_MANY + 1 : OF_MANY;
            }
        }
        if (look->from < to && is_spent_by_now(search)) {
            return ASG_PATTERN_GAVE_UP;
        }
    }
    return ASG_PATTERN_NONE;
}

static void find_pattern(asg_guard_search_t *search, asg_guard_told_t *told,
    unsigned i, asg_str_t text, size_t from, size_t to, bool is_over,
    asg_hit_pt found, void *data)
{
    asg_pattern_look_t look = {.text = text, .is_over = is_over};
    asg_hit_t hit = {0, 0, (asg_rule_t) (ASG_RULE_COUNT + i)};
    asg_pattern_result_t result;

    look.from = told->next[i] > from ? told->next[i] : from;
    while (look.from < to) {
        result = look_through(search, i, &look, to, asg_pattern_find);
        if (result == ASG_PATTERN_GAVE_UP) {
            give_up(search, i);
        }
        if (result != ASG_PATTERN_FOUND) {
            break;
        }
        hit.start = look.start;
        hit.end = look.from = look.end;
        told->next[i] = (uint32_t) hit.end;
        found(data, &hit);
    }
}

static void find_patterns(asg_guard_search_t *search, asg_guard_told_t *told,
    asg_str_t text, size_t from, size_t to, bool is_over, asg_hit_pt found,
    void *data)
{
    uint64_t rules = search->wanted;

    search->at = now_of(search);
    for (; rules != 0; rules &= rules - 1) {
        unsigned i = (unsigned) __builtin_ctzll(rules);

        if (search->set->rules[i].is_words) {
            continue;
        }
        if (is_spent(search)) {
            give_up(search, i);             /* not even begun */
        } else {
            search->bytes += BYTES_OF_A_LOOK;
            find_pattern(search, told, i, text, from, to, is_over, found,
                         data);
            if (is_spent_by_now(search)) {
                give_up(search, i);
            }
        }
    }
}

/* --- all --- */

static void find_window(asg_guard_search_t *search, asg_guard_told_t *told,
    asg_str_t text, size_t from, size_t to, bool is_over, asg_hit_pt found,
    void *data)
{
    search->bytes += to - from;
    for (unsigned i = 0; i < 2; i++) {
        if (search->set->words[i].nslots > 0) {
            asg_words_find(&search->set->words[i], search->wanted, text, from,
                           to, is_over, told->next, found, data);
        }
    }
    find_patterns(search, told, text, from, to, is_over, found, data);
}

void asg_guard_find_all(asg_guard_search_t *search, asg_guard_told_t *told,
    asg_str_t text, size_t from, size_t to, bool is_over, asg_hit_pt found,
    void *data)
{
    asg_guard_find(text, from, to, found, data);
    while (from < to && search->wanted != 0) {
        size_t end = to - from > ASG_GUARD_WINDOW ? from + ASG_GUARD_WINDOW
                                                  : to;

        find_window(search, told, text, from, end, is_over, found, data);
        from = end;
    }
}

/* Matches that end are passed by; what may still go on is waited for. */
static size_t pattern_settled(asg_guard_search_t *search, unsigned i,
    asg_str_t text, size_t from)
{
    asg_pattern_look_t look = {.text = text, .from = from};
    asg_pattern_result_t result = ASG_PATTERN_NONE;

    while (look.from < text.len) {
        result = look_through(search, i, &look, text.len, asg_pattern_settled);
        if (result == ASG_PATTERN_PARTIAL) {
            return look.start;
        }
        if (result != ASG_PATTERN_FOUND) {
            break;
        }
        look.from = look.end > look.from ? look.end : look.from + 1;
    }
    if (result == ASG_PATTERN_GAVE_UP) {
        give_up(search, i);
    }
    return text.len;
}

static size_t words_settled(const asg_guard_search_t *search, asg_str_t text,
    size_t from)
{
    size_t settled = text.len;

    for (unsigned i = 0; i < 2; i++) {
        if (search->set->words[i].nslots > 0) {
            size_t at = asg_words_settled(&search->set->words[i], text, from);

            settled = at < settled ? at : settled;
        }
    }
    return settled;
}

/* Most of it settled; what a match may still need is no more than the reach. */
size_t asg_guard_set_settled(asg_guard_search_t *search,
    const asg_guard_told_t *told, asg_str_t text, size_t from)
{
    size_t least = text.len > ASG_GUARD_REACH ? text.len - ASG_GUARD_REACH : 0;
    uint64_t rules = search->wanted;
    asg_str_t whole = asg_sign_whole(text);
    size_t settled = whole.len, next;
    bool has_words = false;

    if (rules == 0) {
        return text.len;
    }
    search->at = now_of(search);
    for (; rules != 0; rules &= rules - 1) {
        unsigned i = (unsigned) __builtin_ctzll(rules);

        if (search->set->rules[i].is_words) {
            has_words = true;
            continue;
        }
        if (is_spent(search)) {
            give_up(search, i);
            continue;
        }
        next = told->next[i] > from ? told->next[i] : from;
        next = pattern_settled(search, i, whole, next);
        settled = next < settled ? next : settled;
        search->bytes += BYTES_OF_A_LOOK;
        if (is_spent_by_now(search)) {
            give_up(search, i);
        }
    }
    if (has_words) {
        next = words_settled(search, whole, from > least ? from : least);
        settled = next < settled ? next : settled;
    }
    return settled > least ? settled : least;
}
