/*
 * Anonymous files with secrets.
 */
#include "proc/values.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "base/secret.h"

extern char **environ;


static bool
write_all(int fd, const char *data, size_t len)
{
    ssize_t n;

    while (len > 0) {
        n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        data += n;
        len -= (size_t) n;
    }

    return true;
}


static int
values_create(struct ctl_error *e)
{
    int fd = memfd_create("asgard", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0) {
        ctl_error_internal(e, "memfd_create: %s", strerror(errno));
    }

    return fd;
}


/* From now on nobody can change it. */
static int
values_seal(int fd, bool written, struct ctl_error *e)
{
    if (!written
        || fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK
                                  | F_SEAL_SEAL) != 0)
    {
        ctl_error_internal(e, "anonymous file: %s", strerror(errno));
        close(fd);
        return -1;
    }

    return fd;
}


int
ctl_values_write(asg_str_t text, struct ctl_error *e)
{
    int fd = text.len <= CTL_VALUES_MAX ? values_create(e) : -1;

    if (text.len > CTL_VALUES_MAX) {
        ctl_error_internal(e, "too many values");
    }
    if (fd < 0) {
        return -1;
    }

    return values_seal(fd, write_all(fd, text.data, text.len), e);
}


static bool
file_is_private(int fd, const char *path, struct ctl_error *e)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)
        || st.st_size > (off_t) CTL_VALUES_MAX)
    {
        return ctl_error_field(e, "invalid_value", "file",
                               "%s: not a regular file of at most 256 KiB",
                               path);
    }
    if ((st.st_mode & (S_IRWXO | S_IWGRP)) != 0
        || ((st.st_mode & S_IRGRP) != 0 && st.st_uid != 0))
    {
        return ctl_error_field(e, "invalid_value", "file",
                               "%s: holds secrets but others may read it; "
                               "chmod 600 it (a group may read a file of "
                               "root's only)", path);
    }

    return ctl_secret_owner_is_right(&st)
           || ctl_error_field(e, "invalid_value", "file",
                              "%s: holds secrets but belongs to another "
                              "user; chown it to root", path);
}


int
ctl_values_from_file(const char *path, struct ctl_error *e)
{
    static char text[CTL_VALUES_MAX];
    int from = open(path, O_RDONLY | O_CLOEXEC), fd = -1;
    ssize_t n;

    if (from < 0) {
        ctl_error_field(e, "missing_file", "file", "%s: %s", path,
                        strerror(errno));
        return -1;
    }
    if (file_is_private(from, path, e)) {
        n = read(from, text, sizeof(text));
        if (n >= 0) {
            fd = ctl_values_write((asg_str_t) {text, (size_t) n}, e);
        } else {
            ctl_error_internal(e, "%s: %s", path, strerror(errno));
        }
        OPENSSL_cleanse(text, sizeof(text));
    }
    close(from);

    return fd;
}


int
ctl_values_from_environment(struct ctl_error *e)
{
    int fd = values_create(e);
    size_t total = 0, len;
    bool ok = fd >= 0;
    char **v;

    for (v = environ; ok && *v != NULL; v++) {
        len = strlen(*v);
        if (strpbrk(*v, "\r\n") != NULL || total + len + 1 > CTL_VALUES_MAX) {
            continue;
        }
        total += len + 1;
        ok = write_all(fd, *v, len) && write_all(fd, "\n", 1);
    }

    return fd < 0 ? -1 : values_seal(fd, ok, e);
}


bool
ctl_values_read(int fd, asg_str_t *text, struct ctl_error *e)
{
    struct stat st;
    char *p;

    if (fstat(fd, &st) != 0 || st.st_size > (off_t) CTL_VALUES_MAX) {
        return ctl_error_internal(e, "no values at descriptor %d", fd);
    }
    p = mmap(NULL, CTL_VALUES_MAX, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return ctl_error_internal(e, "out of memory");
    }
    madvise(p, CTL_VALUES_MAX, MADV_DONTDUMP);
    if (pread(fd, p, (size_t) st.st_size, 0) != st.st_size) {
        munmap(p, CTL_VALUES_MAX);
        return ctl_error_internal(e, "the values could not be read");
    }
    *text = (asg_str_t) {p, (size_t) st.st_size};

    return true;
}


void
ctl_values_release(asg_str_t *text)
{
    char *p = (char *) (uintptr_t) text->data;

    if (p != NULL) {
        OPENSSL_cleanse(p, CTL_VALUES_MAX);
        munmap(p, CTL_VALUES_MAX);
    }
    *text = ASG_STR_NULL;
}


bool
ctl_values_read_file(const char *path, asg_str_t *text, struct ctl_error *e)
{
    int fd = ctl_values_from_file(path, e);
    bool ok;

    if (fd < 0) {
        return false;
    }
    ok = ctl_values_read(fd, text, e);
    close(fd);

    return ok;
}


bool
ctl_values_keys(const char *path, asg_keyfile_t *keys, struct ctl_error *e)
{
    asg_keyfile_error_t why = {0, ""};
    asg_str_t text;
    bool ok;

    if (!ctl_values_read_file(path, &text, e)) {
        return false;
    }
    ok = asg_keyfile_parse(text, false, keys, &why) == ASG_OK
         || ctl_error_field(e, "invalid_value", "key_file", "%s:%u: %s", path,
                            why.line, why.text);
    ctl_values_release(&text);

    return ok;
}


bool
ctl_values_keks(const struct ctl_config *config, asg_keks_t *keks,
    struct ctl_error *e)
{
    asg_keyfile_error_t why = {0, ""};
    asg_str_t text;
    bool ok;

    if (config->kek_file == NULL) {
        return ctl_error_field(e, "missing_setting", "kek_file",
                               "%s: the setting \"kek_file\" is missing",
                               config->file);
    }
    if (!ctl_values_read_file(config->kek_file, &text, e)) {
        return false;
    }
    ok = asg_keks_parse(text, keks, &why) == ASG_OK
         || ctl_error_field(e, "invalid_value", "kek_file", "%s:%u: %s",
                            config->kek_file, why.line, why.text);
    ctl_values_release(&text);

    return ok;
}
