#include "base/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sandbox/apart.h"
#include "base/sandbox/syscall_filter.h"

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

/* Of ABI 4 (connections) and 6 (abstract sockets). Not that for signals: it also holds back the one that ends a child with its parent
   (PR_SET_PDEATHSIG), and kill() is refused by the filter of system calls. */
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)

enum { RULE_NET_PORT = 2, DNS_PORT = 53 };

struct ruleset {
	uint64_t files, network, scope;
};

struct net_port_rule {
	uint64_t rights, port;
};

#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_EXECUTE (RIGHTS_READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define RIGHTS_OF_FILES                                                                                      \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE)
#define RIGHTS_FIRST ((1ULL << 13) - 1) /* everything ABI 1 knows */
#define RIGHTS_WRITE                                                                                         \
	(RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |                         \
		LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR |       \
		LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR)

/* What the C library and the loading of shared libraries read. */
static const char *const system_files[] = {
	"/etc/ld.so.cache",
	"/etc/localtime",
	"/usr/share/zoneinfo",
	"/dev/urandom",
	"/dev/null",
	NULL,
};

/* A program that is started is loaded by another one, which is among these. */
static const char *const library_folders[] = {
	"/lib",
	"/lib64",
	"/usr/lib",
	"/usr/lib64",
	NULL,
};

/* What name resolution and TLS read. */
static const char *const network_files[] = {
	"/etc/resolv.conf",
	"/etc/nsswitch.conf",
	"/etc/hosts",
	"/etc/host.conf",
	"/etc/gai.conf",
	"/etc/services",
	"/etc/protocols",
	"/etc/ssl/openssl.cnf",
	NULL,
};

/* What TLS reads where somebody else connects. */
static const char *const tls_files[] = {
	"/etc/ssl/openssl.cnf",
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

static bool refused(const struct sandbox *sandbox, const char *rights, int reason, struct error *err)
{
	return error_set(err, ERROR_BUG, "cannot restrict the %s process's %s: %s", sandbox->what, rights,
		strerror(reason));
}

/* The right to list a folder cannot be given for a file, so it is asked what the path is. */
static bool allow(
	const struct sandbox *sandbox, int ruleset, const char *path, uint64_t rights, struct error *err)
{
	int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return true;
	int folder = openat(fd, ".", O_PATH | O_CLOEXEC | O_DIRECTORY);
	if (folder < 0)
		rights &= RIGHTS_OF_FILES;
	else
		close(folder);
	struct landlock_path_beneath_attr rule = {.allowed_access = rights, .parent_fd = fd};
	long failed = syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	int reason = errno;
	close(fd);
	if (failed)
		return refused(sandbox, "files", reason, err);
	return true;
}

static bool allow_list(const struct sandbox *sandbox, int ruleset, const char *const *paths, uint64_t rights,
	struct error *err)
{
	for (; paths && *paths; paths++)
		if (!allow(sandbox, ruleset, *paths, rights, err))
			return false;
	return true;
}

static bool allow_all(const struct sandbox *sandbox, int ruleset, uint64_t known, struct error *err)
{
	uint64_t libraries = sandbox->program ? RIGHTS_EXECUTE : RIGHTS_READ;
	return allow_list(sandbox, ruleset, sandbox->writable, RIGHTS_WRITE & known, err) &&
		allow_list(sandbox, ruleset, system_files, RIGHTS_READ, err) &&
		allow_list(sandbox, ruleset, library_folders, libraries, err) &&
		(!sandbox->network || allow_list(sandbox, ruleset, network_files, RIGHTS_READ, err)) &&
		(!sandbox->connected || allow_list(sandbox, ruleset, tls_files, RIGHTS_READ, err)) &&
		(!sandbox->certificates || allow_list(sandbox, ruleset, certificate_files, RIGHTS_READ, err)) &&
		(!sandbox->program || allow(sandbox, ruleset, sandbox->program, RIGHTS_EXECUTE, err)) &&
		allow_list(sandbox, ruleset, sandbox->readable, RIGHTS_READ, err);
}

/* An older kernel takes a shorter struct. */
static size_t ruleset_size(long abi)
{
	return abi >= 6 ? sizeof(struct ruleset) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static bool allow_port(const struct sandbox *sandbox, int ruleset, uint16_t port, struct error *err)
{
	struct net_port_rule rule = {.rights = NET_CONNECT_TCP, .port = port};
	return syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) == 0 ||
		refused(sandbox, "connections", errno, err);
}

/* Without a rule there is no connection and no port of its own at all. */
static bool allow_ports(const struct sandbox *sandbox, int ruleset, struct error *err)
{
	for (size_t i = 0; sandbox->network && i < sandbox->port_count; i++)
		if (!allow_port(sandbox, ruleset, sandbox->ports[i], err))
			return false;
	return !sandbox->network || !sandbox->port_count || allow_port(sandbox, ruleset, DNS_PORT, err);
}

static bool restrict_files(const struct sandbox *sandbox, struct error *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < 1)
		return true; /* the kernel has none, or it is switched off */
	uint64_t known = known_rights((int)abi);
	bool ports = abi >= 4 && (sandbox->ports || !sandbox->network);
	struct ruleset attributes = {
		.files = known,
		.network = ports ? NET_BIND_TCP | NET_CONNECT_TCP : 0,
		.scope = SCOPE_ABSTRACT_UNIX_SOCKET,
	};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, ruleset_size(abi), 0);
	if (ruleset < 0)
		return refused(sandbox, "files", errno, err);
	bool allowed =
		allow_all(sandbox, ruleset, known, err) && (!ports || allow_ports(sandbox, ruleset, err));
	if (allowed && syscall(SYS_landlock_restrict_self, ruleset, 0))
		allowed = refused(sandbox, "files", errno, err);
	close(ruleset);
	return allowed;
}

static bool limit(
	const struct sandbox *sandbox, __rlimit_resource_t resource, int64_t maximum, struct error *err)
{
	struct rlimit value = {.rlim_cur = (rlim_t)maximum, .rlim_max = (rlim_t)maximum};
	struct rlimit now;
	if (getrlimit(resource, &now) == 0 && now.rlim_max < value.rlim_max)
		value.rlim_cur = value.rlim_max = now.rlim_max;
	return setrlimit(resource, &value) == 0 || refused(sandbox, "resources", errno, err);
}

static bool restrict_memory(const struct sandbox *sandbox, struct error *err)
{
#ifdef PGITOPS_SANITIZED
	if (!sandbox->program)
		return true;
#endif
	return (!sandbox->address_space || limit(sandbox, RLIMIT_AS, sandbox->address_space, err)) &&
		(!sandbox->data_bytes || limit(sandbox, RLIMIT_DATA, sandbox->data_bytes, err));
}

/* Of memory last: a sanitizer has none left after it, and then nothing is left to do but to become the program. */
static bool restrict_resources(const struct sandbox *sandbox, struct error *err)
{
	/* A write beyond the limit then fails with EFBIG, which is reported; a foreign program ends. */
	signal(SIGXFSZ, sandbox->program ? SIG_DFL : SIG_IGN);
	return limit(sandbox, RLIMIT_CORE, 0, err) && limit(sandbox, RLIMIT_NOFILE, SANDBOX_FILES, err) &&
		limit(sandbox, RLIMIT_FSIZE, sandbox->file_bytes, err) &&
		limit(sandbox, RLIMIT_CPU, sandbox->seconds, err) && restrict_memory(sandbox, err);
}

/* Of a process of root's, what would let it raise its limits again. Which files there are is for Landlock to say, so the right to read
   those of another user stays. An exec gives nothing back (no_new_privs). */
static bool restrict_capabilities(const struct sandbox *sandbox, bool apart, struct error *err)
{
	const uint32_t kept = apart ? 0 : (1U << CAP_DAC_OVERRIDE) | (1U << CAP_DAC_READ_SEARCH);
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	if (syscall(SYS_capget, &header, data))
		return refused(sandbox, "capabilities", errno, err);
	for (size_t i = 0; i < COUNT_OF(data); i++) {
		data[i].permitted &= i == 0 ? kept : 0;
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) == 0 || refused(sandbox, "capabilities", errno, err);
}

bool sandbox_enter(const struct sandbox *sandbox, struct error *err)
{
	const struct syscall_filter filter = {
		.what = sandbox->what,
		.network = sandbox->network,
		.connected = sandbox->connected,
		.program_fd = sandbox->program ? sandbox->program_fd : -1,
		.required = sandbox->calls_filtered,
	};
	bool apart = sandbox->apart && apart_is_possible();
	/* While it is dumpable, for else its own /proc is root's. */
	if (apart && !apart_enter(err))
		return error_prefix(err, "cannot restrict the %s process", sandbox->what);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return refused(sandbox, "rights", errno, err);
	return restrict_capabilities(sandbox, apart, err) && restrict_files(sandbox, err) &&
		syscall_filter_enter(&filter, err) && restrict_resources(sandbox, err);
}
