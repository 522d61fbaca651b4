
/*
 * Guardrails of the operator's, as the configuration has them.
 */

#include "ngx_http_asgard_guard_rules.h"

#include <time.h>

#include "core/guard_set.h"
#include "ngx_http_asgard_ctx.h"


#define NGX_HTTP_ASGARD_GUARD_SHORT_NS  200000


/* A word list that was read, until the tables are made. */
typedef struct {
    ngx_uint_t         rule;
    ngx_uint_t         caseless;
    asg_str_t          text;
    asg_words_file_t   needs;
} ngx_http_asgard_guard_list_t;


typedef struct {
    asg_guard_rule_t  *rule;
    ngx_uint_t         caseless;
} ngx_http_asgard_guard_words_t;


static void ngx_http_asgard_guard_rules_cleanup(void *data);


/* PCRE2 may ask at any match, also in cycles after the one whose configuration
 * had this pattern first: the log is that of now. */

static void *
ngx_http_asgard_guard_rules_alloc(size_t size, void *data)
{
    return ngx_alloc(size, ngx_cycle->log);
}


static void
ngx_http_asgard_guard_rules_free(void *block, void *data)
{
    ngx_free(block);
}


static uint64_t
ngx_http_asgard_guard_rules_clock(clockid_t clock)
{
    struct timespec  ts;

    if (clock_gettime(clock, &ts) == -1) {
        return 0;
    }

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* Of this thread alone: a worker that waits for the processor spends none.  The
 * kernel is asked for that only when time passed in which it may have waited:
 * it costs as much as a search through some hundred bytes. */

static uint64_t
ngx_http_asgard_guard_rules_now(void)
{
    uint64_t         now, passed, cpu;
    static uint64_t  wall, spent, known, told;

    now = ngx_http_asgard_guard_rules_clock(CLOCK_MONOTONIC);
    passed = now - wall;
    wall = now;

    if (passed < NGX_HTTP_ASGARD_GUARD_SHORT_NS) {
        spent += passed;
        told += passed;
        return spent;
    }

    /* since the kernel was asked last, less what was taken to be spent */

    cpu = ngx_http_asgard_guard_rules_clock(CLOCK_THREAD_CPUTIME_ID);
    spent += cpu - known > told ? ngx_min(cpu - known - told, passed) : 0;
    known = cpu;
    told = 0;

    return spent;
}


static asg_guard_set_t *
ngx_http_asgard_guard_rules_make(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf)
{
    asg_guard_set_t     *set;
    ngx_pool_cleanup_t  *cln;

    if (amcf->guard_set) {
        return amcf->guard_set;
    }

    set = ngx_pcalloc(cf->pool, sizeof(asg_guard_set_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);
    amcf->guard_lists = ngx_array_create(cf->temp_pool, 4,
                                         sizeof(ngx_http_asgard_guard_list_t));

    if (set == NULL || cln == NULL || amcf->guard_lists == NULL) {
        return NULL;
    }

    set->now_ns = ngx_http_asgard_guard_rules_now;
    set->patterns.alloc = ngx_http_asgard_guard_rules_alloc;
    set->patterns.free = ngx_http_asgard_guard_rules_free;

    cln->handler = ngx_http_asgard_guard_rules_cleanup;
    cln->data = set;

    if (!asg_patterns_init(&set->patterns)) {
        return NULL;
    }

    amcf->guard_set = set;

    return set;
}


static void
ngx_http_asgard_guard_rules_cleanup(void *data)
{
    asg_guard_set_t *set = data;

    ngx_uint_t  i;

    for (i = 0; i < set->nrules; i++) {
        asg_pattern_free(&set->rules[i].pattern);
    }

    asg_patterns_free(&set->patterns);
}


static char *
ngx_http_asgard_guard_rules_name(ngx_conf_t *cf, asg_guard_set_t *set,
    ngx_str_t *value)
{
    asg_str_t   name;
    asg_rule_t  known;
    ngx_uint_t  i;

    name = ngx_http_asgard_str(value);

    if (!asg_guard_name_is_good(name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: \"%V\" is no name of a guardrail: 1 to 31 "
                           "small letters, digits and dashes, a letter first",
                           value);
        return NGX_CONF_ERROR;
    }

    if (asg_rule_parse(name, &known) == ASG_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: there is a guardrail \"%V\" already: "
                           "asgard_guardrails sets its action", value);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < set->nrules; i++) {
        if (asg_str_eq_z(name, set->rules[i].name)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "asgard: guardrail \"%V\" is duplicate", value);
            return NGX_CONF_ERROR;
        }
    }

    ngx_memcpy(set->rules[set->nrules].name, name.data, name.len);

    return NGX_CONF_OK;
}


/* caseless, or NAME=VALUE */

static ngx_int_t
ngx_http_asgard_guard_rules_word(ngx_http_asgard_guard_words_t *words,
    ngx_str_t *value)
{
    asg_str_t          text;
    asg_guard_rule_t  *rule = words->rule;

    text = ngx_http_asgard_str(value);

    if (asg_str_eq(text, ASG_STR("caseless"))) {
        words->caseless = 1;
        return NGX_OK;
    }

    if (ngx_strncmp(value->data, "requests=", 9) == 0) {
        text = (asg_str_t) { text.data + 9, text.len - 9 };
        return asg_action_parse(text, &rule->in_requests) == ASG_OK ? NGX_OK
                                                                  : NGX_ERROR;
    }

    if (ngx_strncmp(value->data, "answers=", 8) == 0) {
        text = (asg_str_t) { text.data + 8, text.len - 8 };
        return asg_action_parse(text, &rule->in_answers) == ASG_OK ? NGX_OK
                                                                 : NGX_ERROR;
    }

    if (ngx_strncmp(value->data, "category=", 9) == 0) {
        text = (asg_str_t) { text.data + 9, text.len - 9 };

        if (!asg_guard_name_is_good(text)) {
            return NGX_ERROR;
        }

        ngx_memzero(rule->category, sizeof(rule->category));
        ngx_memcpy(rule->category, text.data, text.len);
        return NGX_OK;
    }

    return NGX_ERROR;
}


static char *
ngx_http_asgard_guard_rules_words(ngx_conf_t *cf,
    ngx_http_asgard_guard_words_t *words)
{
    ngx_uint_t   i;
    ngx_str_t   *value;

    value = cf->args->elts;
    words->rule->in_requests = ASG_ACTION_BLOCK;
    words->rule->in_answers = ASG_ACTION_FLAG;
    ngx_memcpy(words->rule->category, "operator", sizeof("operator"));

    for (i = 4; i < cf->args->nelts; i++) {
        if (ngx_http_asgard_guard_rules_word(words, &value[i]) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "asgard: \"%V\" is none of requests=ACTION, "
                               "answers=ACTION, category=WORD and caseless; "
                               "ACTION: block, redact, flag or allow",
                               &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* The whole file, NULL: it was said why not. */

static u_char *
ngx_http_asgard_guard_rules_read(ngx_conf_t *cf, ngx_str_t *path, size_t *len)
{
    u_char           *text;
    ssize_t           n;
    ngx_fd_t          fd;
    const char       *why;

    text = ngx_palloc(cf->temp_pool, ASG_WORDS_FILE + 1);
    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (text == NULL || fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "asgard: " ngx_open_file_n " \"%V\" failed", path);
        if (fd != NGX_INVALID_FILE) {
            (void) ngx_close_file(fd);
        }

        return NULL;
    }

    why = "cannot be read";

    for (*len = 0; *len <= ASG_WORDS_FILE; *len += n) {
        n = ngx_read_fd(fd, text + *len, ASG_WORDS_FILE + 1 - *len);

        if (n <= 0) {
            why = n == 0 ? NULL : why;
            break;
        }
    }

    if (*len > ASG_WORDS_FILE) {
        why = "has more than 4 MB";
    }

    (void) ngx_close_file(fd);

    if (why) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "asgard: \"%V\" %s", path,
                           why);
        return NULL;
    }

    return text;
}


static char *
ngx_http_asgard_guard_rules_list(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf, ngx_http_asgard_guard_words_t *words,
    ngx_str_t *path)
{
    size_t                         len;
    u_char                        *text;
    ngx_http_asgard_guard_list_t  *list;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    text = ngx_http_asgard_guard_rules_read(cf, path, &len);
    list = text ? ngx_array_push(amcf->guard_lists) : NULL;

    if (list == NULL) {
        return NGX_CONF_ERROR;
    }

    list->rule = amcf->guard_set->nrules;
    list->caseless = words->caseless;
    list->text = (asg_str_t) { (const char *) text, len };

    if (asg_words_check(list->text, &list->needs) != ASG_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: word list \"%V\", line %ui: %s", path,
                           (ngx_uint_t) list->needs.line, list->needs.why);
        return NGX_CONF_ERROR;
    }

    words->rule->is_words = 1;

    return NGX_CONF_OK;
}


static char *
ngx_http_asgard_guard_rules_pattern(ngx_conf_t *cf, asg_guard_set_t *set,
    ngx_http_asgard_guard_words_t *words, ngx_str_t *text)
{
    char  why[ASG_PATTERN_WHY];

    if (asg_pattern_compile(&set->patterns, ngx_http_asgard_str(text),
                            words->caseless, &words->rule->pattern, why)
        != ASG_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "asgard: pattern \"%V\": %s", text, why);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_asgard_guard_rules_kind(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf, ngx_http_asgard_guard_words_t *words,
    ngx_str_t *value)
{
    if (ngx_strcmp(value[2].data, "pattern") == 0) {
        return ngx_http_asgard_guard_rules_pattern(cf, amcf->guard_set, words,
                                                   &value[3]);
    }

    if (ngx_strcmp(value[2].data, "words") == 0) {
        return ngx_http_asgard_guard_rules_list(cf, amcf, words, &value[3]);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "asgard: \"%V\" is neither \"pattern\" nor \"words\"",
                       &value[2]);

    return NGX_CONF_ERROR;
}


char *
ngx_http_asgard_guard_rules_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_asgard_main_conf_t *amcf = conf;

    ngx_str_t                      *value;
    asg_guard_set_t                *set;
    ngx_http_asgard_guard_words_t   words;

    set = ngx_http_asgard_guard_rules_make(cf, amcf);
    value = cf->args->elts;

    if (set == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts < 4) {
        return "wants NAME pattern|words VALUE";
    }

    if (set->nrules == ASG_RULE_OPERATOR) {
        return "stands more than 64 times";
    }

    words.rule = &set->rules[set->nrules];
    words.caseless = 0;
    ngx_memzero(words.rule, sizeof(asg_guard_rule_t));

    if (ngx_http_asgard_guard_rules_name(cf, set, &value[1]) != NGX_CONF_OK
        || ngx_http_asgard_guard_rules_words(cf, &words) != NGX_CONF_OK
        || ngx_http_asgard_guard_rules_kind(cf, amcf, &words, value)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    amcf->guard_actions[ASG_RULE_COUNT + set->nrules] = words.rule->in_requests;
    amcf->guard_answers[ASG_RULE_COUNT + set->nrules] = words.rule->in_answers;
    set->nrules++;
    amcf->guard_labels += words.rule->in_answers == ASG_ACTION_REDACT;

    return amcf->guard_labels > ASG_GUARD_LABELS
           ? "has answers=redact more than 20 times" : NGX_CONF_OK;
}


/* One table of all lists that are read alike. */

static ngx_int_t
ngx_http_asgard_guard_rules_table(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf, ngx_uint_t caseless)
{
    char                          *storage;
    size_t                         slots, parts, bytes;
    ngx_uint_t                     i;
    asg_word_table_t              *words;
    asg_words_slot_t              *table;
    ngx_http_asgard_guard_list_t  *list;

    parts = 0;
    bytes = 0;
    list = amcf->guard_lists->elts;
    words = &amcf->guard_set->words[caseless];

    for (i = 0; i < amcf->guard_lists->nelts; i++) {
        if (list[i].caseless == caseless) {
            parts += list[i].needs.parts;
            bytes += list[i].needs.bytes;
        }
    }

    if (parts == 0) {
        return NGX_OK;
    }

    slots = asg_words_slots(parts);
    table = ngx_pcalloc(cf->pool, slots * sizeof(asg_words_slot_t));
    storage = ngx_palloc(cf->pool, bytes);

    if (table == NULL || storage == NULL) {
        return NGX_ERROR;
    }

    asg_words_init(words, caseless, table, slots, storage, bytes);

    for (i = 0; i < amcf->guard_lists->nelts; i++) {
        if (list[i].caseless == caseless
            && asg_words_add(words, list[i].text, list[i].rule) != ASG_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


char *
ngx_http_asgard_guard_rules_done(ngx_conf_t *cf,
    ngx_http_asgard_main_conf_t *amcf)
{
    if (amcf->guard_set == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_http_asgard_guard_rules_table(cf, amcf, 0) != NGX_OK
        || ngx_http_asgard_guard_rules_table(cf, amcf, 1) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    amcf->guard_lists = NULL;

    return NGX_CONF_OK;
}
