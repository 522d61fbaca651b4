/*
 * Making a file under another name, and naming it when it is whole.
 */
#include "base/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


static bool
exists_refuse(const char *name, struct ctl_error *e)
{
    return ctl_error_set(e, 409, "file_exists", "%.200s exists: it is not "
                         "written over.", name);
}


bool
ctl_new_file_open(struct ctl_new_file *f, struct ctl_arena *arena,
    const char *name, mode_t mode, struct ctl_error *e)
{
    struct stat there;
    int fd;

    memset(f, 0, sizeof(*f));
    f->work = ctl_arena_printf(arena, "%s.%ld.tmp", name, (long) getpid());
    if (f->work == NULL) {
        return ctl_error_internal(e, "out of memory");
    }
    if (lstat(name, &there) == 0) {
        return exists_refuse(name, e);
    }
    fd = open(f->work, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
              mode);
    if (fd >= 0) {
        f->out = fdopen(fd, "w");
    }
    if (f->out == NULL) {
        ctl_error_set(e, 400, "invalid_value", "%.200s: %s.", name,
                      strerror(errno));
    }
    if (f->out == NULL && fd >= 0) {
        close(fd);
        unlink(f->work);
    }
    f->name = name;

    return f->out != NULL;
}


/* The name itself must reach the disk too. */
static bool
folder_sync(struct ctl_arena *arena, const char *file)
{
    const char *slash = strrchr(file, '/');
    const char *folder = slash == NULL ? "." : slash == file ? "/"
                         : ctl_arena_text(arena, file,
                                          (size_t) (slash - file));
    int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                            : -1;
    bool ok = fd >= 0 && fsync(fd) == 0;

    if (fd >= 0) {
        close(fd);
    }

    return ok;
}


/* Closes it in any case. */
static bool
disk_reach(struct ctl_new_file *f)
{
    bool ok = fflush(f->out) == 0 && fsync(fileno(f->out)) == 0;

    ok = fclose(f->out) == 0 && ok;
    f->out = NULL;

    return ok;
}


bool
ctl_new_file_finish(struct ctl_new_file *f, struct ctl_arena *arena,
    struct ctl_error *e)
{
    if (!disk_reach(f)) {
        return ctl_error_internal(e, "%s: %s", f->work, strerror(errno));
    }
    if (renameat2(AT_FDCWD, f->work, AT_FDCWD, f->name, RENAME_NOREPLACE)
        != 0)
    {
        return errno == EEXIST ? exists_refuse(f->name, e)
               : ctl_error_internal(e, "%s: %s", f->name, strerror(errno));
    }
    f->work = NULL;

    return folder_sync(arena, f->name)
           || ctl_error_internal(e, "%s: its folder: %s", f->name,
                                 strerror(errno));
}


void
ctl_new_file_drop(struct ctl_new_file *f)
{
    if (f->out != NULL) {
        fclose(f->out);
        f->out = NULL;
    }
    unlink(f->work != NULL ? f->work : f->name);
}
