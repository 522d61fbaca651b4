/* End users: the id of one, from what a client says. */
#include "core/end_user.h"

#include <string.h>

#include <openssl/crypto.h>


#define HEAD     "eu_"
#define WORD     "the end user of a project of asgard, as its client says\n"
#define HALF     16                     /* bytes of the digest */
#define QUARTER  8

asg_err_t asg_end_user_id(const asg_key_pads_t *pads, asg_str_t project,
    asg_str_t said, char out[ASG_END_USER_CHARS + 1])
{
    char head[sizeof(WORD) + ASG_ID_MAX + 1];
    uint8_t mac[ASG_KEY_DIGEST_BYTES];
    asg_buf_t b;

    if (said.len == 0 || said.len > ASG_END_USER_SAID) {
        return ASG_ERR_SPACE;
    }
    asg_buf_init(&b, head, sizeof(head));
    asg_buf_z(&b, WORD);
    asg_buf_put(&b, project.data, project.len);
    asg_buf_z(&b, "\n");
    if (!asg_buf_ok(&b)) {
        return ASG_ERR_SPACE;
    }
    asg_key_pads_mac(pads, (asg_str_t) {b.data, b.len}, said, mac);

    memcpy(out, HEAD, sizeof(HEAD) - 1);
    asg_buf_init(&b, out + sizeof(HEAD) - 1,
                 ASG_END_USER_CHARS + 1 - (sizeof(HEAD) - 1));
    asg_buf_hex(&b, mac, HALF);
    out[ASG_END_USER_CHARS] = '\0';
    OPENSSL_cleanse(mac, sizeof(mac));
    return ASG_OK;
}

void asg_end_user_budget(asg_str_t project, asg_str_t who,
    char out[ASG_BUDGET_SHORT + 1])
{
    char name[ASG_ID_MAX + 1 + ASG_END_USER_CHARS];
    uint8_t sha[SHA256_DIGEST_LENGTH];
    asg_buf_t b;

    asg_buf_init(&b, name, sizeof(name));
    asg_buf_str(&b, project);
    asg_buf_z(&b, "/");
    asg_buf_str(&b, who);
    (void) SHA256((const uint8_t *) name, b.len, sha);
    asg_buf_init(&b, out, ASG_BUDGET_SHORT + 1);
    asg_buf_z(&b, "e.");
    asg_buf_hex(&b, sha, QUARTER);
    out[ASG_BUDGET_SHORT] = '\0';
}

bool asg_end_user_is_id(asg_str_t text)
{
    if (text.len != ASG_END_USER_CHARS
        || memcmp(text.data, HEAD, sizeof(HEAD) - 1) != 0)
    {
        return false;
    }
    for (size_t i = sizeof(HEAD) - 1; i < text.len; i++) {
        char c = text.data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
    }
    return true;
}
