/* LD_PRELOAD: a disk protocol with a step left out, to show that the laboratory notices.
 * LIE=all: no sync of anything; LIE=directory: of directories only; LIE=file: of files only. */

#define _GNU_SOURCE /* syscall() */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int lies_about(int fd) {
    const char* what = getenv("LIE");
    struct stat status;
    if (what == NULL || fstat(fd, &status) != 0) {
        return 0;
    }
    return strcmp(what, "all") == 0 ||
           (S_ISDIR(status.st_mode) ? strcmp(what, "directory") == 0 : strcmp(what, "file") == 0);
}

int fsync(int fd) {
    return lies_about(fd) ? 0 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
    return lies_about(fd) ? 0 : (int)syscall(SYS_fdatasync, fd);
}

int sync_file_range(int fd, off_t offset, off_t count, unsigned flags) {
    return lies_about(fd) ? 0 : (int)syscall(SYS_sync_file_range, fd, offset, count, flags);
}

/* Of a whole file system: its files, for which the program calls it. */
int syncfs(int fd) {
    const char* what = getenv("LIE");
    return what != NULL && (strcmp(what, "all") == 0 || strcmp(what, "file") == 0)
               ? 0
               : (int)syscall(SYS_syncfs, fd);
}
