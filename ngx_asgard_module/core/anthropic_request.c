/*
 * An OpenAI chat request as the body of Anthropic's POST /v1/messages: the
 * members of the body, in their order.
 */
#include "core/anthropic_write.h"

bool asg_anthropic_refuse_unsupported(asg_anthropic_writer_t *w,
    const asg_step_t *at)
{
    return asg_refuse(w->why, ASG_REASON_UNSUPPORTED_FIELD, at);
}

bool asg_anthropic_refuse_value(asg_anthropic_writer_t *w,
    const asg_step_t *at)
{
    return asg_refuse(w->why, ASG_REASON_INVALID_VALUE, at);
}

bool asg_anthropic_refuse_missing(asg_anthropic_writer_t *w,
    const asg_step_t *up, const char *name)
{
    asg_step_t at = {.up = up, .name = asg_str_z(name)};

    return asg_refuse(w->why, ASG_REASON_MISSING_FIELD, &at);
}

bool asg_anthropic_leave_out(asg_anthropic_writer_t *w, const asg_step_t *at)
{
    return !w->rewrite->refuse_unsupported
        || asg_anthropic_refuse_unsupported(w, at);
}

/* By its row of the table. */
static bool judge_field(asg_anthropic_writer_t *w, asg_anthropic_field_t field,
    const asg_view_member_t *member)
{
    asg_step_t at = {.name = member->key};

    if (asg_anthropic_field_is_neutral(field, member->value)) {
        return true;
    }
    switch (asg_anthropic_field_rule(field)) {
    case ASG_ANTHROPIC_SETTING:
        return asg_anthropic_leave_out(w, &at);
    case ASG_ANTHROPIC_REFUSED:
        return asg_anthropic_refuse_unsupported(w, &at);
    default:
        w->field[field] = member->value;
        return true;
    }
}

/* The members before `messages` and those behind: where it stands is known,
 * and most of the body is not walked once more. */
typedef struct {
    asg_view_t view;
    bool is_behind;
} members_t;

static members_t members_of(const asg_request_t *r)
{
    return (members_t) {.view = {r->body.data + r->open,
                                 r->body.data + r->messages_value.start}};
}

static bool next_member(const asg_request_t *r, members_t *members,
    asg_view_member_t *out)
{
    if (asg_view_member(&members->view, out)) {
        return true;
    }
    if (members->is_behind) {
        return false;
    }
    members->is_behind = true;
    members->view = (asg_view_t) {r->body.data + r->messages_value.end,
                                  r->body.data + r->body.len};
    return asg_view_member(&members->view, out);
}

static bool collect_fields(asg_anthropic_writer_t *w)
{
    members_t members = members_of(w->r);
    asg_view_member_t member;

    w->field[ASG_ANTHROPIC_MESSAGES] = (asg_str_t) {
        w->r->body.data + w->r->messages_value.start,
        w->r->messages_value.end - w->r->messages_value.start
    };
    while (next_member(w->r, &members, &member)) {
        asg_anthropic_field_t field = asg_anthropic_field_find(member.key);

        if (field != ASG_ANTHROPIC_COUNT && !asg_view_is_null(member.value)
            && !judge_field(w, field, &member))
        {
            return false;
        }
    }
    return true;
}

/* Members that only the model's own list lets through. */
static void write_others(asg_anthropic_writer_t *w)
{
    members_t members = members_of(w->r);
    asg_view_member_t member;

    while (w->r->nunknown > 0 && next_member(w->r, &members, &member)) {
        if (asg_anthropic_field_find(member.key) == ASG_ANTHROPIC_COUNT) {
            asg_sink_z(&w->out, ",\"");
            asg_sink_str(&w->out, member.key);
            asg_sink_z(&w->out, "\":");
            asg_sink_str(&w->out, member.value);
        }
    }
}

static void write_user(asg_anthropic_writer_t *w)
{
    if (w->rewrite->user.data == NULL) {
        return;
    }
    asg_sink_z(&w->out, ",\"metadata\":{\"user_id\":");
    asg_sink_name(&w->out, w->rewrite->user);
    asg_sink_z(&w->out, "}");
}

static bool write_body(asg_anthropic_writer_t *w)
{
    asg_sink_z(&w->out, "{\"model\":");
    asg_sink_name(&w->out, w->rewrite->model);
    asg_sink_z(&w->out, ",\"max_tokens\":");
    asg_sink_i64(&w->out, w->rewrite->max_tokens);
    if (!asg_anthropic_write_system(w) || !asg_anthropic_write_messages(w)
        || !asg_anthropic_write_tools(w)
        || !asg_anthropic_write_tool_choice(w)
        || !asg_anthropic_write_thinking(w)
        || !asg_anthropic_write_sampling(w)
        || !asg_anthropic_write_stop(w) || !asg_anthropic_write_format(w))
    {
        return false;
    }
    if (w->r->stream) {
        asg_sink_z(&w->out, ",\"stream\":true");
    }
    write_user(w);
    write_others(w);
    asg_sink_z(&w->out, "}");
    return true;
}

asg_err_t asg_anthropic_request(const asg_request_t *r,
    const asg_anthropic_rewrite_t *rewrite, asg_emit_pt emit, void *data,
    uint64_t *length, asg_refusal_t *why)
{
    asg_anthropic_writer_t w = {.r = r, .rewrite = rewrite, .why = why};

    asg_sink_init(&w.out, emit, data);
    if (!collect_fields(&w) || !write_body(&w)) {
        return ASG_ERR_SYNTAX;
    }
    if (w.out.status != 0) {
        return ASG_ERR_SPACE;
    }
    *length = w.out.length;
    return ASG_OK;
}
