/*
 * asgard-ctl.conf: what was taken is whole and within its bounds, every text is
 * one of the file; what was refused says where.  Nothing else than reading is
 * done with it: its addresses are judged, not used.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/config_check.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char path[32];
static int fd;

static void must(bool held)
{
    if (!held) {
        abort();
    }
}

/* The file must be our own: it may hold passwords. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void) argc;
    (void) argv;
    fd = memfd_create("conf", MFD_CLOEXEC);
    must(fd >= 0 && fchmod(fd, 0600) == 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return 0;
}

static void check_text(const char *text, const uint8_t *data, size_t size,
    bool required)
{
    must(text != NULL || !required);
    must(text == NULL || text[0] == '\0'
         || memmem(data, size, text, strlen(text)) != NULL);
}

static void check_taken(const struct ctl_config *c, const uint8_t *data,
    size_t size)
{
    const char *const must_be[] = {c->listen, c->postgres, c->redis,
        c->key_file, c->pid_file, c->services[0]};
    const char *const may_be[] = {c->socket_group, c->postgres_owner,
        c->routing, c->backends_env, c->log, c->public_url};
    struct ctl_error e;
    unsigned i;

    for (i = 0; i < sizeof(must_be) / sizeof(must_be[0]); i++) {
        check_text(must_be[i], data, size, true);
    }
    for (i = 0; i < sizeof(may_be) / sizeof(may_be[0]); i++) {
        check_text(may_be[i], data, size, false);
    }
    must(c->listen[0] == '/');
    must(c->nservices >= 1 && c->nservices <= CTL_CONFIG_SERVICES_MAX);
    must(c->api_threads >= 1 && c->api_threads <= 64);
    must(c->socket_mode > 0 && c->socket_mode <= 0777);
    must(c->snapshot_max_age_s >= 1
         && c->snapshot_max_age_s <= INT64_C(86400) * 3600);
    ctl_error_clear(&e);
    must(ctl_config_check_start(c, &e) || e.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct ctl_config none;
    struct ctl_config c;
    struct ctl_error e;

    must(ftruncate(fd, 0) == 0);
    must(pwrite(fd, data, size, 0) == (ssize_t) size);
    ctl_error_clear(&e);
    if (ctl_config_read(&c, path, &e)) {
        check_taken(&c, data, size);
    } else {
        must(e.code[0] != '\0' && strstr(e.text, path) == e.text);
    }
    ctl_config_finish(&c);
    must(memcmp(&c, &none, sizeof(c)) == 0);
    return 0;
}
