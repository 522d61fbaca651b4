/*
 * Of a list of networks that is taken each has its own first address, and none
 * has bits behind its length; whatever is asked of it reads no byte beyond.
 */
#include <stdlib.h>

#include "core/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text = {(const char *) data, size};
    asg_networks_t list, other;
    char again[ASG_NETWORKS_TEXT];
    asg_buf_t b;

    if (asg_networks_parse(text, &list) != ASG_OK) {
        return 0;
    }
    must(list.n <= ASG_NETWORKS_MAX && (list.n > 0) == (size > 0));
    for (unsigned i = 0; i < list.n; i++) {
        must(list.of[i].len == 4 || list.of[i].len == 16);
        must(list.of[i].bits <= 8 * list.of[i].len);
        must(asg_networks_have(&list, list.of[i].address, list.of[i].len));
    }
    must(!asg_networks_have(&list, data, 3));
    asg_buf_init(&b, again, sizeof(again));
    asg_networks_write(&b, &list);
    must(asg_buf_ok(&b));
    must(asg_networks_parse(asg_buf_view(&b), &other) == ASG_OK);
    must(other.n == list.n);
    return 0;
}
