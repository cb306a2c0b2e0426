// A disk that fails, or a machine that loses its power, under the files below one directory. Preloaded before libc:
//
//   DISK_BELOW   the directory
//   DISK_COUNT   a file that holds the number of operations at the end
//   DISK_FAIL    the number of the operation (from 1) that fails, with the error DISK_ERROR
//   DISK_CUT     the number of the operation before which the process ends at once
//   DISK_MIRROR  a directory for what outlives a power cut: <inode>.data, the contents of a file when it was last synced, and
//                <inode>.list, the entries of a directory when it was last synced, a line "<inode> <d or f> <name>" each
//
// Inodes of files that are gone may be used again by other processes: what is made anew starts without a copy.
// Nothing else outlives a cut: neither a name that no sync of its directory has seen, nor bytes that no sync of their file has.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long operations;

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static void *real(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

static int is_below(const char *path) {
    const char *below = getenv("DISK_BELOW");
    char absolute[PATH_MAX];
    if (!below || !path) return 0;
    if (path[0] != '/') {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here)) return 0;
        snprintf(absolute, sizeof absolute, "%.2000s/%.2000s", here, path);
        path = absolute;
    }
    return strncmp(path, below, strlen(below)) == 0;
}

static int is_below_fd(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return is_below(path);
}

// Whether the operation that is about to happen fails; errno is then set.
static int fails(void) {
    pthread_mutex_lock(&lock);
    long now = ++operations;
    const char *count = getenv("DISK_COUNT");
    if (count) {
        int fd = ((int (*)(const char *, int, int))real("open64"))(count, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        dprintf(fd, "%ld", now);
        close(fd);
    }
    pthread_mutex_unlock(&lock);
    if (now == number("DISK_CUT")) _exit(77);
    if (now != number("DISK_FAIL")) return 0;
    errno = (int)number("DISK_ERROR");
    return 1;
}

// Notes what of a file or directory outlives a power cut from now on.
static void mirror(int fd) {
    const char *mirror = getenv("DISK_MIRROR");
    struct stat status;
    if (!mirror || fstat(fd, &status)) return;
    char path[PATH_MAX], buffer[1 << 16];
    // For ever open, so that no other file gets its inode.
    dup(fd);
    snprintf(path, sizeof path, "%s/%lu.%s", mirror, (unsigned long)status.st_ino, S_ISDIR(status.st_mode) ? "list" : "data");
    FILE *out = fopen(path, "w");
    if (S_ISDIR(status.st_mode)) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        DIR *directory = opendir(path);
        for (struct dirent *entry; directory && (entry = readdir(directory));) {
            if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
            fprintf(out, "%lu %c %s\n", (unsigned long)entry->d_ino, entry->d_type == DT_DIR ? 'd' : 'f', entry->d_name);
        }
        if (directory) closedir(directory);
    } else {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        FILE *in = fopen(path, "r");
        for (size_t length; in && (length = fread(buffer, 1, sizeof buffer, in));) fwrite(buffer, 1, length, out);
        if (in) fclose(in);
    }
    fclose(out);
}

// Forgets what another file of this inode left.
static void is_new(const char *path, const char *kind) {
    const char *mirror = getenv("DISK_MIRROR");
    struct stat status;
    char copy[PATH_MAX];
    if (!mirror || stat(path, &status)) return;
    snprintf(copy, sizeof copy, "%s/%lu.%s", mirror, (unsigned long)status.st_ino, kind);
    ((int (*)(const char *))real("unlink"))(copy);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;
    va_end(rest);
    if (is_below(path) && (flags & (O_CREAT | O_WRONLY | O_RDWR)) && fails()) return -1;
    int fd = ((int (*)(const char *, int, int))real("open64"))(path, flags, mode);
    if (fd >= 0 && is_below(path) && (flags & O_EXCL)) is_new(path, "data");
    return fd;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (is_below_fd(fd) && fails()) return -1;
    return ((ssize_t (*)(int, const void *, size_t))real("write"))(fd, bytes, count);
}

#define SYNC(name)                                                         \
    int name(int fd) {                                                     \
        int below = is_below_fd(fd);                                       \
        if (below && fails()) return -1;                                   \
        int result = ((int (*)(int))real(#name))(fd);                      \
        if (below && !result) mirror(fd);                                  \
        return result;                                                     \
    }
SYNC(fsync)
SYNC(fdatasync)

#define OF_PATH(name, PARAMETERS, ...)                                     \
    int name PARAMETERS {                                                  \
        if (is_below(path) && fails()) return -1;                          \
        return ((int (*) PARAMETERS)real(#name))(__VA_ARGS__);             \
    }
OF_PATH(rename, (const char *path, const char *to), path, to)
OF_PATH(unlink, (const char *path), path)
OF_PATH(rmdir, (const char *path), path)

int mkdir(const char *path, mode_t mode) {
    if (is_below(path) && fails()) return -1;
    int result = ((int (*)(const char *, mode_t))real("mkdir"))(path, mode);
    if (!result && is_below(path)) is_new(path, "list");
    return result;
}

int unlinkat(int fd, const char *path, int flags) {
    if (is_below_fd(fd) && fails()) return -1;
    return ((int (*)(int, const char *, int))real("unlinkat"))(fd, path, flags);
}

int ftruncate64(int fd, off64_t length) {
    if (is_below_fd(fd) && fails()) return -1;
    return ((int (*)(int, off64_t))real("ftruncate64"))(fd, length);
}
