/* A disk that does as it is told, for the outbox alone: preloaded before the C library, it answers SQLite's calls.
 *
 * The file named by BAD_DISK holds "CALLS ERROR FROM TO INODE": letters of the calls that fail (r: read, w: write, s:
 * sync), the errno they fail with (0: none, but they take 300 ms), for which bytes, and of which file (0: of any). An
 * empty file lets all pass. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static ssize_t (*real_pread)(int, void *, size_t, off64_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static int (*real_fsync)(int), (*real_fdatasync)(int);

__attribute__((constructor)) static void find(void) {
    real_pread = dlsym(RTLD_NEXT, "pread64");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
}

static int fails(int file, char call, off64_t at, size_t size) {
    char link[64], path[512] = "", order[96] = "", calls[16] = "";
    int error = 0, control;
    long from = 0, to = 0;
    unsigned long inode = 0;
    struct stat found;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    if (readlink(link, path, sizeof path - 1) < 0 || !strstr(path, "/outbox.db")) return 0;
    if ((control = open(getenv("BAD_DISK"), O_RDONLY)) < 0) return 0;
    if (read(control, order, sizeof order - 1) < 0) order[0] = 0;
    close(control);
    if (sscanf(order, "%15s %d %ld %ld %lu", calls, &error, &from, &to, &inode) != 5 || !strchr(calls, call)) return 0;
    if (inode != 0 && (fstat(file, &found) < 0 || found.st_ino != inode)) return 0;
    if (call != 's' && (at >= to || at + (off64_t)size <= from)) return 0;
    if (error == 0) { usleep(300000); return 0; }
    errno = error;
    return 1;
}

ssize_t pread64(int file, void *to, size_t size, off64_t at) {
    return fails(file, 'r', at, size) ? -1 : real_pread(file, to, size, at);
}

ssize_t pwrite64(int file, const void *from, size_t size, off64_t at) {
    return fails(file, 'w', at, size) ? -1 : real_pwrite(file, from, size, at);
}

ssize_t pread(int file, void *to, size_t size, off_t at) { return pread64(file, to, size, at); }
ssize_t pwrite(int file, const void *from, size_t size, off_t at) { return pwrite64(file, from, size, at); }
int fsync(int file) { return fails(file, 's', 0, 0) ? -1 : real_fsync(file); }
int fdatasync(int file) { return fails(file, 's', 0, 0) ? -1 : real_fdatasync(file); }
