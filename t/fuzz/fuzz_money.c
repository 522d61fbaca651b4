/* An amount that is read is written and read again the same; any integer is
 * written as text that reads back, and a price never leaves its range. */
#include <assert.h>
#include <string.h>

#include "core/money.h"
#include "core/price.h"

static void check_text(asg_str_t text)
{
    char out[ASG_MONEY_TEXT];
    asg_nusd_t n = -1;
    asg_nusd_t again;
    size_t len;

    if (asg_money_parse(text, &n) != ASG_OK) {
        assert(n == -1);
        return;
    }
    assert(n >= 0 && n <= ASG_NUSD_MAX);
    len = asg_money_format(n, out);
    assert(len <= text.len);            /* it is the shortest */
    assert(asg_money_parse((asg_str_t) {out, len}, &again) == ASG_OK);
    assert(again == n);
}

static void check_number(int64_t n)
{
    char out[ASG_MONEY_TEXT];
    size_t len = asg_money_format(n, out);
    size_t sign = n < 0;
    uint64_t size = n < 0 ? 0 - (uint64_t) n : (uint64_t) n;
    asg_nusd_t again;
    asg_err_t err;

    assert(len == strlen(out) && (out[0] == '-') == (n < 0));
    err = asg_money_parse((asg_str_t) {out + sign, len - sign}, &again);
    if (size <= (uint64_t) ASG_NUSD_MAX) {
        assert(err == ASG_OK && (uint64_t) again == size);
    } else {
        assert(err == ASG_ERR_RANGE);
    }
}

static void check_price(asg_str_t text)
{
    int64_t one = -1;
    int64_t thousand = -1;

    if (asg_price_parse(text, 1, &one) == ASG_OK) {
        assert(one >= 0 && one <= ASG_PUSD_MAX);
        assert(asg_price_parse(text, 1000, &thousand) == ASG_OK);
        assert(thousand == (one + 999) / 1000);     /* both round up */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    asg_str_t text = {(const char *) data, size};
    int64_t n;

    check_text(text);
    check_price(text);
    if (size >= sizeof(n)) {
        memcpy(&n, data, sizeof(n));
        check_number(n);
        check_number(n % ASG_NUSD_MAX);
    }
    return 0;
}
