/*
 * The client of the keeper's socket.
 */
#include "http/keeper_ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/keeper_message.h"
#include "http/deadline.h"

#define AGAIN_MS 50


static bool
away(struct ctl_error *e, const char *why)
{
    return ctl_error_away(e, "keeper_unavailable", "the keeper's socket: %s",
                          why);
}


/* -1 when nobody listened in time. */
static int
keeper_connect(const char *path, const struct ctl_deadline *by)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int fd;

    if (snprintf(to.sun_path, sizeof(to.sun_path), "%s", path)
        >= (int) sizeof(to.sun_path))
    {
        return -1;
    }
    while (ctl_deadline_left_ms(by) > 0) {
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0
            || connect(fd, (struct sockaddr *) &to, sizeof(to)) == 0)
        {
            return fd;
        }
        close(fd);
        (void) poll(NULL, 0, AGAIN_MS);
    }

    return -1;
}


static bool
question_send(int fd, const struct ctl_deadline *by,
    const struct ctl_secret_grant *grant)
{
    const asg_keeper_message_t m = {
        .type = ASG_KEEPER_OPEN, .grant = asg_str_z(grant->id),
        .version = (uint32_t) grant->ref.version
    };
    char text[128];
    asg_buf_t b;

    asg_buf_init(&b, text, sizeof(text));

    return asg_keeper_write(&m, &b) == ASG_OK
           && ctl_deadline_write(by, fd, b.data, b.len);
}


static bool
answer_read(int fd, const struct ctl_deadline *by, struct ctl_arena *arena,
    asg_keeper_message_t *m)
{
    uint8_t head[ASG_KEEPER_HEAD];
    asg_keeper_type_t type;
    size_t len;
    char *body;

    if (!ctl_deadline_read(by, fd, (char *) head, sizeof(head))
        || asg_keeper_head(head, &type, &len) != ASG_OK
        || type == ASG_KEEPER_OPEN)
    {
        return false;
    }
    body = ctl_arena_alloc(arena, len + 1);

    return body != NULL && ctl_deadline_read(by, fd, body, len)
           && asg_keeper_body(type, (asg_str_t) {body, len}, m) == ASG_OK;
}


/* The keeper's own log has what it did not say. */
static bool
refused(const asg_keeper_message_t *m, struct ctl_error *e)
{
    if (m->status == 410) {
        return ctl_secret_gone(e);
    }
    if (m->status == 503) {
        return away(e, "it has no PostgreSQL");
    }

    return ctl_error_internal(e, "the keeper refused: %u %.*s", m->status,
                              (int) m->code.len, m->code.data);
}


static bool
talk(int fd, const struct ctl_deadline *by, struct ctl_arena *arena,
    const struct ctl_secret_grant *grant, asg_str_t *value,
    struct ctl_error *e)
{
    asg_keeper_message_t m;

    if (!question_send(fd, by, grant) || !answer_read(fd, by, arena, &m)) {
        return away(e, "no answer");
    }
    *value = m.value;

    return m.type == ASG_KEEPER_VALUE || refused(&m, e);
}


bool
ctl_keeper_ask(const struct ctl_config *config, struct ctl_arena *arena,
    const struct ctl_secret_grant *grant, asg_str_t *value,
    struct ctl_error *e)
{
    struct ctl_deadline by = ctl_deadline_in(CTL_KEEPER_ASK_MS);
    bool ok;
    int fd;

    if (config->keeper_socket == NULL) {
        return away(e, "keeper_socket is not set");
    }
    fd = keeper_connect(config->keeper_socket, &by);
    if (fd < 0) {
        return away(e, "nobody listens");
    }
    ok = talk(fd, &by, arena, grant, value, e);
    close(fd);

    return ok;
}
