/*
 * The tables of flow/ together: requests, keys that are minted, rotated,
 * changed and ended, jobs, in a world of their own (flow_world.c).  Each
 * scenario is played as it says; then with a death before and after every
 * action, and with one more after that; then with each failure as the answer of
 * every call, and a retry by a human where that makes it give up.  At last what
 * was asked is so, with the same keys at the proxy.
 *
 * A scenario: `has active|lost` is a key that was handed over, there or deleted
 * by hand; `proxy refuses|taken` what it says of any new key; `asked STATE` a
 * request.  People: `says EVENT` of the request, `wants key|new|none`, `kill`,
 * `unkill`, `retry`; the sweep: `missed`.  The keeper: `begin STATE` a step,
 * `> ACT EVENT [done]` a call (done: although no answer says so), `= ACT STATE
 * [WHY]` what it commits, `work` until nothing is to be done.  `late`: what was
 * asked for and not answered is done now.  `gone active|old|new`: somebody
 * deletes it at the proxy.  `at MS`: so late is it.  `is REQUEST RESOURCE JOB`
 * looks, and `at last REQUEST RESOURCE KEYS` is the end (`or`, after a death);
 * `-`: there is none.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "flow_world.c"

#define FOLDER    ASG_TOP "/t/unit/scenarios"
#define LINES_MAX 120
#define LINE_MAX  96

struct scenario {
    char name[256], lines[LINES_MAX][LINE_MAX];
    unsigned nlines;
};

/* One run of it. */
struct play {
    struct world w;
    const struct scenario *s;
    unsigned line;
    bool waits;                 /* after a death nobody works, but at last */
    bool is_other;              /* somebody died: it goes its own way */
    bool is_meddled;            /* somebody deleted a key at the proxy */
};

static void no(const struct play *p, const char *why)
{
    fail_msg("%s:%u, a death at %u%s and %u%s, %s at %u: %s: %s", p->s->name,
             p->line + 1,
             p->w.dies[0].action, p->w.dies[0].after ? "+" : "-",
             p->w.dies[1].action, p->w.dies[1].after ? "+" : "-",
             ctl_mint_event_name(p->w.fails), p->w.fails_at,
             p->s->lines[p->line], why);
}

static int find(const char *word, const char *(*name)(int), int n)
{
    int i;

    for (i = 0; i < n && strcmp(name(i), word) != 0; i++) { }
    if (i == n) {
        fail_msg("no %s", word);
    }

    return i;
}

static const char *ask_event(int i)
{
    return ctl_ask_event_name((enum ctl_ask_event) i);
}

static const char *mint_event(int i)
{
    return ctl_mint_event_name((enum ctl_mint_event) i);
}

static const char *want(int i)
{
    static const char *const names[] = {
        [CTL_MINT_WANT_KEY] = "key", [CTL_MINT_WANT_NEW] = "new",
        [CTL_MINT_WANT_BLOCKED] = "blocked",
        [CTL_MINT_WANT_UNBLOCKED] = "unblocked", [CTL_MINT_WANT_NONE] = "none"
    };

    return names[i];
}

/* --- what must hold at each moment --- */

static void look(const struct play *p)
{
    const struct world *w = &p->w;
    unsigned i, works = 0;

    for (i = 1; i < KEYS_MAX; i++) {
        works += w->keys[i].there && !w->keys[i].blocked;
    }
    if (works > (w->db.old != 0 ? 2 : 1)) {
        no(p, "too many keys work");
    }
    if (!p->is_meddled && w->db.resource == CTL_RESOURCE_PROVISIONED
        && w->db.want == CTL_MINT_WANT_NEW && is_busy(w) && w->db.old != 0
        && (!w->keys[w->db.active].there || w->keys[w->db.active].blocked))
    {
        no(p, "what is read does not work");
    }
}

/* --- people --- */

static bool people_do(struct play *p, const char *verb, const char *a)
{
    struct world *w = &p->w;

    if (strcmp(verb, "says") == 0) {
        return ask_hear(w, (enum ctl_ask_event) find(a, ask_event,
                                                     CTL_ASK_EVENTS));
    }
    if (strcmp(verb, "wants") == 0) {
        return work_want(w, (enum ctl_mint_want) find(a, want, 5), false);
    }
    if (strcmp(verb, "retry") == 0) {
        return retry(w);
    }

    if (strcmp(verb, "missed") == 0) {
        return miss(w);
    }

    return kill_set(w, verb[0] == 'k');
}

static bool is_people(const char *verb)
{
    static const char *const all[] = {"says", "wants", "kill", "unkill",
                                      "retry", "missed"};
    unsigned i;

    for (i = 0; i < 6 && strcmp(all[i], verb) != 0; i++) { }

    return i < 6;
}

/* Who died did not hear the answer, and says it again. */
static void people_act(struct play *p, const char *verb, const char *a)
{
    bool ok;

    if ((p->w.has_died || p->is_other) && !p->waits) {
        work(&p->w);
    }
    p->w.actions++;
    if (is_end(&p->w, false)) {
        p->is_other = true;             /* nothing was committed */
    }
    ok = people_do(p, verb, a);
    if (!ok && !p->is_other && !p->w.has_died) {
        no(p, "is refused");
    }
    if (is_end(&p->w, true)) {
        p->is_other = true;
        (void) people_do(p, verb, a);
    }
}

/* --- the keeper --- */

static void step_line(struct play *p, const char *verb, const char *a,
    const char *b, const char *c)
{
    struct world *w = &p->w;

    if (strcmp(verb, "begin") == 0) {
        if (!is_busy(w)) {
            no(p, "there is no job");
        }
        step_begin(w);
        if (strcmp(ctl_mint_state_name(w->m.state), a) != 0) {
            no(p, ctl_mint_state_name(w->m.state));
        }
        return;
    }
    if (!w->is_in_step || strcmp(ctl_mint_act_name(w->act), a) != 0) {
        no(p, ctl_mint_act_name(w->act));
    }
    if (verb[0] == '>') {
        keeper_act(w, (enum ctl_mint_event) find(b, mint_event,
                                                 CTL_MINT_EVENTS),
                   strcmp(c, "done") == 0);
        return;
    }
    if (strcmp(ctl_mint_state_name(w->m.state), b) != 0
        || (c[0] != '\0' && strcmp(ctl_mint_event_name(w->m.why), c) != 0))
    {
        no(p, ctl_mint_state_name(w->m.state));
    }
    keeper_act(w, CTL_MINT_EVENTS, false);
}

static void keeper_line(struct play *p, const char *verb, const char *a,
    const char *b, const char *c)
{
    struct world *w = &p->w;

    if (p->w.has_died || p->is_other) {
        return;                         /* it is another run than this */
    }
    if (strcmp(verb, "work") == 0) {
        work(w);
    } else if (strcmp(verb, "late") == 0) {
        (void) make(w, w->db.chosen);
    } else if (strcmp(verb, "gone") == 0) {
        p->is_meddled = true;
        (void) gone(w, a[0] == 'a' ? w->db.active : a[0] == 'o' ? w->db.old
                       : w->db.chosen);
    } else if (strcmp(verb, "at") == 0) {
        if (w->now_ms != strtoll(a, NULL, 10)) {
            no(p, "it is another time");
        }
    } else if (strcmp(verb, "is") == 0) {
        if (strcmp(a, w->db.is_asked ? ctl_ask_state_name(w->db.ask) : "-")
            || strcmp(b, ctl_resource_state_name(w->db.resource))
            || strcmp(c, ctl_job_state_name(w->db.job.state)))
        {
            no(p, ctl_job_state_name(w->db.job.state));
        }
    } else {
        step_line(p, verb, a, b, c);
    }
}

/* --- a scenario --- */

static void has(struct world *w, bool there)
{
    w->db.nchosen = w->db.active = 1;
    w->keys[1].there = there;
    w->keys[1].made = 1;
    w->db.is_made = true;
    w->db.resource = CTL_RESOURCE_PROVISIONED;
    w->db.job.state = CTL_JOB_DONE;
}

static bool set_up(struct world *w, const char *verb, const char *a)
{
    if (strcmp(verb, "has") == 0) {
        has(w, strcmp(a, "active") == 0);
    } else if (strcmp(verb, "proxy") == 0) {
        w->refuses = strcmp(a, "refuses") == 0;
        w->taken = !w->refuses;
    } else if (strcmp(verb, "asked") == 0) {
        w->db.is_asked = ctl_ask_state_parse(a, &w->db.ask);
        assert_true(w->db.is_asked);
    } else {
        return false;
    }

    return true;
}

/* "fulfilled provisioned active", "- destroyed none". */
static const char *ends(const struct world *w)
{
    static char text[128];
    size_t len = (size_t) snprintf(text, sizeof(text), "%s %s",
        w->db.is_asked ? ctl_ask_state_name(w->db.ask) : "-",
        w->db.is_made ? ctl_resource_state_name(w->db.resource) : "-");
    unsigned i, n = 0;

    for (i = 1; i < KEYS_MAX; i++) {
        if (w->keys[i].there) {
            len += (size_t) snprintf(text + len, sizeof(text) - len, " %s%s",
                i == w->db.active ? "active" : i == w->db.chosen ? "new"
                : "other", w->keys[i].blocked ? ":blocked" : "");
            n++;
        }
    }
    if (n == 0) {
        snprintf(text + len, sizeof(text) - len, " none");
    }

    return text;
}

/* "… or …": it depends on who comes first; without a death it is the former. */
static void end_look(const struct play *p, const char *wanted)
{
    const char *text = ends(&p->w), *other = strstr(wanted, " or ");
    size_t len = other != NULL ? (size_t) (other - wanted) : strlen(wanted);

    if ((strlen(text) != len || memcmp(text, wanted, len) != 0)
        && (other == NULL || strcmp(text, other + 4) != 0
            || (!p->w.has_died && !p->is_other)))
    {
        no(p, text);
    }
}

static void line_play(struct play *p, const char *line)
{
    char verb[16] = "", a[24] = "", b[24] = "", c[24] = "";

    (void) sscanf(line, "%15s %23s %23s %23s", verb, a, b, c);
    if (verb[0] == '#' || verb[0] == '\0' || set_up(&p->w, verb, a)) {
        return;
    }
    if (strncmp(line, "at last ", 8) == 0) {
        work(&p->w);
        sweep(&p->w);
        end_look(p, line + 8);
    } else if (is_people(verb)) {
        people_act(p, verb, a);
    } else {
        keeper_line(p, verb, a, b, c);
    }
    look(p);
}

/* How many actions there were. */
static unsigned play(const struct scenario *s, struct play p)
{
    p.s = s;
    for (p.line = 0; p.line < s->nlines; p.line++) {
        line_play(&p, s->lines[p.line]);
    }

    return p.w.actions;
}

static void play_with_deaths(const struct scenario *s, unsigned all)
{
    unsigned i, n, how;

    for (i = 1; i <= all; i++) {
        for (how = 0; how < 4; how++) {
            struct play p = {.waits = how / 2 == 1};

            p.w.dies[0].action = i;
            p.w.dies[0].after = how % 2 == 1;
            n = play(s, p);
            while (n > i) {
                p.w.dies[1].action = n--;
                p.w.dies[1].after = false;
                (void) play(s, p);
                p.w.dies[1].after = true;
                (void) play(s, p);
            }
        }
    }
}

static void play_with_failures(const struct scenario *s, unsigned all)
{
    unsigned i;
    int event;

    for (i = 1; i <= all; i++) {
        for (event = CTL_MINT_TAKEN; event < CTL_MINT_EVENTS; event++) {
            struct play p = {.waits = false};

            p.w.fails_at = i;
            p.w.fails = (enum ctl_mint_event) event;
            (void) play(s, p);
        }
    }
}

static void scenario_read(struct scenario *s, const char *name)
{
    char path[1024], *end;
    FILE *file;

    s->nlines = 0;
    snprintf(s->name, sizeof(s->name), "%s", name);
    snprintf(path, sizeof(path), FOLDER "/%s", name);
    file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(s->lines[s->nlines], LINE_MAX, file) != NULL) {
        end = strchr(s->lines[s->nlines], '\n');
        assert_non_null(end);
        *end = '\0';
        assert_true(++s->nlines < LINES_MAX);
    }
    fclose(file);
    assert_true(s->nlines > 0
                && strncmp(s->lines[s->nlines - 1], "at last ", 8) == 0);
}

static void each(const char *prefix, unsigned least)
{
    static struct scenario s;
    DIR *dir = opendir(FOLDER);
    struct dirent *entry;
    unsigned n = 0, all;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
            scenario_read(&s, entry->d_name);
            all = play(&s, (struct play) {.waits = false});
            play_with_deaths(&s, all);
            play_with_failures(&s, all);
            n++;
        }
    }
    closedir(dir);
    assert_true(n >= least);
}

static void a_request_comes_to_its_end_whoever_dies(void **state)
{
    (void) state;
    each("ask_", 6);
}

static void a_key_is_minted_once_whoever_dies(void **state)
{
    (void) state;
    each("mint_", 6);
}

static void a_rotation_leaves_one_key_whoever_dies(void **state)
{
    (void) state;
    each("rotate_", 5);
}

static void a_key_is_changed_or_ended_whoever_dies(void **state)
{
    (void) state;
    each("key_", 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_comes_to_its_end_whoever_dies),
        cmocka_unit_test(a_key_is_minted_once_whoever_dies),
        cmocka_unit_test(a_rotation_leaves_one_key_whoever_dies),
        cmocka_unit_test(a_key_is_changed_or_ended_whoever_dies)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
