
/*
 * What the echo backend makes of a request: options, texts, sizes.
 */

#include "ngx_http_asgard_echo_answer.h"


#define NGX_HTTP_ASGARD_ECHO_TOKEN  4         /* bytes */


typedef struct {
    asg_json_t                     *json;
    ngx_http_asgard_echo_answer_t  *answer;
} ngx_http_asgard_echo_walk_t;


static ngx_int_t ngx_http_asgard_echo_option(ngx_str_t *name,
    ngx_str_t *value, ngx_http_asgard_echo_options_t *options);
static ngx_int_t ngx_http_asgard_echo_usage_option(ngx_str_t *value,
    ngx_http_asgard_echo_options_t *options);
static ngx_int_t ngx_http_asgard_echo_walk(ngx_http_asgard_echo_walk_t *w);
static ngx_int_t ngx_http_asgard_echo_member(ngx_http_asgard_echo_walk_t *w);
static ngx_int_t ngx_http_asgard_echo_messages(ngx_http_asgard_echo_walk_t *w);
static ngx_int_t ngx_http_asgard_echo_message(ngx_http_asgard_echo_walk_t *w);
static ngx_int_t ngx_http_asgard_echo_content(ngx_http_asgard_echo_walk_t *w,
    asg_str_t *text);
static ngx_int_t ngx_http_asgard_echo_part(ngx_http_asgard_echo_walk_t *w,
    asg_str_t *text);
static ngx_int_t ngx_http_asgard_echo_inputs(ngx_http_asgard_echo_walk_t *w);
static ngx_int_t ngx_http_asgard_echo_text(ngx_http_asgard_echo_answer_t *a);
static size_t ngx_http_asgard_echo_units(asg_str_t text);


ngx_int_t
ngx_http_asgard_echo_options(ngx_str_t *asked,
    ngx_http_asgard_echo_options_t *options)
{
    u_char     *p, *last, *end, *equal;
    ngx_str_t   name, value;

    ngx_memzero(options, sizeof(ngx_http_asgard_echo_options_t));

    options->status = NGX_HTTP_OK;
    options->cut = -1;

    last = asked->data + asked->len;
    p = ngx_strlchr(asked->data, last, ':');

    /* a ref has a colon of its own, and no options without a second one */

    if (p && ngx_strlchr(p + 1, last, ':')) {
        p = ngx_strlchr(p + 1, last, ':');
    }

    while (p && p < last) {

        name.data = ++p;
        end = ngx_strlchr(p, last, ',');
        end = end ? end : last;
        equal = ngx_strlchr(p, end, '=');

        if (equal == NULL) {
            return NGX_ERROR;
        }

        name.len = equal - name.data;
        value.data = equal + 1;
        value.len = end - value.data;

        if (ngx_http_asgard_echo_option(&name, &value, options) != NGX_OK) {
            return NGX_ERROR;
        }

        p = end;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_asgard_echo_option(ngx_str_t *name, ngx_str_t *value,
    ngx_http_asgard_echo_options_t *options)
{
    ngx_int_t   n;
    ngx_uint_t  i;
    asg_str_t   what;

    static const struct {
        const char  *name;
        size_t       offset;
        ngx_int_t    least;
        ngx_int_t    most;
    } numbers[] = {
        { "latency_ms", offsetof(ngx_http_asgard_echo_options_t, latency_ms),
          0, NGX_HTTP_ASGARD_ECHO_DELAY_MAX },
        { "gap_ms", offsetof(ngx_http_asgard_echo_options_t, gap_ms),
          0, NGX_HTTP_ASGARD_ECHO_DELAY_MAX },
        { "chunks", offsetof(ngx_http_asgard_echo_options_t, chunks),
          1, NGX_HTTP_ASGARD_ECHO_CHUNKS_MAX },
        { "tokens", offsetof(ngx_http_asgard_echo_options_t, tokens),
          1, NGX_HTTP_ASGARD_ECHO_TOKENS_MAX },
        { "status", offsetof(ngx_http_asgard_echo_options_t, status),
          200, 599 },
        { "cut", offsetof(ngx_http_asgard_echo_options_t, cut),
          0, NGX_HTTP_ASGARD_ECHO_CUT_MAX }
    };

    what.data = (const char *) name->data;
    what.len = name->len;

    if (asg_str_eq_z(what, "usage")) {
        return ngx_http_asgard_echo_usage_option(value, options);
    }

    n = ngx_atoi(value->data, value->len);

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {

        if (!asg_str_eq_z(what, numbers[i].name)) {
            continue;
        }

        if (n < numbers[i].least || n > numbers[i].most) {
            return NGX_ERROR;
        }

        /* signed or not, of one size, and in the range of both */
        *(ngx_int_t *) ((u_char *) options + numbers[i].offset) = n;
        return NGX_OK;
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_asgard_echo_usage_option(ngx_str_t *value,
    ngx_http_asgard_echo_options_t *options)
{
    asg_str_t  how;

    how.data = (const char *) value->data;
    how.len = value->len;

    if (asg_str_eq_z(how, "none")) {
        options->usage = NGX_HTTP_ASGARD_ECHO_USAGE_NONE;

    } else if (asg_str_eq_z(how, "bad")) {
        options->usage = NGX_HTTP_ASGARD_ECHO_USAGE_BAD;

    } else if (asg_str_eq_z(how, "zero")) {
        options->usage = NGX_HTTP_ASGARD_ECHO_USAGE_ZERO;

    } else {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* By the end of the path; other members than messages say more. */

static asg_api_t
ngx_http_asgard_echo_api(asg_str_t path)
{
    size_t  i, len;

    static const struct {
        const char  *end;
        asg_api_t    api;
    } apis[] = {
        { "/embeddings", ASG_API_EMBEDDINGS },
        { "/messages", ASG_API_MESSAGES },
        { "/count_tokens", ASG_API_COUNT_TOKENS }
    };

    for (i = 0; i < sizeof(apis) / sizeof(apis[0]); i++) {
        len = ngx_strlen(apis[i].end);

        if (path.len >= len
            && ngx_memcmp(path.data + path.len - len, apis[i].end, len) == 0)
        {
            return apis[i].api;
        }
    }

    return ASG_API_CHAT;
}


ngx_int_t
ngx_http_asgard_echo_answer_init(ngx_http_asgard_echo_answer_t *a,
    asg_str_t path, asg_str_t body)
{
    ngx_http_asgard_echo_walk_t  w;

    static asg_json_t            json;
    static ngx_uint_t            number;

    a->api = ngx_http_asgard_echo_api(path);
    w.json = &json;
    w.answer = a;

    asg_json_begin(&json, body, (uint64_t) ngx_pid);

    if (ngx_http_asgard_echo_walk(&w) != NGX_OK) {
        return NGX_ERROR;
    }

    (void) ngx_snprintf(a->id, sizeof(a->id), "echo-%P-%ui%Z", ngx_pid,
                        ++number);

    a->prompt_tokens = (a->prompt_bytes + NGX_HTTP_ASGARD_ECHO_TOKEN - 1)
                       / NGX_HTTP_ASGARD_ECHO_TOKEN;
    a->prompt_tokens = ngx_max(a->prompt_tokens, 1);

    return ngx_http_asgard_echo_text(a);
}


static ngx_int_t
ngx_http_asgard_echo_walk(ngx_http_asgard_echo_walk_t *w)
{
    asg_json_event_t  event;

    if (asg_json_next(w->json) != ASG_JSON_OBJECT) {
        return NGX_ERROR;
    }

    while ((event = asg_json_next(w->json)) == ASG_JSON_KEY) {
        if (ngx_http_asgard_echo_member(w) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return event == ASG_JSON_OBJECT_END ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_asgard_echo_member(ngx_http_asgard_echo_walk_t *w)
{
    asg_json_t                     *j;
    ngx_http_asgard_echo_answer_t  *a;

    j = w->json;
    a = w->answer;

    if (asg_json_is(j, "messages")) {
        return ngx_http_asgard_echo_messages(w);
    }

    if (asg_json_is(j, "prompt") || asg_json_is(j, "input")) {
        a->api = asg_json_is(j, "prompt") ? ASG_API_COMPLETIONS
                                          : ASG_API_EMBEDDINGS;
        return ngx_http_asgard_echo_inputs(w);
    }

    if (asg_json_is(j, "model")) {
        (void) asg_json_next(j);
        a->model = j->token;
        return NGX_OK;
    }

    if (asg_json_is(j, "stream")) {
        a->stream = (asg_json_next(j) == ASG_JSON_TRUE);
        return NGX_OK;
    }

    if (asg_json_is(j, "max_tokens")
        || asg_json_is(j, "max_completion_tokens"))
    {
        return (asg_json_next(j) == ASG_JSON_NUMBER
                && asg_json_int(j, &a->max_tokens)) ? NGX_OK : NGX_ERROR;
    }

    if (asg_json_is(j, "n")) {
        return (asg_json_next(j) == ASG_JSON_NUMBER
                && asg_json_int(j, &a->n)) ? NGX_OK : NGX_ERROR;
    }

    if (asg_json_is(j, "encoding_format")) {
        (void) asg_json_next(j);
        a->base64 = asg_str_eq_z(j->token, "base64");
        return NGX_OK;
    }

    if (asg_json_is(j, "stream_options")) {
        /* its one member that matters is only ever sent to ask for it */
        a->include_usage = 1;
    }

    return asg_json_skip(j) ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_asgard_echo_messages(ngx_http_asgard_echo_walk_t *w)
{
    asg_json_event_t  event;

    if (asg_json_next(w->json) != ASG_JSON_ARRAY) {
        return NGX_ERROR;
    }

    while ((event = asg_json_next(w->json)) == ASG_JSON_OBJECT) {
        if (ngx_http_asgard_echo_message(w) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return event == ASG_JSON_ARRAY_END ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_asgard_echo_message(ngx_http_asgard_echo_walk_t *w)
{
    asg_str_t         text;
    ngx_uint_t        user;
    asg_json_t       *j;
    asg_json_event_t  event;

    j = w->json;
    text = ASG_STR_NULL;
    user = 0;

    while ((event = asg_json_next(j)) == ASG_JSON_KEY) {

        if (asg_json_is(j, "role")) {
            user = (asg_json_next(j) == ASG_JSON_STRING
                    && asg_json_is(j, "user"));

        } else if (asg_json_is(j, "content")) {
            if (ngx_http_asgard_echo_content(w, &text) != NGX_OK) {
                return NGX_ERROR;
            }

        } else if (!asg_json_skip(j)) {
            return NGX_ERROR;
        }
    }

    if (user && text.data) {
        w->answer->text = text;
    }

    return event == ASG_JSON_OBJECT_END ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_asgard_echo_content(ngx_http_asgard_echo_walk_t *w, asg_str_t *text)
{
    asg_json_event_t  event;

    event = asg_json_next(w->json);

    if (event == ASG_JSON_STRING) {
        *text = w->json->token;
        w->answer->prompt_bytes += text->len;
        return NGX_OK;
    }

    if (event == ASG_JSON_NULL) {
        return NGX_OK;
    }

    if (event != ASG_JSON_ARRAY) {
        return NGX_ERROR;
    }

    while ((event = asg_json_next(w->json)) == ASG_JSON_OBJECT) {
        if (ngx_http_asgard_echo_part(w, text) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return event == ASG_JSON_ARRAY_END ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_asgard_echo_part(ngx_http_asgard_echo_walk_t *w, asg_str_t *text)
{
    asg_json_t       *j;
    asg_json_event_t  event;

    j = w->json;

    while ((event = asg_json_next(j)) == ASG_JSON_KEY) {

        if (!asg_json_is(j, "text")) {
            if (!asg_json_skip(j)) {
                return NGX_ERROR;
            }

            continue;
        }

        if (asg_json_next(j) != ASG_JSON_STRING) {
            return NGX_ERROR;
        }

        *text = j->token;
        w->answer->prompt_bytes += text->len;
    }

    return event == ASG_JSON_OBJECT_END ? NGX_OK : NGX_ERROR;
}


/* A text, texts, tokens, or lists of tokens. */

static ngx_int_t
ngx_http_asgard_echo_inputs(ngx_http_asgard_echo_walk_t *w)
{
    asg_json_t                     *j;
    asg_json_event_t                event;
    ngx_http_asgard_echo_answer_t  *a;

    j = w->json;
    a = w->answer;
    a->inputs = 0;

    do {
        event = asg_json_next(j);

        if (event == ASG_JSON_STRING) {
            a->text = j->token;
            a->prompt_bytes += j->token.len;
            a->inputs++;

        } else if (event == ASG_JSON_NUMBER) {
            a->prompt_bytes += NGX_HTTP_ASGARD_ECHO_TOKEN;

        } else if (event == ASG_JSON_ARRAY_END && j->depth > 1) {
            a->inputs++;

        } else if (event == ASG_JSON_ERROR || event == ASG_JSON_END) {
            return NGX_ERROR;
        }

    } while (j->depth > 1);

    a->inputs = ngx_max(a->inputs, 1);

    return NGX_OK;
}


/* The text of the answer: repeated until every chunk has a character of its
 * own, then cut to the limit. */

static ngx_int_t
ngx_http_asgard_echo_text(ngx_http_asgard_echo_answer_t *a)
{
    u_char      *p;
    size_t       n, times, len;
    asg_str_t    text;

    text = a->text.len ? a->text : ASG_STR("echo");
    n = ngx_http_asgard_echo_units(text);
    times = 1;

    if (a->options.tokens) {
        text = ASG_STR("echo");
        times = a->options.tokens;

    } else if (a->options.chunks > n) {
        times = (a->options.chunks + n - 1) / n;
    }

    if (times > 1) {
        p = ngx_pnalloc(a->pool, text.len * times);
        if (p == NULL) {
            return NGX_ERROR;
        }

        for (n = 0; n < times; n++) {
            ngx_memcpy(p + n * text.len, text.data, text.len);
        }

        text.data = (const char *) p;
        text.len *= times;
    }

    if (a->max_tokens > 0 && a->options.tokens == 0
        && (uint64_t) a->max_tokens * NGX_HTTP_ASGARD_ECHO_TOKEN < text.len)
    {
        a->limited = 1;
        n = (size_t) a->max_tokens * NGX_HTTP_ASGARD_ECHO_TOKEN;

        for (len = 0; ; len += times) {
            times = ngx_http_asgard_echo_unit(
                        (asg_str_t) { text.data + len, text.len - len });

            if (len + times > n) {
                break;
            }
        }

        text.len = len;
    }

    a->text = text;
    a->units = ngx_http_asgard_echo_units(text);
    a->choices = (a->n > 1) ? (ngx_uint_t) a->n : 1;

    if (a->api == ASG_API_COMPLETIONS) {
        a->choices *= a->inputs;
    }

    if (a->choices > NGX_HTTP_ASGARD_ECHO_ANSWER_MAX
                     / (text.len + NGX_HTTP_ASGARD_ECHO_CHOICE))
    {
        a->choices = 1;
        return NGX_ERROR;
    }

    a->completion_tokens = (text.len + NGX_HTTP_ASGARD_ECHO_TOKEN - 1)
                           / NGX_HTTP_ASGARD_ECHO_TOKEN * a->choices;

    return NGX_OK;
}


size_t
ngx_http_asgard_echo_unit(asg_str_t text)
{
    size_t  n;

    if (text.len == 0) {
        return 0;
    }

    if (text.data[0] == '\\') {
        n = (text.len > 1 && text.data[1] == 'u') ? 6 : 2;

        /* a pair of surrogates is one character */

        if (n == 6 && text.len >= 12
            && (text.data[2] == 'd' || text.data[2] == 'D')
            && ngx_strchr("89abAB", text.data[3])
            && text.data[6] == '\\')
        {
            n = 12;
        }

    } else {

        for (n = 1; n < text.len; n++) {
            if (((u_char) text.data[n] & 0xc0) != 0x80) {
                break;
            }
        }
    }

    return ngx_min(n, text.len);
}


static size_t
ngx_http_asgard_echo_units(asg_str_t text)
{
    size_t  n, len;

    n = 0;

    while (text.len) {
        len = ngx_http_asgard_echo_unit(text);
        text.data += len;
        text.len -= len;
        n++;
    }

    return n;
}
