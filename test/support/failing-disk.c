/*
 * Put before libc (LD_PRELOAD): writes and syncs of files below a folder fail with EIO, or take their time, while a control
 * file says so. It holds "eio <folder>", or "slow <milliseconds> <folder>"; MAKSDB_TEST_DISK names it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int is_below(int fd, const char *folder) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strncmp(path, folder, strlen(folder)) == 0;
}

/* Returns 1 where the call is to fail; errno is set then. */
static int troubled(int fd, int syncs) {
  const char *control = getenv("MAKSDB_TEST_DISK");
  if (control == NULL) return 0;
  int before = errno;
  int file = open(control, O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    errno = before;
    return 0;
  }
  char text[4096];
  ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length > 0 ? length : 0] = 0;
  char folder[4096];
  int milliseconds;
  if (sscanf(text, "eio %4095s", folder) == 1 && is_below(fd, folder)) {
    errno = EIO;
    return 1;
  }
  if (syncs && sscanf(text, "slow %d %4095s", &milliseconds, folder) == 2 && is_below(fd, folder)) {
    struct timespec pause = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    nanosleep(&pause, NULL);
  }
  errno = before;
  return 0;
}

#define REAL(name, type) ((type)dlsym(RTLD_NEXT, name))

ssize_t write(int fd, const void *bytes, size_t count) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = REAL("write", ssize_t (*)(int, const void *, size_t));
  return troubled(fd, 0) ? -1 : real(fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  static ssize_t (*real)(int, const void *, size_t, off64_t);
  if (!real) real = REAL("pwrite64", ssize_t (*)(int, const void *, size_t, off64_t));
  return troubled(fd, 0) ? -1 : real(fd, bytes, count, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
  static ssize_t (*real)(int, const struct iovec *, int);
  if (!real) real = REAL("writev", ssize_t (*)(int, const struct iovec *, int));
  return troubled(fd, 0) ? -1 : real(fd, parts, count);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
  static ssize_t (*real)(int, const struct iovec *, int, off64_t);
  if (!real) real = REAL("pwritev64", ssize_t (*)(int, const struct iovec *, int, off64_t));
  return troubled(fd, 0) ? -1 : real(fd, parts, count, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return pwritev64(fd, parts, count, at); }

int fsync(int fd) {
  static int (*real)(int);
  if (!real) real = REAL("fsync", int (*)(int));
  return troubled(fd, 1) ? -1 : real(fd);
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (!real) real = REAL("fdatasync", int (*)(int));
  return troubled(fd, 1) ? -1 : real(fd);
}
