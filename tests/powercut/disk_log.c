/* An nbdkit plugin: a disk in memory that writes down what happens to it, in the order in which it
 * happens: every write with its bytes, every flush once it is complete. From this log any moment's
 * power cut can be played: what was flushed is there, of the rest any part.
 *
 *   nbdkit ./disk_log.so size=64M log=FILE [fail-at=FILE]
 *
 * A record is a header of 32 bytes, little-endian as the machine: kind ('W', 'F' or 'E'), offset,
 * length, and the time of CLOCK_MONOTONIC in nanoseconds; behind a write stand its bytes.
 * fail-at: FILE holds a number, looked at with every write; when that many writes have come, one
 * fails with EIO and changes nothing ('E'). */

#define NBDKIT_API_VERSION 2
#include <errno.h>
#include <fcntl.h>
#include <nbdkit-plugin.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* One call at a time: the log's order is then the order of what happened. */
#define THREAD_MODEL NBDKIT_THREAD_MODEL_SERIALIZE_ALL_REQUESTS

struct record {
    uint64_t kind;
    uint64_t offset;
    uint64_t length;
    uint64_t time_ns;
};

static int64_t size = 64 << 20;
static char* log_name;
static char* fail_name;
static int log_fd = -1;
static unsigned char* disk;
static uint64_t writes;

static int configure(const char* key, const char* value) {
    if (strcmp(key, "size") == 0) {
        size = nbdkit_parse_size(value);
        return size < 0 ? -1 : 0;
    }
    char** name = strcmp(key, "log") == 0       ? &log_name
                  : strcmp(key, "fail-at") == 0 ? &fail_name
                                                : NULL;
    if (name == NULL) {
        nbdkit_error("no such option: %s", key);
        return -1;
    }
    free(*name);
    *name = nbdkit_absolute_path(value);
    return *name == NULL ? -1 : 0;
}

static int get_ready(void) {
    if (log_name == NULL) {
        nbdkit_error("log=FILE is missing");
        return -1;
    }
    log_fd = open(log_name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    disk = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (log_fd < 0 || disk == MAP_FAILED) {
        nbdkit_error("%s: %m", log_name);
        return -1;
    }
    return 0;
}

static void unload(void) {
    if (log_fd >= 0) {
        close(log_fd);
    }
    free(log_name);
    free(fail_name);
}

static int note(char kind, const void* bytes, uint64_t length, uint64_t offset) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct record head = {(uint64_t)kind, offset, length,
                          (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec};
    struct iovec parts[] = {{&head, sizeof head}, {(void*)bytes, kind == 'W' ? length : 0}};
    const ssize_t whole = (ssize_t)(parts[0].iov_len + parts[1].iov_len);
    if (writev(log_fd, parts, 2) != whole) {
        nbdkit_error("%s: %m", log_name);
        nbdkit_set_error(EIO);
        return -1;
    }
    return 0;
}

static int must_fail(void) {
    if (fail_name == NULL) {
        return 0;
    }
    char text[32] = "";
    const int fd = open(fail_name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return 0;
    }
    const ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0 || strtoull(text, NULL, 10) > ++writes) {
        return 0;
    }
    unlink(fail_name);
    return 1;
}

static void* open_disk(int readonly) {
    (void)readonly;
    return &size;
}

static int64_t get_size(void* handle) {
    (void)handle;
    return size;
}

static int read_disk(void* handle, void* to, uint32_t count, uint64_t offset, uint32_t flags) {
    (void)handle;
    (void)flags;
    memcpy(to, disk + offset, count);
    return 0;
}

static int write_disk(void* handle, const void* from, uint32_t count, uint64_t offset,
                      uint32_t flags) {
    (void)handle;
    (void)flags;
    if (must_fail()) {
        note('E', NULL, count, offset);
        nbdkit_error("write at %lu fails as told", (unsigned long)offset);
        nbdkit_set_error(EIO);
        return -1;
    }
    memcpy(disk + offset, from, count);
    return note('W', from, count, offset);
}

static int flush_disk(void* handle, uint32_t flags) {
    (void)handle;
    (void)flags;
    return note('F', NULL, 0, 0);
}

static struct nbdkit_plugin plugin = {
    .name = "disk-log",
    .description = "a disk in memory that logs writes and flushes",
    .config = configure,
    .config_help = "size=SIZE log=FILE [fail-at=FILE]",
    .get_ready = get_ready,
    .unload = unload,
    .open = open_disk,
    .get_size = get_size,
    .pread = read_disk,
    .pwrite = write_disk,
    .flush = flush_disk,
    .errno_is_preserved = 0,
};

NBDKIT_REGISTER_PLUGIN(plugin)
