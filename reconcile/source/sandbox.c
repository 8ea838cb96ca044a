#include "reconcile/source/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/limits.h"
#include "reconcile/source/syscall_filter.h"

/* Rights that came after the first Landlock (ABI 2, 3 and 5), for older kernel headers. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif

enum { OPEN_FILES = 256 };

#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_FIRST ((1ULL << 13) - 1) /* everything ABI 1 knows */
#define RIGHTS_WRITE                                                                                         \
	(RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |                         \
		LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |       \
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR)

/* What name resolution and the loading of shared libraries read. */
static const char *const system_files[] = {
	"/etc/resolv.conf",
	"/etc/nsswitch.conf",
	"/etc/hosts",
	"/etc/host.conf",
	"/etc/gai.conf",
	"/etc/services",
	"/etc/protocols",
	"/etc/ld.so.cache",
	"/etc/localtime",
	"/etc/ssl/openssl.cnf",
	"/lib",
	"/lib64",
	"/usr/lib",
	"/usr/lib64",
	"/usr/share/zoneinfo",
	"/dev/urandom",
	"/dev/null",
	NULL,
};

/* libgit2 parses the whole bundle at its start (12 ms) whether it needs it or not, unless it cannot. */
static const char *const certificate_files[] = {
	"/etc/ssl",
	"/etc/pki",
	"/usr/share/ca-certificates",
	"/usr/local/share/ca-certificates",
	NULL,
};

static uint64_t known_rights(int abi)
{
	uint64_t rights = RIGHTS_FIRST;
	if (abi >= 2)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
	if (abi >= 5)
		rights |= LANDLOCK_ACCESS_FS_IOCTL_DEV;
	return rights;
}

/* The right to list a folder cannot be given for a file, so it is asked what the path is. */
static bool allow(int ruleset, const char *path, uint64_t rights, struct error *err)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return true;
	int folder = openat(fd, ".", O_PATH | O_CLOEXEC | O_DIRECTORY);
	if (folder < 0)
		rights &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
	else
		close(folder);
	struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
	long failed = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	int reason = errno;
	close(fd);
	if (failed)
		return error_set(
			err, ERROR_BUG, "cannot make the Git process's file rules: %s", strerror(reason));
	return true;
}

static bool allow_list(int ruleset, const char *const *paths, struct error *err)
{
	for (; paths && *paths; paths++)
		if (!allow(ruleset, *paths, RIGHTS_READ, err))
			return false;
	return true;
}

static bool allow_all(int ruleset, const struct sandbox *sandbox, uint64_t known, struct error *err)
{
	return allow(ruleset, sandbox->writable, RIGHTS_WRITE & known, err) &&
		allow_list(ruleset, system_files, err) &&
		(!sandbox->certificates || allow_list(ruleset, certificate_files, err)) &&
		allow_list(ruleset, sandbox->readable, err);
}

static bool restrict_files(const struct sandbox *sandbox, struct error *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1)
		return true; /* the kernel has none, or it is switched off */
	uint64_t known = known_rights((int)abi);
	struct landlock_ruleset_attr attributes = {.handled_access_fs = known};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof(attributes), 0);
	if (ruleset < 0)
		return error_set(
			err, ERROR_BUG, "cannot restrict the Git process's files: %s", strerror(errno));
	bool allowed = allow_all(ruleset, sandbox, known, err);
	if (allowed && syscall(SYS_landlock_restrict_self, ruleset, 0))
		allowed = error_set(
			err, ERROR_BUG, "cannot restrict the Git process's files: %s", strerror(errno));
	close(ruleset);
	return allowed;
}

static bool limit(__rlimit_resource_t resource, rlim_t maximum, struct error *err)
{
	struct rlimit value = {.rlim_cur = maximum, .rlim_max = maximum};
	struct rlimit now;
	if (getrlimit(resource, &now) == 0 && now.rlim_max < maximum)
		value.rlim_cur = value.rlim_max = now.rlim_max;
	if (setrlimit(resource, &value))
		return error_set(err, ERROR_BUG, "cannot limit the Git process: %s", strerror(errno));
	return true;
}

static bool restrict_resources(const struct sandbox *sandbox, struct error *err)
{
	/* A write beyond the limit then fails with EFBIG, which libgit2 reports. */
	signal(SIGXFSZ, SIG_IGN);
	if (!limit(RLIMIT_CORE, 0, err) || !limit(RLIMIT_NOFILE, OPEN_FILES, err) ||
		!limit(RLIMIT_FSIZE, (rlim_t)LIMIT_PACK_BYTES + ((rlim_t)64 << 20), err) ||
		!limit(RLIMIT_CPU, (rlim_t)sandbox->seconds, err))
		return false;
#ifndef PGITOPS_SANITIZED /* a sanitizer's shadow memory alone needs terabytes of address space */
	if (!limit(RLIMIT_AS, (rlim_t)LIMIT_GIT_MEMORY, err))
		return false;
#endif
	return true;
}

bool sandbox_enter(const struct sandbox *sandbox, struct error *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return error_set(err, ERROR_BUG, "cannot restrict the Git process: %s", strerror(errno));
	return restrict_resources(sandbox, err) && restrict_files(sandbox, err) && syscall_filter_enter(err);
}
