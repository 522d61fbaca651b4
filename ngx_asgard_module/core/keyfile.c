/* Files of named keys: the key file, and that of key-encryption keys. */
#include "core/keyfile.h"

#include <string.h>

#include <openssl/crypto.h>

#include "core/weak.h"

#define LINES_MAX       64
#define LINE_BYTES_MAX  512
#define WORDS           3               /* kind, id, hex */

typedef struct {
    const char *word;                   /* that its lines begin with */
    asg_named_key_t *keys;
    size_t *count;
} list_t;

typedef struct {
    list_t list[2];                     /* without a word: none */
    const char *expected;
} kinds_t;

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of the line, empty at its end or at a comment. */
static asg_str_t next_word(asg_str_t line, size_t *at)
{
    size_t from;

    while (*at < line.len && is_blank(line.data[*at])) {
        (*at)++;
    }
    from = *at;
    while (*at < line.len && !is_blank(line.data[*at])
           && line.data[*at] != '#')
    {
        (*at)++;
    }
    return (asg_str_t) {line.data + from, *at - from};
}

static bool is_id(asg_str_t id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))) {
            return false;
        }
    }
    return id.len >= 1 && id.len <= ASG_KEYFILE_ID_MAX;
}

static const asg_named_key_t *find(const asg_named_key_t *keys, size_t n,
    asg_str_t id)
{
    for (size_t i = 0; i < n; i++) {
        if (asg_str_eq_z(id, keys[i].id)) {
            return &keys[i];
        }
    }
    return NULL;
}

static asg_err_t fail(asg_keyfile_error_t *error, asg_err_t err,
    const char *text)
{
    error->text = text;
    return err;
}

static asg_err_t add_key(list_t list, asg_str_t id, asg_str_t hex,
    asg_keyfile_error_t *error)
{
    asg_named_key_t *key;

    if (!is_id(id)) {
        return fail(error, ASG_ERR_SYNTAX,
                    "the id must be 1 to 16 of a-z and 0-9");
    }
    if (find(list.keys, *list.count, id) != NULL) {
        return fail(error, ASG_ERR_RANGE, "this id stands twice");
    }
    if (*list.count == ASG_KEYFILE_KEYS_MAX) {
        return fail(error, ASG_ERR_LIMIT, "more than 16 keys of one kind");
    }
    key = &list.keys[*list.count];
    if (!asg_hex_decode(hex, key->secret, ASG_SECRET_BYTES)) {
        return fail(error, ASG_ERR_SYNTAX,
                    "the key must be 64 lower-case hex digits");
    }
    if (asg_weak_key(key->secret, ASG_SECRET_BYTES)) {
        return fail(error, ASG_ERR_RANGE, "the key repeats one byte, counts, "
                    "or has too few different bytes: it is not random; make "
                    "one with openssl rand -hex 32");
    }
    memcpy(key->id, id.data, id.len);
    (*list.count)++;
    return ASG_OK;
}

static asg_err_t parse_line(const kinds_t *kinds, asg_str_t line,
    asg_keyfile_error_t *error)
{
    asg_str_t word[WORDS + 1];
    size_t at = 0;

    if (line.len > LINE_BYTES_MAX) {
        return fail(error, ASG_ERR_LIMIT, "longer than 512 bytes");
    }
    for (size_t i = 0; i < WORDS + 1; i++) {
        word[i] = next_word(line, &at);
    }
    if (word[0].len == 0) {
        return ASG_OK;
    }
    if (word[WORDS].len > 0) {
        return fail(error, ASG_ERR_SYNTAX, "more than three words");
    }
    for (size_t i = 0; i < 2; i++) {
        if (asg_str_eq_z(word[0], kinds->list[i].word)) {
            return add_key(kinds->list[i], word[1], word[2], error);
        }
    }
    return fail(error, ASG_ERR_SYNTAX, kinds->expected);
}

static asg_err_t parse_lines(const kinds_t *kinds, asg_str_t text,
    asg_keyfile_error_t *error)
{
    size_t at = 0;

    *error = (asg_keyfile_error_t) {0, NULL};
    if (text.len > ASG_KEYFILE_BYTES_MAX) {
        return fail(error, ASG_ERR_LIMIT, "larger than 32,768 bytes");
    }

    while (at < text.len) {
        const char *from = text.data + at;
        const char *feed = memchr(from, '\n', text.len - at);
        size_t len = feed != NULL ? (size_t) (feed - from) : text.len - at;
        asg_err_t err;

        if (error->line == LINES_MAX) {
            return fail(error, ASG_ERR_LIMIT, "more than 64 lines");
        }
        error->line++;
        err = parse_line(kinds, (asg_str_t) {from, len}, error);
        if (err != ASG_OK) {
            return err;
        }
        at += len + 1;
    }
    return ASG_OK;
}

static asg_err_t check_whole(const asg_keyfile_t *f, bool pepper_only,
    asg_keyfile_error_t *error)
{
    error->line = 0;
    if (f->npeppers == 0) {
        return fail(error, ASG_ERR_MISSING, "no pepper line");
    }
    if (f->nseals == 0 && !pepper_only) {
        return fail(error, ASG_ERR_MISSING, "no seal line");
    }
    return ASG_OK;
}

asg_err_t asg_keyfile_parse(asg_str_t text, bool pepper_only,
    asg_keyfile_t *out, asg_keyfile_error_t *error)
{
    asg_keyfile_t f = {0};
    const kinds_t kinds = {{{"seal", f.seals, &f.nseals},
                            {"pepper", f.peppers, &f.npeppers}},
                           "must begin with seal or pepper"};
    asg_err_t err = parse_lines(&kinds, text, error);

    if (err == ASG_OK) {
        err = check_whole(&f, pepper_only, error);
    }
    if (err == ASG_OK) {
        *out = f;
    }
    asg_keyfile_wipe(&f);
    return err;
}

const asg_named_key_t *asg_keyfile_seal(const asg_keyfile_t *f, asg_str_t id)
{
    return find(f->seals, f->nseals, id);
}

const asg_named_key_t *asg_keyfile_pepper(const asg_keyfile_t *f, asg_str_t id)
{
    return find(f->peppers, f->npeppers, id);
}

void asg_keyfile_wipe(asg_keyfile_t *f)
{
    OPENSSL_cleanse(f, sizeof(*f));
}

asg_err_t asg_keks_parse(asg_str_t text, asg_keks_t *out,
    asg_keyfile_error_t *error)
{
    asg_keks_t f = {0};
    const kinds_t kinds = {{{"kek", f.keks, &f.nkeks}, {NULL, NULL, NULL}},
                           "must begin with kek"};
    asg_err_t err = parse_lines(&kinds, text, error);

    if (err == ASG_OK && f.nkeks == 0) {
        error->line = 0;
        err = fail(error, ASG_ERR_MISSING, "no kek line");
    }
    if (err == ASG_OK) {
        *out = f;
    }
    asg_keks_wipe(&f);
    return err;
}

const asg_named_key_t *asg_keks_find(const asg_keks_t *f, asg_str_t id)
{
    return find(f->keks, f->nkeks, id);
}

void asg_keks_wipe(asg_keks_t *f)
{
    OPENSSL_cleanse(f, sizeof(*f));
}
