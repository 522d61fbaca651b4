/*
 * Base URLs, their join with a path, and inner hosts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/url.h"

typedef struct {
    const char *text;
    bool tls;
    const char *host;
    bool ipv6;
    unsigned port;
    bool explicit_port;
    const char *path;
} url_row_t;

static void a_url_is_taken_apart(void **state)
{
    static const url_row_t rows[] = {
        {"http://x", false, "x", false, 80, false, ""},
        {"https://x", true, "x", false, 443, false, ""},
        {"HTTPS://API.Example.com:8443/v1/", true, "API.Example.com", false,
         8443, true, "/v1/"},
        {"http://10.0.0.1:4000", false, "10.0.0.1", false, 4000, true, ""},
        {"http://[::1]:4000/a", false, "::1", true, 4000, true, "/a"},
        {"http://[2001:db8::ffff:1.2.3.4]", false, "2001:db8::ffff:1.2.3.4",
         true, 80, false, ""},
        {"http://a_b-c.d.:80/", false, "a_b-c.d.", false, 80, true, "/"},
        {"http://3com.example", false, "3com.example", false, 80, false, ""},
        {"http://x:65535/%2f", false, "x", false, 65535, true, "/%2f"},
    };

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        asg_url_t url;

        if (asg_url_parse(asg_str_z(rows[i].text), &url) != ASG_OK) {
            fail_msg("%s", rows[i].text);
        }
        assert_int_equal(url.tls, rows[i].tls);
        assert_true(asg_str_eq_z(url.host, rows[i].host));
        assert_int_equal(url.ipv6, rows[i].ipv6);
        assert_int_equal(url.port, rows[i].port);
        assert_int_equal(url.explicit_port, rows[i].explicit_port);
        assert_true(asg_str_eq_z(url.path, rows[i].path));
    }
}

static void what_two_readers_could_read_differently_is_refused(void **state)
{
    static const char *const bad[] = {
        "", "x", "http:", "http:/x", "http://", "https:///a", "ftp://x",
        "file:///etc/passwd", " http://x", "http://x ", "http://x\n",
        "http://a b", "http://u@x", "http://u:p@x/", "http://x?q",
        "http://x/?q", "http://x#f", "http://x\\y", "http://x/\\..",
        "http://x:", "http://x:0", "http://x:65536", "http://x:+80",
        "http://x:080", "http://x:8a", "http://x:80:80", "http://[::1",
        "http://[::1]80", "http://[]", "http://[:::]", "http://[1::2::3]",
        "http://[1:2:3:4:5:6:7]", "http://[1:2:3:4:5:6:7:8:9]",
        "http://[12345::]", "http://[::1%25eth0]", "http://[1:]",
        "http://[:1]", "http://[::1.2.3]", "http://[1:2:3:4:5:6:7:1.2.3.4]",
        "http://::1/", "http://-x", "http://x-", "http://x-.y", "http://.x",
        "http://x..y", "http://.", "http://x%2ey", "http://\xc3\xa9.com",
        "http://127.1", "http://2130706433", "http://0x7f.1",
        "http://0177.0.0.1", "http://1.2.3.4.5", "http://256.1.1.1",
        "http://1.2.3.4.", "http://x.0x1", "http://x.1", "http://x/\x7f",
    };
    asg_url_t url = {.port = 7};

    (void) state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (asg_url_parse(asg_str_z(bad[i]), &url) != ASG_ERR_SYNTAX) {
            fail_msg("accepted: %s", bad[i]);
        }
    }
    assert_int_equal(url.port, 7);
}

static void lengths_are_bounded(void **state)
{
    char text[ASG_URL_MAX + 2] = "http://x/";
    asg_url_t url;

    (void) state;
    memset(text + 9, 'a', sizeof(text) - 9);
    assert_int_equal(asg_url_parse((asg_str_t) {text, ASG_URL_MAX}, &url),
                     ASG_OK);
    assert_int_equal(asg_url_parse((asg_str_t) {text, ASG_URL_MAX + 1}, &url),
                     ASG_ERR_LIMIT);
    memset(text + 7, 'a', 64);
    text[7 + 63] = '/';
    assert_int_equal(asg_url_parse((asg_str_t) {text, 80}, &url), ASG_OK);
    text[7 + 63] = 'a';
    text[7 + 64] = '/';
    assert_int_equal(asg_url_parse((asg_str_t) {text, 80}, &url),
                     ASG_ERR_SYNTAX);
}

typedef struct {
    const char *base;
    const char *path;
    const char *model;
    const char *wanted;
} join_row_t;

static void a_base_and_a_path_join_without_doubling_v1(void **state)
{
    static const join_row_t rows[] = {
        {"http://x", "/v1/chat/completions", "m", "/v1/chat/completions"},
        {"http://x/", "/v1/chat/completions", "m", "/v1/chat/completions"},
        {"http://x/v1", "/v1/chat/completions", "m", "/v1/chat/completions"},
        {"http://x/v1/", "/v1/chat/completions", "m", "/v1/chat/completions"},
        {"http://x/a/v1//", "/v1/models", "m", "/a/v1/models"},
        {"http://x/a", "/v1/models", "m", "/a/v1/models"},
        {"http://x/v1", "/v1", "m", "/v1/"},
        {"http://x/v1", "/v1beta/models", "m", "/v1/v1beta/models"},
        {"http://x/v1beta", "/v1/models", "m", "/v1beta/v1/models"},
        {"http://x/av1", "/v1/models", "m", "/av1/v1/models"},
        {"http://x", "chat", "m", "/chat"},
        {"http://x/v1", "", "m", "/v1/"},
        {"http://x", "/serving-endpoints/{model}/invocations", "a b/\xc3\xa9",
         "/serving-endpoints/a%20b%2F%C3%A9/invocations"},
        {"http://x", "/{model", "m", "/{model"},
        {"http://x", "/{model}{model}", "m-._~0", "/m-._~0m-._~0"},
    };

    (void) state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char storage[128] = "";
        asg_url_t url;
        asg_buf_t out;

        assert_int_equal(asg_url_parse(asg_str_z(rows[i].base), &url), ASG_OK);
        asg_buf_init(&out, storage, sizeof(storage) - 1);
        assert_int_equal(asg_url_join(&url, asg_str_z(rows[i].path),
                                      asg_str_z(rows[i].model), &out), ASG_OK);
        assert_string_equal(storage, rows[i].wanted);
    }
}

static void a_join_that_does_not_fit_leaves_the_buffer_alone(void **state)
{
    char storage[8];
    asg_url_t url;
    asg_buf_t out;

    (void) state;
    assert_int_equal(asg_url_parse(ASG_STR("http://x/v1"), &url), ASG_OK);
    asg_buf_init(&out, storage, sizeof(storage));
    assert_int_equal(asg_url_join(&url, ASG_STR("/chat"), ASG_STR("m"), &out),
                     ASG_OK);
    assert_int_equal(out.len, 8);
    asg_buf_init(&out, storage, sizeof(storage));
    assert_int_equal(asg_url_join(&url, ASG_STR("/chats"), ASG_STR("m"), &out),
                     ASG_ERR_SPACE);
    assert_int_equal(out.len, 0);
}

static void inner_hosts_are_known_in_every_spelling(void **state)
{
    static const char *const internal[] = {
        "", "0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255", "100.64.0.0",
        "100.127.255.255", "127.0.0.1", "127.255.0.1", "169.254.169.254",
        "172.16.0.1", "172.31.255.255", "192.0.0.8", "192.168.1.1",
        "198.18.0.1", "198.19.255.255", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::", "::1", "0:0:0:0:0:0:0:1", "::127.0.0.1",
        "::ffff:10.0.0.1", "::ffff:a00:1", "::FFFF:7f00:1",
        "::ffff:0:127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1",
        "2002:0a00:0001::", "2002:7f00:1::1", "2001:0:1::", "fc00::1",
        "fd12:3456::1", "fe80::1", "febf::1", "fec0::1", "ff02::1",
        "localhost", "LOCALHOST", "localhost.", "a.localhost",
        "localhost.localdomain", "redis", "metadata.google.internal",
        "a.b.svc.cluster.local", "printer.local", "router.home.arpa",
        "kubernetes.default", "dns.kube-system", "db.service.consul",
        "2130706433", "0x7f000001", "127.1", "0177.0.0.1", "127.0.0.1.",
    };
    static const char *const public[] = {
        "8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255",
        "100.128.0.0", "126.0.0.1", "128.0.0.1", "169.253.0.1", "172.15.0.1",
        "172.32.0.1", "192.167.0.1", "192.0.1.1", "198.17.0.1", "198.20.0.1",
        "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::8",
        "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::",
        "example.com", "api.openai.com.", "10.example.com",
        "localhost.example.com", "internal.example.com",
    };

    (void) state;
    assert_true(asg_url_host_is_loopback(ASG_STR("127.8.0.1")));
    assert_true(asg_url_host_is_loopback(ASG_STR("::1")));
    assert_true(asg_url_host_is_loopback(ASG_STR("LocalHost.")));
    assert_false(asg_url_host_is_loopback(ASG_STR("10.0.0.1")));
    assert_false(asg_url_host_is_loopback(ASG_STR("::2")));
    assert_false(asg_url_host_is_loopback(ASG_STR("notlocalhost")));
    assert_false(asg_url_host_is_loopback(ASG_STR("127.0.0.1.example.com")));
    for (size_t i = 0; i < sizeof(internal) / sizeof(*internal); i++) {
        if (!asg_url_host_is_internal(asg_str_z(internal[i]))) {
            fail_msg("taken for public: %s", internal[i]);
        }
    }
    for (size_t i = 0; i < sizeof(public) / sizeof(*public); i++) {
        if (asg_url_host_is_internal(asg_str_z(public[i]))) {
            fail_msg("taken for internal: %s", public[i]);
        }
    }
}

static void a_peer_is_of_this_machine_by_its_host(void **state)
{
    static const char *const near[] = {
        "127.0.0.1:6379", "127.0.0.1", "localhost:1", "[::1]:6379", "[::1]",
    };
    static const char *const far[] = {
        "10.0.0.5:6379", "redis.example:6379", "[2001:db8::5]:6379",
        "127.0.0.1.example:1", "", ":6379", "[]:1", "::1", "[", "]",
    };

    (void) state;
    for (size_t i = 0; i < sizeof(near) / sizeof(*near); i++) {
        assert_true(asg_url_peer_is_loopback(asg_str_z(near[i])));
    }
    for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++) {
        assert_false(asg_url_peer_is_loopback(asg_str_z(far[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_is_taken_apart),
        cmocka_unit_test(what_two_readers_could_read_differently_is_refused),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(a_base_and_a_path_join_without_doubling_v1),
        cmocka_unit_test(a_join_that_does_not_fit_leaves_the_buffer_alone),
        cmocka_unit_test(inner_hosts_are_known_in_every_spelling),
        cmocka_unit_test(a_peer_is_of_this_machine_by_its_host),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
