/*
 * Threads that answer at the keeper's socket.
 */
#include "proc/keeper_door.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/log.h"
#include "core/keeper_message.h"
#include "http/deadline.h"
#include "ops/secret_grant.h"

#define THREADS     2
#define BACKLOG     64
#define PG_MS       2000
#define ARENA_BYTES (256u * 1024)
#define NO_ROOM_MS  50                  /* a pause without descriptors */

struct ctl_keeper_door {
    const struct ctl_config *config;
    const asg_keks_t *keks;
    uid_t peer;                         /* of keeper_peer; else our own */
    int listener, stop;
    pthread_t threads[THREADS];
    struct ctl_pg *pg[THREADS];
    unsigned nthreads;
};

struct thread {
    struct ctl_keeper_door *door;
    struct ctl_pg *pg;
};

/* One conversation. */
struct talk {
    const struct ctl_keeper_door *door;
    struct ctl_pg *pg;
    struct ctl_arena arena;
    uint8_t plain[ASG_ENVELOPE_PLAIN_MAX];
    char answer[ASG_KEEPER_MAX];
};


/* --- one question --- */

static bool
is_ours(const struct ctl_keeper_door *door, int fd)
{
    struct ucred who;
    socklen_t len = sizeof(who);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0
           && (who.uid == geteuid() || who.uid == door->peer);
}


static bool
question_read(int fd, struct ctl_deadline *by, char *body,
    asg_keeper_message_t *m)
{
    uint8_t head[ASG_KEEPER_HEAD];
    asg_keeper_type_t type;
    size_t len;

    return ctl_deadline_read(by, fd, (char *) head, sizeof(head))
           && asg_keeper_head(head, &type, &len) == ASG_OK
           && type == ASG_KEEPER_OPEN
           && ctl_deadline_read(by, fd, body, len)
           && asg_keeper_body(type, (asg_str_t) {body, len}, m) == ASG_OK;
}


static bool
secret_open(struct talk *t, const asg_keeper_message_t *m, size_t *len,
    struct ctl_error *e)
{
    char *grant = ctl_arena_text(&t->arena, m->grant.data, m->grant.len);
    struct ctl_secret_ref ref;

    if (grant == NULL) {
        return ctl_error_internal(e, "out of memory");
    }

    return ctl_secret_grant_use(t->pg, &t->arena, grant, m->version, &ref, e)
           && ctl_secret_open(t->pg, &t->arena, t->door->keks, &ref, t->plain,
                              len, e);
}


static void
question_answer(struct talk *t, const asg_keeper_message_t *m, asg_buf_t *out)
{
    asg_keeper_message_t a = {.type = ASG_KEEPER_VALUE};
    struct ctl_error e;
    size_t len = 0;

    ctl_error_clear(&e);
    if (secret_open(t, m, &len, &e)) {
        a.value = (asg_str_t) {(const char *) t->plain, len};
    } else {
        if (e.status >= 500 || e.status == 403) {
            ctl_log_error(&e, "opening a secret");
        }
        a = (asg_keeper_message_t) {.type = ASG_KEEPER_REFUSED,
                                    .status = (unsigned) e.status,
                                    .code = asg_str_z(e.code)};
    }
    if (asg_keeper_write(&a, out) != ASG_OK) {
        ctl_log(CTL_LOG_ERROR, "an answer that is no message");
    }
}


/* Who asked went away: a grant is not used for nobody. */
static bool
is_gone(int fd)
{
    struct pollfd p = {.fd = fd, .events = 0};

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR)) != 0;
}


static void
talk_run(struct talk *t, int fd)
{
    char body[ASG_UUID_CHARS + 4];      /* the only question has these */
    struct ctl_deadline by = ctl_deadline_in(CTL_DOOR_MS);
    asg_keeper_message_t m;
    asg_buf_t out;

    if (!is_ours(t->door, fd)) {
        ctl_log(CTL_LOG_ERROR, "the keeper's socket: a process of another "
                "user was refused");
        return;
    }
    if (!question_read(fd, &by, body, &m)) {
        ctl_log(CTL_LOG_WARN, "the keeper's socket: no question came");
        return;
    }
    if (is_gone(fd)) {
        return;
    }
    ctl_arena_init(&t->arena, ARENA_BYTES);
    asg_buf_init(&out, t->answer, sizeof(t->answer));
    question_answer(t, &m, &out);
    ctl_arena_reset(&t->arena);
    (void) ctl_deadline_write(&by, fd, out.data, out.len);
    OPENSSL_cleanse(t->plain, sizeof(t->plain));
    OPENSSL_cleanse(t->answer, sizeof(t->answer));
}


static void *
serve(void *data)
{
    struct thread *self = data;
    struct ctl_keeper_door *door = self->door;
    struct talk *t = calloc(1, sizeof(*t));
    struct pollfd wait[] = {
        {.fd = door->stop, .events = POLLIN},
        {.fd = door->listener, .events = POLLIN}
    };
    int fd;

    while (t != NULL && (poll(wait, 2, -1) >= 0 || errno == EINTR)) {
        if ((wait[0].revents & POLLIN) != 0) {
            break;
        }
        fd = accept4(door->listener, NULL, NULL,
                     SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            t->door = door;
            t->pg = self->pg;
            talk_run(t, fd);
            close(fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
            (void) poll(wait, 1, NO_ROOM_MS);
        }
    }
    free(t);
    free(self);

    return NULL;
}


/* --- the socket --- */

/* Ours alone, or also of the group of who may ask. */
static bool
socket_share(struct ctl_keeper_door *door, const char *path,
    struct ctl_error *e)
{
    const char *name = door->config->keeper_peer;
    const struct passwd *user;

    door->peer = geteuid();
    if (name == NULL) {
        return true;
    }
    user = getpwnam(name);
    if (user == NULL) {
        return ctl_error_field(e, "invalid_value", "keeper_peer",
                               "keeper_peer: there is no user %s", name);
    }
    door->peer = user->pw_uid;

    return (chown(path, (uid_t) -1, user->pw_gid) == 0
            && chmod(path, 0660) == 0)
           || ctl_error_internal(e, "giving %s to the group of %s: %s", path,
                                 name, strerror(errno));
}


/* Made under a name of its own and moved: at no time is there none, and a
 * keeper that leaves keeps what it has accepted. */
static bool
socket_open(struct ctl_keeper_door *door, struct ctl_error *e)
{
    const char *path = door->config->keeper_socket;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    mode_t mask;
    int bound;

    if (snprintf(at.sun_path, sizeof(at.sun_path), "%s.%d", path,
                 (int) getpid()) >= (int) sizeof(at.sun_path))
    {
        return ctl_error_field(e, "invalid_value", "keeper_socket",
                               "keeper_socket: the path is too long");
    }
    unlink(at.sun_path);
    door->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC
                                     | SOCK_NONBLOCK, 0);
    mask = umask(0177);
    bound = bind(door->listener, (struct sockaddr *) &at, sizeof(at));
    umask(mask);
    if (door->listener < 0 || bound != 0
        || listen(door->listener, BACKLOG) != 0
        || !socket_share(door, at.sun_path, e)
        || rename(at.sun_path, path) != 0)
    {
        if (e->status == 0) {
            ctl_error_internal(e, "cannot listen at %s: %s", path,
                               strerror(errno));
        }
        unlink(at.sun_path);
        return false;
    }

    return true;
}


static bool
thread_start(struct ctl_keeper_door *door, struct ctl_error *e)
{
    struct thread *t = calloc(1, sizeof(*t));
    unsigned n = door->nthreads;

    door->pg[n] = ctl_pg_open(door->config->postgres, "asgard-ctl door");
    if (t == NULL || door->pg[n] == NULL) {
        free(t);
        return ctl_error_internal(e, "out of memory");
    }
    ctl_pg_deadline(door->pg[n], PG_MS);
    *t = (struct thread) {door, door->pg[n]};
    if (pthread_create(&door->threads[n], NULL, serve, t) != 0) {
        free(t);
        return ctl_error_internal(e, "a thread was refused");
    }
    door->nthreads++;

    return true;
}


struct ctl_keeper_door *
ctl_keeper_door_open(const struct ctl_config *config, const asg_keks_t *keks,
    struct ctl_error *e)
{
    struct ctl_keeper_door *door = calloc(1, sizeof(*door));
    bool ok;

    ctl_error_clear(e);
    if (door == NULL) {
        ctl_error_internal(e, "out of memory");
        return NULL;
    }
    door->config = config;
    door->keks = keks;
    door->listener = -1;
    door->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ok = socket_open(door, e);
    while (ok && door->nthreads < THREADS) {
        ok = thread_start(door, e);
    }
    if (!ok) {
        ctl_keeper_door_close(door);
        return NULL;
    }

    return door;
}


void
ctl_keeper_door_close(struct ctl_keeper_door *door)
{
    const uint64_t one = 1;
    unsigned i;

    if (door == NULL) {
        return;
    }
    (void) !write(door->stop, &one, sizeof(one));
    for (i = 0; i < door->nthreads; i++) {
        pthread_join(door->threads[i], NULL);
    }
    for (i = 0; i < THREADS; i++) {
        ctl_pg_close(door->pg[i]);
    }
    if (door->listener >= 0) {
        close(door->listener);
    }
    close(door->stop);
    free(door);
}
