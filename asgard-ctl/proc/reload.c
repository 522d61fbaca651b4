/*
 * The reload command's work.
 */
#include "proc/reload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "proc/gateway_metrics.h"
#include "proc/keeper_alone.h"
#include "store/pg.h"

#define KEEPER_WAIT_MS  20000
#define SERVED_WAIT_MS  20000
#define POLL_MS         50
#define ARENA_BYTES     (4u * 1024 * 1024)

struct asked {
    int64_t old_pid;                    /* the keeper's, before */
    int64_t at_ms;
};


static void
pause_shortly(void)
{
    const struct timespec pause = {0, POLL_MS * 1000000L};

    nanosleep(&pause, NULL);
}


static bool
signal_supervisor(const struct ctl_config *config, struct ctl_error *e)
{
    FILE *f = fopen(config->pid_file, "re");
    int pid = 0;

    if (f == NULL || fscanf(f, "%d", &pid) != 1 || pid <= 1) {
        pid = 0;
    }
    if (f != NULL) {
        fclose(f);
    }
    if (pid == 0 || kill(pid, SIGHUP) != 0) {
        return ctl_error_set(e, 409, "not_running",
                             "asgard-ctl serve is not running (%s: %s)",
                             config->pid_file,
                             pid == 0 ? "no process id" : strerror(errno));
    }

    return true;
}


/* One that runs alone is started again by what started it. */
static bool
signal_keeper(const struct ctl_config *config, struct ctl_error *e)
{
    pid_t pid = ctl_keeper_alone_find(config);

    return pid <= 1 || kill(pid, SIGTERM) == 0
           || ctl_error_set(e, 409, "not_permitted", "the keeper, process %d, "
                            "is another user's: %s", (int) pid,
                            strerror(errno));
}


/* The keeper's beat: its pid tells one keeper from the next, and read_ms, on
 * this machine's clock, when it began to read files. */
static bool
keeper_beat(struct ctl_pg *pg, struct ctl_arena *arena, struct ctl_rows *rows,
    struct ctl_error *e)
{
    return CTL_PG(pg, arena, rows, e,
        "SELECT pid, info->>'state', info->>'version',"
        " coalesce(info->>'reason', ''), coalesce((SELECT"
        " string_agg(r, '; ') FROM jsonb_array_elements_text("
        " info->'refused') r), ''), info->>'read_ms'"
        " FROM role_beats WHERE role = $1", "keeper");
}


static bool
judge(const struct ctl_rows *beat, int64_t *version, struct ctl_error *e)
{
    const char *state = ctl_rows_at(beat, 0, 1);
    const char *reason = ctl_rows_at(beat, 0, 3);
    const char *refused = ctl_rows_at(beat, 0, 4);

    *version = ctl_rows_i64(beat, 0, 2);
    if (strcmp(state, "ok") == 0 && refused[0] == '\0') {
        return true;
    }

    if (strcmp(state, "ok") == 0) {
        return ctl_error_set(e, 409, "catalog_refused",
                             "refused: %s; catalog %lld is served without it",
                             refused, (long long) *version);
    }

    return ctl_error_set(e, 409, "catalog_refused",
                         "refused, the old catalog stays: %s%s%s", reason,
                         refused[0] != '\0' ? ": " : "", refused);
}


/* One that was on its way when the reload was asked for may have read the files
 * of before.  (An older program's tells no time.) */
static bool
is_answer(const struct ctl_rows *beat, const struct asked *asked)
{
    const char *state = ctl_rows_at(beat, 0, 1);
    const char *read = ctl_rows_at(beat, 0, 5);

    return state != NULL && strcmp(state, "compiling") != 0
           && ctl_rows_i64(beat, 0, 0) != asked->old_pid
           && (read == NULL || ctl_rows_i64(beat, 0, 5) >= asked->at_ms);
}


static bool
wait_keeper(struct ctl_pg *pg, struct ctl_arena *arena,
    const struct asked *asked, int64_t *version, struct ctl_error *e)
{
    int64_t until = ctl_clock_ms() + KEEPER_WAIT_MS;
    struct ctl_rows beat;

    while (ctl_clock_ms() < until) {
        ctl_arena_reset(arena);
        if (!keeper_beat(pg, arena, &beat, e)) {
            return false;
        }
        if (is_answer(&beat, asked)) {
            return judge(&beat, version, e);
        }
        pause_shortly();
    }

    return ctl_error_set(e, 504, "timeout",
                         "the keeper did not answer within 20 s; see the log");
}


/* The lowest version that a worker serves, by the module's own metric. */
static int64_t
served_version(const struct ctl_config *config)
{
    static const char mark[] = "\nasgard_catalog_version ";
    char *text = ctl_gateway_metrics(config);
    const char *at = text != NULL ? strstr(text, mark) : NULL;
    int64_t version = at != NULL ? strtoll(at + sizeof(mark) - 1, NULL, 10)
                                 : -1;

    free(text);

    return version;
}


static bool
wait_served(const struct ctl_config *config, int64_t version,
    struct ctl_error *e)
{
    int64_t until = ctl_clock_ms() + SERVED_WAIT_MS;

    if (config->public_url == NULL) {
        return true;                    /* nobody to ask */
    }
    do {
        if (served_version(config) >= version) {
            return true;
        }
        pause_shortly();
    } while (ctl_clock_ms() < until);

    return ctl_error_set(e, 504, "timeout", "catalog %lld was published, but "
                         "not every nginx worker served it within 20 s",
                         (long long) version);
}


bool
ctl_reload(const struct ctl_config *config, int64_t *version,
    struct ctl_error *e)
{
    struct ctl_pg *pg = ctl_pg_open(config->postgres, "asgard-ctl reload");
    struct ctl_arena arena;
    struct ctl_rows beat;
    bool ok;

    if (pg == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    ctl_arena_init(&arena, ARENA_BYTES);
    ok = keeper_beat(pg, &arena, &beat, e);
    if (ok) {
        const struct asked asked = {ctl_rows_i64(&beat, 0, 0),
                                    ctl_clock_ms()};

        ok = signal_supervisor(config, e) && signal_keeper(config, e)
             && wait_keeper(pg, &arena, &asked, version, e)
             && wait_served(config, *version, e);
    }
    ctl_arena_reset(&arena);
    ctl_pg_close(pg);

    return ok;
}
