/* Patterns of the operator's, by PCRE2. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/guard_pattern.h"

#include <pcre2.h>

#include "core/guard_signs.h"

#define BEHIND_BYTES  (4 * ASG_PATTERN_BEHIND)
#define STACK_FIRST   32768

bool asg_patterns_init(asg_patterns_t *all)
{
    pcre2_general_context *general = pcre2_general_context_create(all->alloc,
        all->free, all->of_alloc);

    all->general = general;
    if (general == NULL) {
        return false;
    }
    all->compile = pcre2_compile_context_create(general);
    all->match = pcre2_match_context_create(general);
    all->data = pcre2_match_data_create(1, general);
    all->stack = pcre2_jit_stack_create(STACK_FIRST, ASG_PATTERN_STACK,
                                        general);
    if (all->compile == NULL || all->match == NULL || all->data == NULL) {
        return false;
    }
    (void) pcre2_set_max_pattern_length(all->compile, ASG_PATTERN_MAX);
    (void) pcre2_set_match_limit(all->match, ASG_PATTERN_LIMIT);
    (void) pcre2_set_depth_limit(all->match, ASG_PATTERN_DEPTH);
    (void) pcre2_set_heap_limit(all->match, ASG_PATTERN_HEAP);
    if (all->stack != NULL) {           /* NULL: built without, it interprets */
        pcre2_jit_stack_assign(all->match, NULL, all->stack);
    }
    return true;
}

void asg_patterns_free(asg_patterns_t *all)
{
    pcre2_jit_stack_free(all->stack);
    pcre2_match_data_free(all->data);
    pcre2_match_context_free(all->match);
    pcre2_compile_context_free(all->compile);
    pcre2_general_context_free(all->general);
    all->stack = all->data = all->match = all->compile = all->general = NULL;
}

/* --- compiled --- */

static void say(char why[ASG_PATTERN_WHY], const char *text, size_t offset)
{
    asg_buf_t out;

    asg_buf_init(&out, why, ASG_PATTERN_WHY - 1);
    asg_buf_z(&out, text);
    if (offset > 0) {
        asg_buf_z(&out, " at byte ");
        asg_buf_u64(&out, offset);
    }
    why[out.len] = '\0';
}

static uint32_t info_of(const pcre2_code *code, uint32_t what)
{
    uint32_t value = 0;

    (void) pcre2_pattern_info(code, what, &value);
    return value;
}

/* Some that may match nothing are told by what they match at once. */
static bool matches_empty(const asg_patterns_t *all, const pcre2_code *code)
{
    static const char *const texts[] = {"", "a", " ", "a b", "1-"};

    if (info_of(code, PCRE2_INFO_MATCHEMPTY) != 0) {
        return true;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        PCRE2_SIZE *at = pcre2_get_ovector_pointer(all->data);
        int rc = pcre2_match(code, (PCRE2_SPTR) texts[i], strlen(texts[i]), 0,
                             0, all->data, all->match);

        if (rc >= 0 && at[1] <= at[0]) {
            return true;
        }
    }
    return false;
}

static const char *refused(const asg_patterns_t *all, const pcre2_code *code)
{
    PCRE2_SIZE size = 0;

    (void) pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
    if (size > ASG_PATTERN_SIZE) {
        return "it is too large";
    }
    if (info_of(code, PCRE2_INFO_MAXLOOKBEHIND) > ASG_PATTERN_BEHIND) {
        return "it looks back for more than 64 characters";
    }
    if (info_of(code, PCRE2_INFO_MINLENGTH) >= ASG_GUARD_REACH) {
        return "a match has less than 384 bytes";
    }
    return matches_empty(all, code) ? "it matches the empty text" : NULL;
}

asg_err_t asg_pattern_compile(const asg_patterns_t *all, asg_str_t text,
    bool caseless, asg_pattern_t *out, char why[ASG_PATTERN_WHY])
{
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF
        | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT
        | (caseless ? PCRE2_CASELESS : 0);
    PCRE2_UCHAR message[ASG_PATTERN_WHY - 40];
    PCRE2_SIZE offset = 0;
    const char *no;
    pcre2_code *code;
    int rc = 0;

    code = pcre2_compile((PCRE2_SPTR) text.data, text.len, options, &rc,
                         &offset, all->compile);
    if (code == NULL) {
        (void) pcre2_get_error_message(rc, message, sizeof(message));
        say(why, (const char *) message, offset);
        return ASG_ERR_SYNTAX;
    }
    (void) pcre2_jit_compile(code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
    no = refused(all, code);
    if (no != NULL) {
        say(why, no, 0);
        pcre2_code_free(code);
        return ASG_ERR_SYNTAX;
    }
    out->code = code;
    return ASG_OK;
}

void asg_pattern_free(asg_pattern_t *pattern)
{
    pcre2_code_free(pattern->code);
    pattern->code = NULL;
}

/* --- matches --- */

/* A part of the text of a look, and what was found in it. */
typedef struct {
    size_t low;                 /* the part begins */
    size_t first;               /* the try that matched began */
    size_t start, end;
} match_t;

/* Of a long text what a pattern may look back to; more than it wants, so that
 * the part's first byte is never taken for the text's. */
static size_t behind(asg_str_t text, size_t at)
{
    size_t low = at > BEHIND_BYTES + 4 ? at - BEHIND_BYTES - 4 : 0;

    while (low > 0 && low < at && asg_sign_is_tail(text.data[low])) {
        low++;
    }
    return low;
}

/* Tries from `at` on, or of `at` alone (ANCHORED), up to `high` of the text. */
static asg_pattern_result_t match(const asg_patterns_t *all,
    const asg_pattern_t *pattern, asg_pattern_look_t *look, match_t *m,
    size_t at, size_t high, uint32_t options)
{
    PCRE2_SIZE *found = pcre2_get_ovector_pointer(all->data);
    bool is_one = (options & PCRE2_ANCHORED) != 0 || at + 1 == look->to;
    int rc;

    (void) pcre2_set_match_limit(all->match, look->limit);
    (void) pcre2_set_offset_limit(all->match, (is_one ? at : look->to - 1)
                                  - m->low);
    look->steps += is_one ? look->limit : 0;
    rc = pcre2_match(pattern->code, (PCRE2_SPTR) look->text.data + m->low,
                     high - m->low, at - m->low, options, all->data,
                     all->match);
    if (rc == PCRE2_ERROR_NOMATCH) {
        return ASG_PATTERN_NONE;
    }
    if (rc < 0 && rc != PCRE2_ERROR_PARTIAL) {
        return ASG_PATTERN_GAVE_UP;
    }
    m->start = m->low + found[0];
    m->end = m->low + found[1];
    m->first = rc == PCRE2_ERROR_PARTIAL
        ? m->start : m->low + pcre2_get_startchar(all->data);
    return rc == PCRE2_ERROR_PARTIAL ? ASG_PATTERN_PARTIAL
                                     : ASG_PATTERN_FOUND;
}

static size_t sign_after(asg_str_t text, size_t at)
{
    at++;
    while (at < text.len && asg_sign_is_tail(text.data[at])) {
        at++;
    }
    return at;
}

/* No try begins within a sign.  False: none is left. */
static bool at_a_sign(asg_pattern_look_t *look)
{
    while (look->from < look->to
           && asg_sign_is_tail(look->text.data[look->from]))
    {
        look->from++;
    }
    return look->from < look->to;
}

/* Does it end where it would end in the whole text? */
static bool is_sure(const asg_pattern_look_t *look, const match_t *m,
    size_t high)
{
    return m->end - m->first < ASG_GUARD_REACH
        && (m->end < high || (high == look->text.len && look->is_over));
}

static size_t reach_of(asg_str_t text, size_t at)
{
    return text.len - at > ASG_GUARD_REACH ? at + ASG_GUARD_REACH : text.len;
}

/* One that is too long, or ends where the part does, is tried once more with
 * all that it may have. */
static asg_pattern_result_t make_sure(const asg_patterns_t *all,
    const asg_pattern_t *pattern, asg_pattern_look_t *look, match_t *m,
    size_t high)
{
    size_t first = m->first;
    asg_pattern_result_t result;

    if (is_sure(look, m, high)) {
        return ASG_PATTERN_FOUND;
    }
    high = reach_of(look->text, first);
    result = match(all, pattern, look, m, first, high, PCRE2_ANCHORED);
    m->first = first;
    if (result != ASG_PATTERN_FOUND || is_sure(look, m, high)) {
        return result;
    }
    /* where the text may go on: does it matter to the match how? */
    result = match(all, pattern, look, m, first, high,
                   PCRE2_ANCHORED | PCRE2_PARTIAL_HARD);
    m->first = first;
    return result == ASG_PATTERN_PARTIAL
        || (result == ASG_PATTERN_FOUND && m->end - first >= ASG_GUARD_REACH)
        ? ASG_PATTERN_NONE : result;
}

asg_pattern_result_t asg_pattern_find(const asg_patterns_t *all,
    const asg_pattern_t *pattern, asg_pattern_look_t *look)
{
    size_t high = reach_of(look->text, look->to);
    match_t m = {behind(look->text, look->from), 0, 0, 0};
    asg_pattern_result_t result;

    if (!at_a_sign(look)) {
        return ASG_PATTERN_NONE;
    }
    result = match(all, pattern, look, &m, look->from, high, 0);
    if (result != ASG_PATTERN_FOUND) {
        return result;
    }
    result = make_sure(all, pattern, look, &m, high);
    if (result == ASG_PATTERN_GAVE_UP) {
        return result;
    }
    if (result == ASG_PATTERN_FOUND && m.end > m.start) {
        look->start = m.start;
        look->end = m.end;
        return result;
    }
    look->from = sign_after(look->text, m.first);
    return ASG_PATTERN_PASSED;
}

asg_pattern_result_t asg_pattern_settled(const asg_patterns_t *all,
    const asg_pattern_t *pattern, asg_pattern_look_t *look)
{
    match_t m = {behind(look->text, look->from), 0, 0, 0};
    asg_pattern_result_t result;

    if (!at_a_sign(look)) {
        return ASG_PATTERN_NONE;
    }
    result = match(all, pattern, look, &m, look->from, look->text.len,
                   PCRE2_PARTIAL_HARD);
    look->start = m.first;
    look->end = m.end;
    return result;
}
