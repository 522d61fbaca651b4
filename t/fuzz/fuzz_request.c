/*
 * A scanned body splices into one that scans again and says what was asked.
 *
 * Input: one byte of choices (API, rewrite), the body.
 */
#include <stdlib.h>
#include <string.h>

#include "core/request.h"

#define OUT_MAX (1 << 20)

static asg_request_reader_t reader = {.seed = 7};
static asg_request_t request;
static asg_request_t again;
static asg_refusal_t why;
static asg_splice_t splice;
static char out[OUT_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

static void check_refusal(void)
{
    const char *end = memchr(why.param, '\0', sizeof(why.param));

    must(end != NULL);
    for (const char *p = why.param; p < end; p++) {
        must((unsigned char) *p >= 0x20 && *p != 0x7f);
    }
    must(why.reason > ASG_REASON_NONE && why.reason < ASG_REASON_COUNT);
    must(asg_reason_info(why.reason)->status < 500);
}

static bool is_json(asg_str_t text)
{
    asg_json_event_t event;

    asg_json_begin(&reader.json, text, reader.seed);
    do {
        event = asg_json_next(&reader.json);
    } while (event != ASG_JSON_ERROR && event != ASG_JSON_END);
    return event == ASG_JSON_END;
}

static asg_api_t api_of(uint8_t choices)
{
    if (choices & 0x40) {
        return choices & 1 ? ASG_API_COUNT_TOKENS : ASG_API_MESSAGES;
    }
    return (asg_api_t) (choices & 3);
}

static asg_rewrite_t rewrite_of(uint8_t choices, asg_api_t api)
{
    asg_rewrite_t rewrite = {.model = ASG_STR("served/\"name")};

    if (choices & 0x04) {
        rewrite.user = ASG_STR("proj-2026-0001");
    }
    if (api == ASG_API_MESSAGES) {
        rewrite.max_tokens = choices & 0x08 ? 1000000000 : 0;
        rewrite.max_tokens_field = ASG_STR("max_tokens");
    } else if (api != ASG_API_EMBEDDINGS && api != ASG_API_COUNT_TOKENS) {
        rewrite.max_tokens = 4096;
        rewrite.max_tokens_field = choices & 0x08
                                   ? ASG_STR("max_tokens")
                                   : ASG_STR("max_completion_tokens");
        rewrite.force_usage = choices & 0x10;
        rewrite.drop_stream_options = choices & 0x20;
    }
    return rewrite;
}

static asg_str_t join_pieces(void)
{
    size_t len = 0;

    must(splice.npieces <= ASG_SPLICE_PIECES);
    for (unsigned i = 0; i < splice.npieces; i++) {
        must(splice.piece[i].len <= sizeof(out) - len);
        memcpy(out + len, splice.piece[i].data, splice.piece[i].len);
        len += splice.piece[i].len;
    }
    must(len == splice.length);
    return (asg_str_t) {out, len};
}

static void check_outcome(const asg_rewrite_t *rewrite)
{
    must(asg_str_eq(again.model, rewrite->model));
    if (asg_api_is_messages(request.api)) {
        must((again.metadata_member.end != 0)
             == (rewrite->user.data != NULL
                 && request.api == ASG_API_MESSAGES));
    } else {
        must(asg_str_eq(again.user, rewrite->user));
    }
    must(again.data_class.data == NULL);
    must(again.safety_id_member.end == 0);
    if (rewrite->max_tokens != 0) {
        must(again.max_tokens == rewrite->max_tokens);
    }
    if (rewrite->drop_stream_options) {
        must(again.stream_options_member.end == 0);
    } else if (rewrite->force_usage) {
        must(again.include_usage);
    }
    must(again.stream == request.stream && again.n == request.n);
    must(again.nunknown == request.nunknown);
    must(again.parts.messages == request.parts.messages);
    must(again.parts.images == request.parts.images);
    must(again.parts.files == request.parts.files);
    must(again.parts.audios == request.parts.audios);
    must(again.parts.tools == request.parts.tools);
    must(again.parts.voices == request.parts.voices);
    must(again.parts.typed_tools == request.parts.typed_tools);
    must(again.parts.media_bytes == request.parts.media_bytes);
}

/* Nothing is counted out of thin air, and each kind of part has a place. */
static void check_parts(void)
{
    const asg_parts_t *p = &request.parts;

    must(p->media_bytes >= 0 && p->predicted_bytes >= 0 && p->values >= 0);
    must(p->media_bytes + p->predicted_bytes + p->values <= p->bytes);
    must((p->images > 0) == (request.first_at[ASG_PART_IMAGE][0] != '\0'));
    must((p->files > 0) == (request.first_at[ASG_PART_FILE][0] != '\0'));
    must((p->audios > 0) == (request.first_at[ASG_PART_AUDIO][0] != '\0'));
    must((p->voices > 0) == (request.first_at[ASG_PART_VOICE][0] != '\0'));
    must((p->typed_tools > 0)
         == (request.first_at[ASG_PART_TYPED_TOOL][0] != '\0'));
}

static void check_unknown(void)
{
    asg_str_t first = asg_request_first_unknown(&request, NULL, 0);

    must((first.data != NULL) == (request.nunknown > 0));
    must(asg_request_first_unknown(&request, request.unknown,
                                   request.nunknown).data == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_api_t api = size > 0 ? api_of(data[0]) : ASG_API_CHAT;
    asg_rewrite_t rewrite;
    asg_str_t body;

    if (size == 0 || size > OUT_MAX / 2) {
        return 0;
    }
    body = (asg_str_t) {(const char *) data + 1, size - 1};
    if (asg_request_scan(&reader, api, body, &request, &why) != ASG_OK) {
        check_refusal();
        return 0;
    }
    must(is_json(body));
    check_parts();
    check_unknown();
    rewrite = rewrite_of(data[0], api);
    must(asg_request_splice(&request, &rewrite, &splice) == ASG_OK);
    /* the added members may be those beyond the limit of keys */
    if (asg_request_scan(&reader, api, join_pieces(), &again, &why)
        == ASG_OK)
    {
        check_outcome(&rewrite);
    } else {
        must(why.reason == ASG_REASON_JSON_LIMIT);
    }
    return 0;
}
