/*
 * The outgoing body: the incoming one with a few members replaced.
 *
 * Each change is an edit, a span of the body and the text that stands there
 * instead.  The edits are put in order and the pieces between them passed on as
 * they are.
 */
#include "core/request.h"

#define EDITS_MAX 9

typedef struct {
    uint32_t start;
    uint32_t end;
    asg_str_t text;
} edit_t;

typedef struct {
    const asg_request_t *r;
    const asg_rewrite_t *rewrite;
    asg_buf_t text;
    edit_t edits[EDITS_MAX];
    unsigned nedits;
} plan_t;

static bool is_present(asg_span_t span)
{
    return span.end != 0;
}

/* Is the edit at `span` to come before `e`?  An insertion comes before a change
 * at the same place. */
static bool is_before(asg_span_t span, const edit_t *e)
{
    return span.start < e->start
           || (span.start == e->start && span.end == span.start
               && e->end > e->start);
}

/* In the order of the body; there are few. */
static void add_edit(plan_t *p, asg_span_t span, asg_str_t text)
{
    unsigned i = p->nedits++;

    while (i > 0 && is_before(span, &p->edits[i - 1])) {
        p->edits[i] = p->edits[i - 1];
        i--;
    }
    p->edits[i] = (edit_t) {span.start, span.end, text};
}

/* What was written into the text since `from`. */
static asg_str_t written(const plan_t *p, size_t from)
{
    return (asg_str_t) {p->text.data + from, p->text.len - from};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A member goes with one comma.  `model` is always there and stays: so a
 * member before it has a comma behind, one after it has a comma in front, and
 * two that go never share one. */
static void remove_member(plan_t *p, asg_span_t span)
{
    const char *body = p->r->body.data;

    if (!is_present(span)) {
        return;
    }
    if (span.start < p->r->model_value.start) {
        while (is_space(body[span.end])) {
            span.end++;
        }
        span.end++;
    } else {
        span.start--;
        while (is_space(body[span.start])) {
            span.start--;
        }
    }
    add_edit(p, span, ASG_STR_NULL);
}

/* Ends a member whose text began at `from`: in the place of the old one, or
 * before the first, which is always followed by another. */
static void put_member(plan_t *p, asg_span_t old, size_t from)
{
    asg_span_t front = {p->r->open, p->r->open};

    if (is_present(old)) {
        add_edit(p, old, written(p, from));
        return;
    }
    asg_buf_z(&p->text, ",");
    add_edit(p, front, written(p, from));
}

static void edit_model(plan_t *p)
{
    size_t from = p->text.len;

    asg_buf_json(&p->text, p->rewrite->model);
    add_edit(p, p->r->model_value, written(p, from));
}

static void edit_attribution(plan_t *p)
{
    asg_str_t user = p->rewrite->user;
    size_t from = p->text.len;

    remove_member(p, p->r->safety_id_member);
    if (is_present(p->r->metadata_user_value)) {
        asg_buf_json(&p->text, user);
        add_edit(p, p->r->metadata_user_value, written(p, from));
    }
    if (user.data == NULL) {
        remove_member(p, p->r->user_member);
        return;
    }
    from = p->text.len;
    asg_buf_z(&p->text, "\"user\":");
    asg_buf_json(&p->text, user);
    put_member(p, p->r->user_member, from);
}

/* There it is `metadata`, which has nothing else. */
static void edit_metadata(plan_t *p)
{
    asg_str_t user = p->rewrite->user;
    size_t from = p->text.len;

    if (p->r->api == ASG_API_COUNT_TOKENS || user.data == NULL) {
        remove_member(p, p->r->metadata_member);
        return;
    }
    asg_buf_z(&p->text, "\"metadata\":{\"user_id\":");
    asg_buf_json(&p->text, user);
    asg_buf_z(&p->text, "}");
    put_member(p, p->r->metadata_member, from);
}

asg_str_t asg_request_limit_field(asg_api_t api, asg_str_t of_chat)
{
    return api == ASG_API_COMPLETIONS ? ASG_STR("max_tokens") : of_chat;
}

static void edit_max_tokens(plan_t *p)
{
    asg_str_t field = asg_request_limit_field(p->r->api,
                                              p->rewrite->max_tokens_field);
    size_t from = p->text.len;

    remove_member(p, p->r->null_max_tokens_member);
    if (p->rewrite->max_tokens == 0) {
        return;
    }
    asg_buf_json(&p->text, field);
    asg_buf_z(&p->text, ":");
    asg_buf_i64(&p->text, p->rewrite->max_tokens);
    put_member(p, p->r->max_tokens_member, from);
}

static void edit_stream_options(plan_t *p)
{
    size_t from = p->text.len;

    if (p->rewrite->drop_stream_options) {
        remove_member(p, p->r->stream_options_member);
        return;
    }
    if (p->rewrite->force_usage) {
        asg_buf_z(&p->text, "\"stream_options\":{\"include_usage\":true}");
        put_member(p, p->r->stream_options_member, from);
    }
}

static void put_piece(asg_splice_t *out, asg_str_t piece)
{
    if (piece.len > 0) {
        out->piece[out->npieces++] = piece;
        out->length += piece.len;
    }
}

static void put_body(asg_splice_t *out, asg_str_t body, size_t from, size_t to)
{
    put_piece(out, (asg_str_t) {body.data + from, to - from});
}

_Static_assert(2 * EDITS_MAX + 1 <= ASG_SPLICE_PIECES,
               "an edit makes two pieces, and one is left at the end");

asg_err_t asg_request_splice(const asg_request_t *r,
    const asg_rewrite_t *rewrite, asg_splice_t *out)
{
    plan_t p = {.r = r, .rewrite = rewrite};
    size_t at = 0;

    asg_buf_init(&p.text, out->text, sizeof(out->text));
    edit_model(&p);
    if (asg_api_is_messages(r->api)) {
        edit_metadata(&p);
    } else {
        edit_attribution(&p);
    }
    edit_max_tokens(&p);
    edit_stream_options(&p);
    remove_member(&p, r->data_class_member);
    if (!asg_buf_ok(&p.text)) {
        return ASG_ERR_SPACE;
    }
    out->npieces = 0;
    out->length = 0;
    for (unsigned i = 0; i < p.nedits; i++) {
        put_body(out, r->body, at, p.edits[i].start);
        put_piece(out, p.edits[i].text);
        at = p.edits[i].end;
    }
    put_body(out, r->body, at, r->body.len);
    return ASG_OK;
}
