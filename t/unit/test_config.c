/*
 * asgard-ctl.conf: what is read, and what is refused with file and line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/config.h"
#include "redis/address.h"

#define WHOLE \
    "# comment\nlisten unix:/tmp/a.sock\npostgres postgresql://u@/d\n" \
    "redis 127.0.0.1:1\nkey_file /k\nservices /s1\nservices /s2\n" \
    "pid_file /p\n"

static struct ctl_config config;
static struct ctl_error e;
static mode_t mode = 0600;


static bool
read_text(const char *text)
{
    char path[] = "/tmp/asgard-config-XXXXXX";
    int fd = mkstemp(path);
    bool ok;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
    ctl_error_clear(&e);
    ok = ctl_config_read(&config, path, &e);
    unlink(path);

    return ok;
}


static void
a_whole_file_is_read(void **state)
{
    (void) state;
    assert_true(read_text(WHOLE "socket_mode 0600\napi_threads 3\n"
                          "bad_tokens 0\n"
                          "snapshot_max_age 90m\n"));
    assert_string_equal(config.listen, "/tmp/a.sock");
    assert_int_equal(config.nservices, 2);
    assert_string_equal(config.services[1], "/s2");
    assert_int_equal(config.socket_mode, 0600);
    assert_int_equal(config.api_threads, 3);
    assert_int_equal(config.bad_tokens, 0);
    assert_int_equal(config.snapshot_max_age_s, 5400);
    ctl_config_finish(&config);
}


static void
refused(const char *text, const char *line, const char *param)
{
    assert_false(read_text(text));
    ctl_config_finish(&config);
    assert_string_equal(e.param, param);
    assert_non_null(strstr(e.text, line));
}


static void
errors_name_file_line_and_setting(void **state)
{
    static const char *const ceilings[] = {
        "", "500", "poc", "poc=", "poc=-1", "poc=1e3", "poc=1,poc=2", "x=1",
        "poc=1,", ",poc=1", "poc=1;light-operational=2", "poc =1"
    };
    char text[1024];
    size_t i;

    (void) state;
    refused(WHOLE "nonsense 1\n", ":9:", "nonsense");
    refused(WHOLE "listen unix:/b\n", ":9:", "listen");
    refused("listen /b\n", ":1:", "listen");
    refused(WHOLE "api_threads 0\n", ":9:", "api_threads");
    refused(WHOLE "api_threads 3\napi_threads 4\n", ":10:", "api_threads");
    refused(WHOLE "api_threads 65\n", ":9:", "api_threads");
    refused(WHOLE "bad_tokens 1000001\n", ":9:", "bad_tokens");
    refused(WHOLE "bad_tokens -1\n", ":9:", "bad_tokens");
    refused(WHOLE "snapshot_max_age 24\n", ":9:", "snapshot_max_age");
    for (i = 0; i < sizeof(ceilings) / sizeof(ceilings[0]); i++) {
        snprintf(text, sizeof(text), WHOLE "auto_approve_ceilings %s\n",
                 ceilings[i]);
        refused(text, ":9:", "auto_approve_ceilings");
    }
    refused(WHOLE "auto_approve_resource_cap -1\n", ":9:",
            "auto_approve_resource_cap");
    refused("listen unix:/b\n", "missing", "postgres");
}


static void
the_environment_overrides_the_file(void **state)
{
    (void) state;
    setenv("ASGARD_CTL_KEY_FILE", "/other", 1);
    assert_true(read_text(WHOLE));
    unsetenv("ASGARD_CTL_KEY_FILE");
    assert_string_equal(config.key_file, "/other");
    ctl_config_finish(&config);
}


static void
ceilings_are_of_the_classifications_named(void **state)
{
    asg_nusd_t nusd;

    (void) state;
    assert_true(read_text(WHOLE "auto_approve_ceilings poc=0.5\n"
                          "auto_approve_resource_cap 7\n"));
    assert_true(ctl_self_service_ceiling(&config.self_service, "poc", &nusd));
    assert_int_equal(nusd, 500000000);
    assert_true(ctl_self_service_ceiling(&config.self_service,
                                         "critical-path", &nusd));
    assert_int_equal(nusd, INT64_C(25000000000000));
    assert_false(ctl_self_service_ceiling(&config.self_service, "p", &nusd));
    assert_true(config.self_service.capped);
    assert_int_equal(config.self_service.cap_nusd, INT64_C(7000000000));
    ctl_config_finish(&config);
    setenv("ASGARD_AUTO_APPROVE_CEILINGS", "poc=1,critical-path=2", 1);
    assert_true(read_text(WHOLE "auto_approve_ceilings poc=0.5\n"));
    unsetenv("ASGARD_AUTO_APPROVE_CEILINGS");
    assert_true(ctl_self_service_ceiling(&config.self_service, "poc", &nusd));
    assert_int_equal(nusd, 1000000000);
    assert_false(config.self_service.capped);
    ctl_config_finish(&config);
}


static void
an_unknown_variable_is_refused(void **state)
{
    (void) state;
    setenv("ASGARD_CTL_KEYFILE", "/other", 1);
    refused(WHOLE, "ASGARD_CTL_KEYFILE", "environment");
    unsetenv("ASGARD_CTL_KEYFILE");
    setenv("ASGARD_CTL_PID", "1", 1);
    assert_true(read_text(WHOLE));
    unsetenv("ASGARD_CTL_PID");
    ctl_config_finish(&config);
}


static void
a_password_is_not_for_others(void **state)
{
    static const char *const lines[] = {
        "postgres_owner postgresql://o:hush@h/db\n",
        "postgres_owner postgresql://h/db?user=o&password=hush\n"
    };
    char text[1024];

    (void) state;
    for (size_t i = 0; i < 2; i++) {
        snprintf(text, sizeof(text), WHOLE "%s", lines[i]);
        mode = 0644;
        refused(text, "others may read", "file");
        assert_null(strstr(e.text, "hush"));
        mode = 0640;
        assert_true(read_text(text));
        ctl_config_finish(&config);
    }
    mode = 0644;
    assert_true(read_text(WHOLE));
    ctl_config_finish(&config);
    mode = 0600;
}


static void
redis_addresses_are_read(void **state)
{
    struct ctl_redis_address a;

    (void) state;
    assert_true(ctl_redis_address_parse(&a, "redis://u:p:w@[::1]:7"));
    assert_string_equal(a.user, "u");
    assert_true(asg_str_eq_z(ctl_secret_view(&a.password), "p:w"));
    assert_string_equal(a.host, "::1");
    assert_int_equal(a.port, 7);
    ctl_redis_address_finish(&a);
    assert_true(ctl_redis_address_parse(&a, "unix:/x"));
    assert_string_equal(a.path, "/x");
    ctl_redis_address_finish(&a);
    assert_true(ctl_redis_address_parse(&a, "unix://u:p@w@/run/x"));
    assert_string_equal(a.path, "/run/x");
    assert_string_equal(a.user, "u");
    assert_true(asg_str_eq_z(ctl_secret_view(&a.password), "p@w"));
    ctl_redis_address_finish(&a);
    assert_true(ctl_redis_address_parse(&a, "unix:///run/x"));
    assert_string_equal(a.path, "/run/x");
    ctl_redis_address_finish(&a);
    assert_false(ctl_redis_address_parse(&a, "unix://u:p@run/x"));
    ctl_redis_address_finish(&a);
    assert_false(ctl_redis_address_parse(&a, "host:0"));
    ctl_redis_address_finish(&a);
    assert_false(ctl_redis_address_parse(&a, "host:70000"));
    ctl_redis_address_finish(&a);
    assert_false(ctl_redis_address_parse(&a, "redis://nopassword@h"));
    ctl_redis_address_finish(&a);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_file_is_read),
        cmocka_unit_test(errors_name_file_line_and_setting),
        cmocka_unit_test(the_environment_overrides_the_file),
        cmocka_unit_test(ceilings_are_of_the_classifications_named),
        cmocka_unit_test(an_unknown_variable_is_refused),
        cmocka_unit_test(a_password_is_not_for_others),
        cmocka_unit_test(redis_addresses_are_read)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
