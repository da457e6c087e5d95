/*
 * The system calls Node lacks, one function each, nothing decided here: values in, value or error out.
 *
 * Paths and names arrive as Buffers of bytes without a terminating NUL. A failed call throws (or rejects with) an Error
 * that carries `code`, `errno` (negative), `syscall`, `path` and `dest` as the errors of node:fs do. Calls that may
 * take long run on the thread pool and return a promise.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 9

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fsverity.h>
#include <linux/openat2.h>
#include <malloc.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { MAX_ARGS = 6, XATTR_LIMIT = 65536, MAX_DIGEST = 64 };

/* Errors */

static void set_string(napi_env env, napi_value object, const char *key, const char *text) {
  napi_value value;
  if (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok)
    napi_set_named_property(env, object, key, value);
}

static const char *errno_name(int err) {
  /* One number, two names: Node says ENOTSUP. */
  if (err == EOPNOTSUPP) return "ENOTSUP";
  const char *name = strerrorname_np(err);
  return name == NULL ? "UNKNOWN" : name;
}

static napi_value make_error(napi_env env, int err, const char *call, const char *path, const char *dest) {
  const char *name = errno_name(err);
  const char *reason = strerrordesc_np(err);
  char message[2 * PATH_MAX + 256];
  int used = snprintf(message, sizeof message, "%s: %s, %s", name, reason == NULL ? "unknown error" : reason, call);
  if (path != NULL) used += snprintf(message + used, sizeof message - used, " '%s'", path);
  if (dest != NULL) snprintf(message + used, sizeof message - used, " -> '%s'", dest);

  napi_value text, code, number, error;
  if (napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &text) != napi_ok ||
      napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code) != napi_ok ||
      napi_create_int32(env, -err, &number) != napi_ok || napi_create_error(env, code, text, &error) != napi_ok)
    return NULL;
  napi_set_named_property(env, error, "errno", number);
  set_string(env, error, "syscall", call);
  if (path != NULL) set_string(env, error, "path", path);
  if (dest != NULL) set_string(env, error, "dest", dest);
  return error;
}

static napi_value fail(napi_env env, int err, const char *call, const char *path, const char *dest) {
  napi_value error = make_error(env, err, call, path, dest);
  if (error != NULL) napi_throw(env, error);
  return NULL;
}

static bool bad_argument(napi_env env, const char *what) {
  napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", what);
  return false;
}

/* Arguments */

static bool get_args(napi_env env, napi_callback_info info, size_t wanted, napi_value *args) {
  size_t count = MAX_ARGS;
  if (napi_get_cb_info(env, info, &count, args, NULL, NULL) != napi_ok || count != wanted)
    return bad_argument(env, "wrong number of arguments");
  return true;
}

static bool get_int(napi_env env, napi_value value, int64_t least, int64_t most, int64_t *out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok || !(number >= (double)least && number <= (double)most) ||
      number != (double)(int64_t)number)
    return bad_argument(env, "expected a whole number in range");
  *out = (int64_t)number;
  return true;
}

static bool get_fd(napi_env env, napi_value value, int *out) {
  int64_t number;
  if (!get_int(env, value, 0, INT_MAX, &number)) return false;
  *out = (int)number;
  return true;
}

static bool get_bytes(napi_env env, napi_value value, const uint8_t **bytes, size_t *length) {
  bool is_buffer = false;
  void *data = NULL;
  if (napi_is_buffer(env, value, &is_buffer) != napi_ok || !is_buffer ||
      napi_get_buffer_info(env, value, &data, length) != napi_ok)
    return bad_argument(env, "expected a Buffer");
  *bytes = data;
  return true;
}

/* Copies bytes into a terminated string; a NUL inside would silently name another file, so it is refused. */
static bool get_name(napi_env env, napi_value value, char *out, size_t size, const char *call) {
  const uint8_t *bytes;
  size_t length;
  if (!get_bytes(env, value, &bytes, &length)) return false;
  int err = length >= size ? ENAMETOOLONG : length > 0 && memchr(bytes, 0, length) != NULL ? EINVAL : 0;
  if (err != 0) {
    fail(env, err, call, NULL, NULL);
    return false;
  }
  if (length > 0) memcpy(out, bytes, length);
  out[length] = 0;
  return true;
}

static bool get_path(napi_env env, napi_value value, char out[PATH_MAX], const char *call) {
  return get_name(env, value, out, PATH_MAX, call);
}

static napi_value make_bool(napi_env env, bool truth) {
  napi_value value = NULL;
  napi_get_boolean(env, truth, &value);
  return value;
}

static napi_value make_int(napi_env env, int number) {
  napi_value value = NULL;
  napi_create_int32(env, number, &value);
  return value;
}

static napi_value make_bytes(napi_env env, const void *bytes, size_t length) {
  napi_value value = NULL;
  napi_create_buffer_copy(env, length, bytes, NULL, &value);
  return value;
}

/* Calls that may take long: the thread pool runs `run`, the promise settles by `err`. */

struct job {
  napi_async_work work;
  napi_deferred deferred;
  const char *call;
  int (*run)(struct job *);
  int err;
  int fd;
  uint32_t algorithm;
  struct sockaddr_un address;
  socklen_t address_length;
  size_t message_length;
  uint8_t message[];
};

static void execute_job(napi_env env, void *data) {
  (void)env;
  struct job *job = data;
  job->err = job->run(job);
}

static void complete_job(napi_env env, napi_status status, void *data) {
  struct job *job = data;
  int err = status == napi_ok ? job->err : ECANCELED;
  napi_value outcome = NULL;
  if (err == 0 && napi_get_undefined(env, &outcome) == napi_ok)
    napi_resolve_deferred(env, job->deferred, outcome);
  else if ((outcome = make_error(env, err, job->call, NULL, NULL)) != NULL)
    napi_reject_deferred(env, job->deferred, outcome);
  napi_delete_async_work(env, job->work);
  free(job);
}

static struct job *make_job(napi_env env, const char *call, int (*run)(struct job *), size_t extra) {
  struct job *job = calloc(1, sizeof *job + extra);
  if (job == NULL) {
    fail(env, ENOMEM, call, NULL, NULL);
    return NULL;
  }
  job->call = call;
  job->run = run;
  return job;
}

static napi_value start_job(napi_env env, struct job *job) {
  napi_value promise, name;
  if (napi_create_string_utf8(env, job->call, NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_promise(env, &job->deferred, &promise) != napi_ok ||
      napi_create_async_work(env, NULL, name, execute_job, complete_job, job, &job->work) != napi_ok) {
    free(job);
    return fail(env, ENOMEM, "start", NULL, NULL);
  }
  if (napi_queue_async_work(env, job->work) != napi_ok) {
    napi_delete_async_work(env, job->work);
    free(job);
    return fail(env, ENOMEM, "start", NULL, NULL);
  }
  return promise;
}

/* fs-verity */

/* A file system that never heard of verity answers ENOTTY, one that could but does not ENOTSUP: one answer for both. */
static int verity_error(void) { return errno == ENOTTY ? EOPNOTSUPP : errno; }

static int run_verity_enable(struct job *job) {
  struct fsverity_enable_arg arg = {.version = 1, .hash_algorithm = job->algorithm, .block_size = 4096};
  int result;
  do result = ioctl(job->fd, FS_IOC_ENABLE_VERITY, &arg);
  while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : verity_error();
}

/* verityEnable(fd, algorithm): promise */
static napi_value verity_enable(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd;
  int64_t algorithm;
  if (!get_args(env, info, 2, args) || !get_fd(env, args[0], &fd) ||
      !get_int(env, args[1], FS_VERITY_HASH_ALG_SHA256, FS_VERITY_HASH_ALG_SHA512, &algorithm))
    return NULL;
  struct job *job = make_job(env, "verityEnable", run_verity_enable, 0);
  if (job == NULL) return NULL;
  job->fd = fd;
  job->algorithm = (uint32_t)algorithm;
  return start_job(env, job);
}

/* verityMeasure(fd): { algorithm: number, digest: Buffer } */
static napi_value verity_measure(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd;
  if (!get_args(env, info, 1, args) || !get_fd(env, args[0], &fd)) return NULL;
  union {
    struct fsverity_digest head;
    uint8_t room[sizeof(struct fsverity_digest) + MAX_DIGEST];
  } measured = {.head = {.digest_size = MAX_DIGEST}};
  if (ioctl(fd, FS_IOC_MEASURE_VERITY, &measured) != 0) return fail(env, verity_error(), "verityMeasure", NULL, NULL);
  napi_value object = NULL;
  if (napi_create_object(env, &object) != napi_ok) return NULL;
  napi_set_named_property(env, object, "algorithm", make_int(env, measured.head.digest_algorithm));
  napi_set_named_property(env, object, "digest",
                          make_bytes(env, measured.room + sizeof(struct fsverity_digest), measured.head.digest_size));
  return object;
}

/* Locks, names, sync */

/* flock(fd, 'shared' 1 | 'exclusive' 2 | 'unlock' 8): boolean, never waits */
static napi_value flock_file(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd;
  int64_t operation;
  if (!get_args(env, info, 2, args) || !get_fd(env, args[0], &fd) || !get_int(env, args[1], LOCK_SH, LOCK_UN, &operation))
    return NULL;
  if (flock(fd, (int)operation | LOCK_NB) == 0) return make_bool(env, true);
  return errno == EWOULDBLOCK ? make_bool(env, false) : fail(env, errno, "flock", NULL, NULL);
}

/* renameat2(from, to, flags) */
static napi_value rename_file(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  char from[PATH_MAX], to[PATH_MAX];
  int64_t flags;
  if (!get_args(env, info, 3, args) || !get_path(env, args[0], from, "renameat2") ||
      !get_path(env, args[1], to, "renameat2") || !get_int(env, args[2], RENAME_NOREPLACE, RENAME_EXCHANGE, &flags))
    return NULL;
  if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, (unsigned)flags) != 0)
    return fail(env, errno, "renameat2", from, to);
  return NULL;
}

/* linkFd(fd, path): gives an open file (O_TMPFILE or not) a name, never replacing one */
static napi_value link_fd(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  char path[PATH_MAX], source[32];
  int fd;
  if (!get_args(env, info, 2, args) || !get_fd(env, args[0], &fd) || !get_path(env, args[1], path, "linkat")) return NULL;
  snprintf(source, sizeof source, "/proc/self/fd/%d", fd);
  if (linkat(AT_FDCWD, source, AT_FDCWD, path, AT_SYMLINK_FOLLOW) != 0) return fail(env, errno, "linkat", source, path);
  return NULL;
}

static int run_syncfs(struct job *job) { return syncfs(job->fd) == 0 ? 0 : errno; }

/* syncfs(fd): promise */
static napi_value sync_file_system(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  int fd;
  if (!get_args(env, info, 1, args) || !get_fd(env, args[0], &fd)) return NULL;
  struct job *job = make_job(env, "syncfs", run_syncfs, 0);
  if (job == NULL) return NULL;
  job->fd = fd;
  return start_job(env, job);
}

/* openat2(dirFd, path, flags, mode, resolve): fd */
static napi_value open_at(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  char path[PATH_MAX];
  int dir;
  int64_t flags, mode, resolve;
  if (!get_args(env, info, 5, args) || !get_fd(env, args[0], &dir) || !get_path(env, args[1], path, "openat2") ||
      !get_int(env, args[2], 0, INT_MAX, &flags) || !get_int(env, args[3], 0, 07777, &mode) ||
      !get_int(env, args[4], 0, 0xff, &resolve))
    return NULL;
  struct open_how how = {.flags = (uint64_t)flags | O_CLOEXEC, .mode = (uint64_t)mode, .resolve = (uint64_t)resolve};
  long fd;
  /* EAGAIN: a rename raced the walk and the kernel could not prove the answer; asking again is what it expects. */
  int attempts = 100;
  do fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
  while (fd < 0 && (errno == EINTR || errno == EAGAIN) && --attempts > 0);
  return fd < 0 ? fail(env, errno, "openat2", path, NULL) : make_int(env, (int)fd);
}

/* mknod(path, mode, major, minor) */
static napi_value make_node(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  char path[PATH_MAX];
  int64_t mode, major_number, minor_number;
  if (!get_args(env, info, 4, args) || !get_path(env, args[0], path, "mknod") ||
      !get_int(env, args[1], 0, 0177777, &mode) || !get_int(env, args[2], 0, UINT32_MAX, &major_number) ||
      !get_int(env, args[3], 0, UINT32_MAX, &minor_number))
    return NULL;
  dev_t device = makedev((unsigned)major_number, (unsigned)minor_number);
  return mknod(path, (mode_t)mode, device) == 0 ? NULL : fail(env, errno, "mknod", path, NULL);
}

/* A nanosecond of -1 leaves that time as it is. */
static bool get_time(napi_env env, napi_value sec, napi_value nsec, struct timespec *out) {
  int64_t seconds, nanoseconds;
  if (!get_int(env, sec, -9007199254740991, 9007199254740991, &seconds) ||
      !get_int(env, nsec, -1, 999999999, &nanoseconds))
    return false;
  out->tv_sec = seconds;
  out->tv_nsec = nanoseconds == -1 ? UTIME_OMIT : nanoseconds;
  return true;
}

/* lutimes(path, atimeSec, atimeNsec, mtimeSec, mtimeNsec) */
static napi_value set_times(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  char path[PATH_MAX];
  struct timespec times[2];
  if (!get_args(env, info, 5, args) || !get_path(env, args[0], path, "utimensat") ||
      !get_time(env, args[1], args[2], &times[0]) || !get_time(env, args[3], args[4], &times[1]))
    return NULL;
  if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) != 0) return fail(env, errno, "utimensat", path, NULL);
  return NULL;
}

/* Extended attributes, of a symlink itself where the path names one */

/* lgetxattr(path, name): Buffer */
static napi_value get_xattr(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  char path[PATH_MAX], name[XATTR_NAME_MAX + 1], value[XATTR_LIMIT];
  if (!get_args(env, info, 2, args) || !get_path(env, args[0], path, "lgetxattr") ||
      !get_name(env, args[1], name, sizeof name, "lgetxattr"))
    return NULL;
  ssize_t length = lgetxattr(path, name, value, sizeof value);
  return length < 0 ? fail(env, errno, "lgetxattr", path, NULL) : make_bytes(env, value, (size_t)length);
}

/* lsetxattr(path, name, value, flags: 0 | 1 create | 2 replace) */
static napi_value set_xattr(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  char path[PATH_MAX], name[XATTR_NAME_MAX + 1];
  const uint8_t *value;
  size_t length;
  int64_t flags;
  if (!get_args(env, info, 4, args) || !get_path(env, args[0], path, "lsetxattr") ||
      !get_name(env, args[1], name, sizeof name, "lsetxattr") || !get_bytes(env, args[2], &value, &length) ||
      !get_int(env, args[3], 0, XATTR_REPLACE, &flags))
    return NULL;
  return lsetxattr(path, name, value, length, (int)flags) == 0 ? NULL : fail(env, errno, "lsetxattr", path, NULL);
}

/* llistxattr(path): Buffer of NUL-terminated names */
static napi_value list_xattrs(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  char path[PATH_MAX], names[XATTR_LIMIT];
  if (!get_args(env, info, 1, args) || !get_path(env, args[0], path, "llistxattr")) return NULL;
  ssize_t length = llistxattr(path, names, sizeof names);
  return length < 0 ? fail(env, errno, "llistxattr", path, NULL) : make_bytes(env, names, (size_t)length);
}

/* lremovexattr(path, name) */
static napi_value remove_xattr(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  char path[PATH_MAX], name[XATTR_NAME_MAX + 1];
  if (!get_args(env, info, 2, args) || !get_path(env, args[0], path, "lremovexattr") ||
      !get_name(env, args[1], name, sizeof name, "lremovexattr"))
    return NULL;
  return lremovexattr(path, name) == 0 ? NULL : fail(env, errno, "lremovexattr", path, NULL);
}

/* One datagram to the service manager */

static int run_notify(struct job *job) {
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  ssize_t sent;
  do sent = sendto(fd, job->message, job->message_length, MSG_NOSIGNAL, (struct sockaddr *)&job->address, job->address_length);
  while (sent < 0 && errno == EINTR);
  int err = sent < 0 ? errno : 0;
  close(fd);
  return err;
}

/* sendDatagram(socketPath, message): promise; a path that starts with '@' names an abstract socket */
static napi_value send_datagram(napi_env env, napi_callback_info info) {
  napi_value args[MAX_ARGS];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const uint8_t *message;
  size_t length;
  if (!get_args(env, info, 2, args) ||
      !get_name(env, args[0], address.sun_path, sizeof address.sun_path, "sendto") ||
      !get_bytes(env, args[1], &message, &length))
    return NULL;
  size_t path_length = strlen(address.sun_path);
  bool abstract = address.sun_path[0] == '@';
  if (abstract) address.sun_path[0] = 0;
  struct job *job = make_job(env, "sendto", run_notify, length);
  if (job == NULL) return NULL;
  job->address = address;
  job->address_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_length + (abstract ? 0 : 1));
  job->message_length = length;
  if (length > 0) memcpy(job->message, message, length);
  return start_job(env, job);
}

/* The C library's memory */

/*
 * frugalMalloc(): large blocks go back to the system when they are freed, threads share two heaps. What is read from a socket, 64 KiB at a
 * time, and passed to a thread, twice that, is no large block: each would be sixteen page faults, for memory that is wanted again at once.
 */
static napi_value frugal_malloc(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
  mallopt(M_ARENA_MAX, 2);
#endif
  return NULL;
}

/* trimMalloc(): gives pages nothing is on back to the system */
static napi_value trim_malloc(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
#ifdef __GLIBC__
  malloc_trim(0);
#endif
  return NULL;
}

NAPI_MODULE_INIT() {
  const struct {
    const char *name;
    napi_callback call;
  } functions[] = {
      {"verityEnable", verity_enable}, {"verityMeasure", verity_measure}, {"flock", flock_file},
      {"renameat2", rename_file},      {"linkFd", link_fd},               {"syncfs", sync_file_system},
      {"openat2", open_at},            {"mknod", make_node},              {"lutimes", set_times},
      {"lgetxattr", get_xattr},        {"lsetxattr", set_xattr},          {"llistxattr", list_xattrs},
      {"lremovexattr", remove_xattr},  {"sendDatagram", send_datagram},
      {"frugalMalloc", frugal_malloc}, {"trimMalloc", trim_malloc},
  };
  for (size_t index = 0; index < sizeof functions / sizeof *functions; index += 1) {
    napi_value function;
    if (napi_create_function(env, functions[index].name, NAPI_AUTO_LENGTH, functions[index].call, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, functions[index].name, function) != napi_ok)
      return NULL;
  }
  return exports;
}
