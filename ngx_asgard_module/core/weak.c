/* What no secret may be. */
#include "core/weak.h"

#define KEY_BYTES_MIN  16               /* different ones of 32 */

/* Lower-case, without the words that may stand before them. */
static const char *const samples[] = {
    "1234", "12345", "123456", "1234567", "12345678", "123456789",
    "1234567890", "changeme", "change-me", "change_me", "changeit",
    "changethis", "password", "passw0rd", "password1", "password123",
    "passwd", "secret", "mysecret", "supersecret", "secretkey", "secret-key",
    "master", "masterkey", "master-key", "master_key", "key", "mykey",
    "my-key", "apikey", "api-key", "api_key", "your-api-key", "your_api_key",
    "yourapikey", "your-key", "your-master-key", "your-secret", "admin",
    "root", "default", "test", "test-key", "testkey", "demo", "example",
    "sample", "placeholder", "replace-me", "replaceme", "todo", "dummy",
    "fake", "none", "null", "token", "letmein", "qwerty", "foobar", "guest",
    "redis", "postgres", "postgresql", "asgard", "litellm", "openai",
    "anything", "not-needed", "no-key", "empty", "abc123",
    NULL
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

static bool is_in_any_case(asg_str_t text, const char *word)
{
    size_t i;

    for (i = 0; i < text.len && word[i] != '\0'; i++) {
        if (lower(text.data[i]) != word[i]) {
            return false;
        }
    }
    return i == text.len && word[i] == '\0';
}

/* `sk-...`, and a run of one letter, as in xxxxxxxx or sk-XXXX. */
static asg_str_t without_beginning(asg_str_t s)
{
    if (s.len > 3 && is_in_any_case((asg_str_t) {s.data, 3}, "sk-")) {
        return (asg_str_t) {s.data + 3, s.len - 3};
    }
    return s;
}

static bool is_one_letter(asg_str_t s)
{
    for (size_t i = 1; i < s.len; i++) {
        if (s.data[i] != s.data[0]) {
            return false;
        }
    }
    return s.len > 0;
}

bool asg_weak_is_sample(asg_str_t secret)
{
    asg_str_t s = without_beginning(secret);

    for (size_t i = 0; samples[i] != NULL; i++) {
        if (is_in_any_case(s, samples[i])) {
            return true;
        }
    }
    return is_one_letter(s);
}

static unsigned different(const uint8_t *bytes, size_t len)
{
    bool seen[256] = {false};
    unsigned n = 0;

    for (size_t i = 0; i < len; i++) {
        n += !seen[bytes[i]];
        seen[bytes[i]] = true;
    }
    return n;
}

const char *asg_weak_password(asg_str_t password)
{
    if (asg_weak_is_sample(password)) {
        return "is a sample that everybody knows";
    }
    if (password.len < ASG_WEAK_LEN_MIN) {
        return "has fewer than 16 characters";
    }
    if (different((const uint8_t *) password.data, password.len)
        < ASG_WEAK_BYTES_MIN)
    {
        return "has fewer than 8 different characters";
    }
    return NULL;
}

/* 00 01 02 …, as of test vectors. */
static bool is_count(const uint8_t *key, size_t len)
{
    uint8_t step = len > 1 ? (uint8_t) (key[1] - key[0]) : 0;

    for (size_t i = 1; i < len; i++) {
        if ((uint8_t) (key[i] - key[i - 1]) != step) {
            return false;
        }
    }
    return true;
}

bool asg_weak_key(const uint8_t *key, size_t len)
{
    return is_count(key, len) || different(key, len) < KEY_BYTES_MIN;
}
