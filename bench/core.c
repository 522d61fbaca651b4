/*
 * How fast the scans are, printed as a table: `make bench-core`.
 *
 * A figure is the best of seven rounds, by the processor time of this process:
 * what else runs on the machine makes a round slower, never faster.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/anthropic_answer.h"
#include "core/anthropic_request.h"
#include "core/guard_answer.h"
#include "core/guard_body.h"
#include "core/request.h"
#include "core/scan.h"
#include "core/answer.h"

#define ROUNDS       7
#define ROUND_BYTES  ((size_t) 1 << 27)
#define GUARD_BYTES  ((size_t) 1 << 23)
#define TEXT_MAX     (1 << 20)

typedef void (*work_pt)(void *data);

static const size_t sizes[] = {600, 10000, 200000};

static char text[TEXT_MAX];
static size_t length;
static volatile size_t sink;
static size_t round_bytes = ROUND_BYTES;

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

/* Bytes a nanosecond, which is GB/s. */
static double speed_of(work_pt work, void *data)
{
    double best = 0;

    for (unsigned round = 0; round < ROUNDS; round++) {
        size_t times = round_bytes / length + 1;
        double from = now_s(), speed;

        for (size_t i = 0; i < times; i++) {
            work(data);
        }
        speed = (double) (times * length) / (now_s() - from) * 1e-9;
        best = speed > best ? speed : best;
    }
    return best;
}

/* --- strings, by each scan --- */

static void scan_text(void *data)
{
    const asg_scan_t *scan = data;
    const uint8_t *p = (const uint8_t *) text;

    sink = (size_t) (scan->text(p, p + length) - p);
}

/* `words` over and over, cut between two of them. */
static void fill(const char *head, const char *words, const char *tail,
    size_t size)
{
    size_t n = strlen(words);

    length = strlen(head);
    memcpy(text, head, length);
    for (; length + n + strlen(tail) <= size; length += n) {
        memcpy(text + length, words, n);
    }
    memcpy(text + length, tail, strlen(tail));
    length += strlen(tail);
}

static void strings_of(const char *name, const char *words)
{
    const asg_scan_t *scan;

    for (unsigned i = 0; (scan = asg_scan_at(i)) != NULL; i++) {
        printf("string, %-12s %-8s", name, scan->name);
        for (size_t k = 0; k < 3; k++) {
            fill("", words, "", sizes[k]);
            printf(" %9.1f", speed_of(scan_text, (void *) (uintptr_t) scan));
        }
        printf("\n");
    }
}

/* --- whole requests --- */

static asg_request_t request;
static asg_refusal_t why;

static void scan_request(void *data)
{
    static asg_request_reader_t reader = {.seed = 7};

    (void) data;
    if (asg_request_scan(&reader, ASG_API_CHAT, (asg_str_t) {text, length},
                         &request, &why) != ASG_OK)
    {
        abort();
    }
}

/* The same with the guardrails on. */
static void guard_request(void *data)
{
    static asg_request_reader_t reader = {.seed = 7};
    static asg_action_t actions[ASG_RULE_MAX];
    static asg_guard_t guard;

    (void) data;
    asg_guard_actions_default(actions);
    asg_guard_begin(&guard, actions);
    reader.guard = &guard;
    if (asg_request_scan(&reader, ASG_API_CHAT, (asg_str_t) {text, length},
                         &request, &why) != ASG_OK)
    {
        abort();
    }
}

static void see_hit(void *data, const asg_hit_t *hit)
{
    (void) data;
    sink = hit->end;
}

static void guard_text(void *data)
{
    (void) data;
    asg_guard_find((asg_str_t) {text, length}, 0, length, see_hit, NULL);
}

static void guardrails_of(const char *name, const char *words)
{
    printf("guardrails, %-17s", name);
    for (size_t k = 0; k < 3; k++) {
        fill("", words, "", sizes[k]);
        printf(" %9.1f", speed_of(guard_text, NULL));
    }
    printf("\n");
}

/* --- the rules of an operator, on top of the seven --- */

#define OWN_WORDS  5000
#define OWN_BYTES  ((size_t) 1 << 24)

static asg_guard_set_t own;
static asg_guard_search_t own_search;
static uint64_t own_rules;

static void *own_alloc(size_t size, void *data)
{
    (void) data;
    return malloc(size);
}

static void own_free(void *block, void *data)
{
    (void) data;
    free(block);
}

static void own_patterns(void)
{
    static const char *const patterns[] = {
        "\\bTCK-\\d{6}\\b", "\\b[A-Z]{2}\\d{2}(?: ?[0-9A-Z]{4}){3,7}\\b",
        "(?i)\\bconfidential\\b", "\\b\\d{3}[- ]\\d{3}[- ]\\d{4}\\b",
        "https?://[a-z.]*\\.internal\\b", "\\bxox[bp]-[0-9A-Za-z-]{20,}",
        "\\b(?:10|192\\.168)(?:\\.\\d{1,3}){2,3}\\b", "(?i)\\bemployee id \\d+",
        "-----BEGIN CERTIFICATE", "\\beyJ[\\w-]+\\.eyJ[\\w-]+"
    };
    char said[ASG_PATTERN_WHY];

    own.patterns.alloc = own_alloc;
    own.patterns.free = own_free;
    if (!asg_patterns_init(&own.patterns)) {
        abort();
    }
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
        if (asg_pattern_compile(&own.patterns, (asg_str_t) {patterns[i],
                                strlen(patterns[i])}, false,
                                &own.rules[own.nrules++].pattern, said)
            != ASG_OK)
        {
            abort();
        }
    }
}

static void own_words(void)
{
    static char list[OWN_WORDS * 24];
    static asg_words_slot_t slots[4 * OWN_WORDS];
    static char storage[OWN_WORDS * ASG_WORDS_KEY];
    asg_str_t file = {list, 0};
    asg_words_file_t needs;

    for (unsigned i = 0; i < OWN_WORDS; i++) {
        file.len += (size_t) snprintf(list + file.len, 24,
                                      i % 5 == 0 ? "the secret %u\n"
                                                 : "codename%u\n", i);
    }
    if (asg_words_check(file, &needs) != ASG_OK
        || asg_words_slots(needs.parts) > sizeof(slots) / sizeof(*slots))
    {
        abort();
    }
    asg_words_init(&own.words[1], true, slots, asg_words_slots(needs.parts),
                   storage, sizeof(storage));
    if (asg_words_add(&own.words[1], file, own.nrules) != ASG_OK) {
        abort();
    }
    own.rules[own.nrules++].is_words = true;
}

static void own_text(void *data)
{
    asg_guard_told_t told;

    (void) data;
    asg_guard_told_begin(&told);
    own_search.wanted = own_rules;
    asg_guard_find_all(&own_search, &told, (asg_str_t) {text, length}, 0,
                       length, true, see_hit, NULL);
    if (own_search.gave_up != 0) {
        abort();
    }
}

static void own_of(const char *name, const char *words, uint64_t rules)
{
    own_search = (asg_guard_search_t) {.set = &own};
    own_rules = rules;
    round_bytes = OWN_BYTES;
    printf("  %-27s", name);
    for (size_t k = 0; k < 3; k++) {
        fill("", words, "", sizes[k]);
        printf(" %9.3f", speed_of(own_text, NULL));
    }
    printf("\n");
    round_bytes = ROUND_BYTES;
}

static void own_rules_of(const char *words)
{
    uint64_t patterns = (UINT64_C(1) << (own.nrules - 1)) - 1;

    own_of("and one pattern", words, 1);
    own_of("and ten patterns", words, patterns);
    own_of("and 5000 words, too", words, patterns << 1 | 1);
    own_of("5000 words alone", words, UINT64_C(1) << (own.nrules - 1));
}

static void fill_request(const char *words, size_t size)
{
    fill("{\"model\":\"bench\",\"max_tokens\":20,\"messages\":[{\"role\":"
         "\"user\",\"content\":\"", words, "\"}]}", size);
}

static void requests_of(const char *name, const char *words)
{
    printf("request, %-20s", name);
    for (size_t k = 0; k < 3; k++) {
        fill_request(words, sizes[k]);
        printf(" %9.1f", speed_of(scan_request, NULL));
    }
    printf("\n");
}

static void guarded_of(const char *name, const char *words)
{
    printf("  guarded, %-18s", name);
    for (size_t k = 0; k < 3; k++) {
        fill_request(words, sizes[k]);
        printf(" %9.1f", speed_of(guard_request, NULL));
    }
    printf("\n");
}

static int append(void *data, const char *bytes, size_t len)
{
    asg_buf_put(data, bytes, len);
    return 0;
}

/* As a call does it: tried, then written. */
static void translate_request(void *data)
{
    static char out[TEXT_MAX];
    asg_anthropic_rewrite_t rewrite = {.model = ASG_STR("bench"),
        .user = ASG_STR("proj-2026-0001"), .max_tokens = 20};
    uint64_t n;
    asg_buf_t b;

    (void) data;
    asg_buf_init(&b, out, sizeof(out));
    if (asg_anthropic_request(&request, &rewrite, NULL, NULL, &n, &why)
        != ASG_OK
        || asg_anthropic_request(&request, &rewrite, append, &b, &n, &why)
           != ASG_OK || b.len != n)
    {
        abort();
    }
}

static void translations_of(const char *name, const char *words)
{
    printf("to Anthropic's, %-13s", name);
    for (size_t k = 0; k < 3; k++) {
        fill_request(words, sizes[k]);
        scan_request(NULL);
        printf(" %9.1f", speed_of(translate_request, NULL));
    }
    printf("\n");
}

/* --- streams --- */

static int drop(void *data, const char *bytes, size_t len)
{
    (void) data;
    (void) bytes;
    sink = len;
    return 0;
}

static void read_stream(void *data)
{
    static asg_answer_t answer;
    static char line[ASG_ANSWER_LINE];
    static asg_leak_t leak;
    size_t chunk = *(const size_t *) data;

    if (!asg_leak_is_set(&leak)) {
        asg_leak_init(&leak, ASG_STR("sk-bench-0a1B2c3D4e5F6g7H8i9J0k1L2m3N"));
    }
    asg_answer_init(&answer, ASG_STR("bench"), false, 0, line);
    answer.leak = &leak;
    for (size_t at = 0; at < length; at += chunk) {
        size_t n = length - at < chunk ? length - at : chunk;

        if (asg_answer_feed(&answer, text + at, n, drop, NULL) != 0) {
            abort();
        }
    }
}

/* --- streams that guardrails look at --- */

static char memory[1 << 20];
static size_t memory_used;

/* Of one stream; nothing is given back. */
static void *take_memory(void *data, void *old, size_t used, size_t size)
{
    char *more = memory + memory_used;

    (void) data;
    if (size > sizeof(memory) - memory_used) {
        abort();
    }
    if (used > 0) {
        memcpy(more, old, used);
    }
    memory_used += (size + 15) / 16 * 16;
    return more;
}

static int guard_piece(void *data, const char *bytes, size_t len)
{
    return asg_guard_answer_feed(data, bytes, len);
}

static asg_action_t answer_action;

/* Metered first, as the module does it. */
static void guard_stream(void *data)
{
    static asg_guard_answer_t guard;
    static asg_answer_t answer;
    static char line[ASG_ANSWER_LINE];
    asg_action_t actions[ASG_RULE_MAX];
    size_t chunk = *(const size_t *) data;

    for (unsigned i = 0; i < ASG_RULE_MAX; i++) {
        actions[i] = i < ASG_RULE_COUNT ? answer_action : ASG_ACTION_ALLOW;
    }
    memory_used = 0;
    asg_guard_answer_begin(&guard, ASG_API_CHAT, true, NULL, actions);
    guard.emit = drop;
    guard.alloc = take_memory;
    asg_answer_init(&answer, ASG_STR("bench"), false, 0, line);
    for (size_t at = 0; at < length; at += chunk) {
        size_t n = length - at < chunk ? length - at : chunk;

        if (asg_answer_feed(&answer, text + at, n, guard_piece, &guard) != 0) {
            abort();
        }
    }
    if (asg_guard_answer_end(&guard) != 0 || guard.failed || guard.too_large) {
        abort();
    }
}

static void guard_stream_of(const char *name, asg_action_t action)
{
    static const size_t chunks[] = {170, 4096, 65536};

    answer_action = action;
    round_bytes = GUARD_BYTES;
    printf("  %-27s", name);
    for (size_t k = 0; k < 3; k++) {
        printf(" %9.2f",
               speed_of(guard_stream, (void *) (uintptr_t) &chunks[k]));
    }
    printf("\n");
    round_bytes = ROUND_BYTES;
}

/* A stream of some 400 kB whose events have `words` bytes of text. */
static void streams_of(const char *name, size_t words)
{
    static const size_t chunks[] = {170, 4096, 65536};
    static char event[8192];
    char blank[4097] = "";

    memset(blank, 'y', words);
    snprintf(event, sizeof(event), "data: {\"id\":\"chatcmpl-1\",\"object\":"
             "\"chat.completion.chunk\",\"created\":1,\"model\":\"bench\","
             "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},"
             "\"finish_reason\":null}]}\n\n", blank);
    fill("", event, "", 400000);
    printf("stream, %-21s", name);
    for (size_t k = 0; k < 3; k++) {
        printf(" %9.1f",
               speed_of(read_stream, (void *) (uintptr_t) &chunks[k]));
    }
    printf("\n");
    guard_stream_of("looked at", ASG_ACTION_FLAG);
    guard_stream_of("held back to redact", ASG_ACTION_REDACT);
}

/* What a match could begin with, again and again, one of them an event. */
static void hostile_streams(void)
{
    static const char *const words[] = {"a@", "4111 ", "-----BEGIN ", "ignore "};
    static char event[256];

    for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++) {
        snprintf(event, sizeof(event), "data: {\"choices\":[{\"index\":0,"
                 "\"delta\":{\"content\":\"%s\"}}]}\n\n", words[i]);
        fill("", event, "", 400000);
        printf("stream of \"%s\"\n", words[i]);
        guard_stream_of("looked at", ASG_ACTION_FLAG);
        guard_stream_of("held back to redact", ASG_ACTION_REDACT);
    }
}

static int feed_answer(void *data, const char *bytes, size_t len)
{
    return asg_answer_feed(data, bytes, len, drop, NULL);
}

static void translate_stream(void *data)
{
    static asg_anthropic_stream_t stream;
    static char event[ASG_ANTHROPIC_EVENT];
    static asg_answer_t answer;
    static char line[ASG_ANSWER_LINE];
    static asg_json_t json;
    asg_anthropic_show_t show = {.model = ASG_STR("bench"), .created = 1};
    size_t chunk = *(const size_t *) data;

    asg_answer_init(&answer, ASG_STR("bench"), false, 0, line);
    asg_anthropic_stream_init(&stream, &json, 7, &show, event);
    for (size_t at = 0; at < length; at += chunk) {
        size_t n = length - at < chunk ? length - at : chunk;

        if (asg_anthropic_stream_feed(&stream, text + at, n, feed_answer,
                                      &answer) != 0
            || stream.state != ASG_ANTHROPIC_RUNS)
        {
            abort();
        }
    }
}

static void messages(void)
{
    static const size_t chunks[] = {170, 4096, 65536};

    fill("data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\"}}\n\n"
         "data: {\"type\":\"content_block_start\",\"index\":0,"
         "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
         "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
         "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
         "\"ten bytes \"}}\n\n", "", 400000);
    printf("of Anthropic's, %-13s", "135 bytes");
    for (size_t k = 0; k < 3; k++) {
        printf(" %9.1f",
               speed_of(translate_stream, (void *) (uintptr_t) &chunks[k]));
    }
    printf("\n");
}

int main(void)
{
    printf("%-29s %9s %9s %9s\n", "GB/s", "600 B", "10 kB", "200 kB");
    strings_of("English", "The quick brown fox jumps over the dog. ");
    strings_of("Russian", "Съешь же ещё этих мягких булок, ");
    strings_of("Chinese", "我能吞下玻璃而不伤身体。");
    own_patterns();
    own_words();
    guardrails_of("English", "The quick brown fox jumps over the dog. ");
    own_rules_of("The quick brown fox jumps over the dog. ");
    guardrails_of("numbers", "2026-11-30 12:00:01 4111 1111 1111 1112 ok ");
    own_rules_of("2026-11-30 12:00:01 4111 1111 1111 1112 ok ");
    guardrails_of("only at signs", "@");
    guardrails_of("forget forget", "forget ");
    requests_of("one long word", "x");
    requests_of("English, lines", "The quick brown fox jumps over the lazy dog "
                "and runs from the bear, which sleeps.\\n");
    guarded_of("English, lines", "The quick brown fox jumps over the lazy dog "
               "and runs from the bear, which sleeps.\\n");
    requests_of("Russian", "Съешь же ещё этих мягких булок, ");
    requests_of("Chinese", "我能吞下玻璃而不伤身体。");
    translations_of("English", "The quick brown fox jumps over the lazy dog "
                    "and runs from the bear, which sleeps.\\n");
    printf("\n%-29s %9s %9s %9s\n", "GB/s, in chunks of", "170 B", "4 kB",
           "64 kB");
    streams_of("events of 166 bytes", 10);
    streams_of("events of 4 kB", 3850);
    hostile_streams();
    messages();
    return 0;
}
