/*
 * What a command or a service of the operator's answers: it ends the step, goes
 * on with it, or is refused; outputs and progress are JSON objects without the
 * secrets, and an error is one line without what the manifest handed out.
 *
 * Input: a byte, the action; a byte, the length of the manifest's config; the
 * config; the answer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "connect/told.h"
#include "core/json.h"
#include "core/view.h"

#define ARENA_MAX (4u << 20)
#define HANDED    "c4nary-of-ours"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static asg_json_t json;

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static asg_str_t variable(const struct ctl_connect *with, const char *name)
{
    (void) with;
    return strcmp(name, "UNSET") == 0 ? ASG_STR_NULL : ASG_STR(HANDED);
}

static void must_be_object(const char *text)
{
    asg_json_event_t event;

    asg_json_begin(&json, asg_str_z(text), 1);
    must(asg_json_next(&json) == ASG_JSON_OBJECT);
    while ((event = asg_json_next(&json)) == ASG_JSON_KEY) {
        must(asg_json_skip(&json));
    }
    must(event == ASG_JSON_OBJECT_END);
    must(asg_json_next(&json) == ASG_JSON_END);
}

/* What was told as a secret is none of the outputs. */
static void check_secrets(struct ctl_step_out *out)
{
    unsigned i;

    must(out->nsecrets <= CTL_STEP_SECRETS_MAX);
    for (i = 0; i < out->nsecrets; i++) {
        must(strcmp(out->secrets[i].output, "api_key") == 0
             || strcmp(out->secrets[i].output, "password") == 0);
        must(out->secrets[i].value.len > 0 && !out->secrets[i].pending);
        ctl_secret_wipe(&out->secrets[i].value);
    }
    must(out->outputs == NULL
         || asg_view_find(asg_str_z(out->outputs), "api_key").data == NULL);
}

static void check_answer(const struct ctl_step_in *in, asg_str_t answer)
{
    struct ctl_step_out out;

    memset(&out, 0, sizeof(out));
    ctl_told_take(in, answer, &out);
    must(out.verdict == CTL_STEP_DONE || out.verdict == CTL_STEP_AGAIN
         || out.verdict == CTL_STEP_FINAL);
    must(out.pause_ms >= 0 && out.pause_ms <= CTL_STEP_PAUSE_MAX_MS);
    if (out.verdict == CTL_STEP_FINAL) {
        must(strcmp(out.code, "invalid_output") == 0 && out.text[0] != '\0');
    }
    if (out.outputs != NULL) {
        must_be_object(out.outputs);
    }
    if (out.progress != NULL) {
        must_be_object(out.progress);
    }
    check_secrets(&out);
}

static void check_error(const struct ctl_connect *with,
    const struct ctl_step_in *in, asg_str_t answer)
{
    const char *line = ctl_told_error(with, in, answer);
    const char *words[CTL_TOLD_WORDS_MAX], *at;
    unsigned n;

    if (line == NULL) {
        return;
    }
    must(strlen(line) <= 300 && ctl_utf8_is_valid(asg_str_z(line)));
    for (at = line; *at != '\0'; at++) {
        must((unsigned char) *at >= ' ');
    }
    if (ctl_config_words(in->arena, in->config, "environment", words, &n)
        && n > 0 && strcmp(words[0], "UNSET") != 0)
    {
        must(strstr(line, HANDED) == NULL);
    }
}

static void check_config(const struct ctl_step_in *in)
{
    const char *words[CTL_TOLD_WORDS_MAX], *text;
    int64_t number = ctl_config_number(in->config, "timeout_secs", 7, 1, 60);
    unsigned n;

    must(number == -1 || (number >= 1 && number <= 60));
    (void) ctl_config_is_on(in->config, "internal");
    text = ctl_config_text(in->arena, in->config, "url");
    must(text == NULL || strlen(text) <= strlen(in->config));
    if (ctl_config_words(in->arena, in->config, "command", words, &n)) {
        must(n <= CTL_TOLD_WORDS_MAX);
    }
    (void) ctl_told_wants(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ctl_connect with = {.variable = variable};
    struct ctl_step_in in = {
        .resource_id = "r", .project_id = "p", .rtype = "t", .name = "n",
        .spec = "{\"a\": 1}", .outputs = "{}", .tags = "{}",
        .secret_outputs = "[\"api_key\", \"password\"]", .generation = 1,
        .progress = "{}"
    };
    struct ctl_arena arena;
    asg_str_t answer;
    size_t config;

    if (size < 2 || size > CTL_TOLD_ANSWER_MAX) {
        return 0;
    }
    config = data[1] < size - 2 ? data[1] : size - 2;
    answer = (asg_str_t) {(const char *) data + 2 + config,
                          size - 2 - config};
    ctl_arena_init(&arena, ARENA_MAX);
    in.arena = &arena;
    in.action = (enum ctl_act) (data[0] % CTL_ACTS);
    in.config = ctl_arena_text(&arena, (const char *) data + 2, config);
    must(in.config != NULL);
    check_config(&in);
    must_be_object(ctl_told_input(&in));
    check_answer(&in, answer);
    check_error(&with, &in, answer);
    ctl_arena_reset(&arena);
    return 0;
}
