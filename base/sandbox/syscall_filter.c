/*
 * syscall_filter.c - the system calls of a child process: a list of what it uses, everything else fails with EPERM
 *
 * The list is what libgit2, libcurl, OpenSSL, libssh, the name resolver, the C library, the sanitizers of a test build and
 * programs in Go ask for on x86-64 and arm64; names that an architecture does not have are passed over by libseccomp. Among
 * what is missing: new processes, signals to others, servers, Unix sockets, mounts, namespaces, ptrace, keys, bpf and
 * io_uring, which passes by seccomp.
 */
#include "base/sandbox/syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *const allowed[] = {
	/* files */
	"access",
	"close",
	"dup",
	"dup2",
	"dup3",
	"faccessat",
	"faccessat2",
	"fallocate",
	"fdatasync",
	"flock",
	"fstat",
	"fstatfs",
	"fsync",
	"ftruncate",
	"getcwd",
	"getdents64",
	"link",
	"linkat",
	"lseek",
	"lstat",
	"mkdir",
	"mkdirat",
	"newfstatat",
	"open",
	"openat",
	"pread64",
	"preadv",
	"pwrite64",
	"pwritev",
	"read",
	"readlink",
	"readlinkat",
	"readv",
	"rename",
	"renameat",
	"renameat2",
	"rmdir",
	"stat",
	"statfs",
	"statx",
	"truncate",
	"umask",
	"unlink",
	"unlinkat",
	"write",
	"writev",
	/* memory */
	"brk",
	"madvise",
	"mmap",
	"mprotect",
	"mremap",
	"munmap",
	/* itself and its threads */
	"exit",
	"exit_group",
	"futex",
	"getegid",
	"geteuid",
	"getgid",
	"getpid",
	"getppid",
	"getrlimit",
	"getrusage",
	"gettid",
	"getuid",
	"restart_syscall",
	"rseq",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sched_getaffinity",
	"sched_yield",
	"set_robust_list",
	"set_tid_address",
	"sigaltstack",
	"sysinfo",
	"uname",
	"wait4", /* for a process it made before */
	"waitid",
	/* time and chance */
	"clock_getres",
	"clock_gettime",
	"clock_nanosleep",
	"getrandom",
	"gettimeofday",
	"nanosleep",
	"time",
	/* waiting */
	"epoll_create1",
	"epoll_ctl",
	"epoll_pwait",
	"epoll_wait",
	"eventfd2",
	"pipe",
	"pipe2",
	"poll",
	"ppoll",
	"pselect6",
	"select",
};

/*
 * These say that it is done and do nothing: libgit2 sets modes and times of its own files and gives up where that fails. Landlock does not
 * look at them, so a child could take the agent's own files from it.
 */
static const char *const pretended[] = {
	"chmod",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"utime",
	"utimensat",
	"utimes",
};

/* The same, of sockets that are connected already: libcurl before 8.0 connects them once more, whatever it is told. */
static const char *const pretended_connected[] = {
	"connect",
};

/* Connections that it makes. */
static const char *const allowed_network[] = {
	"bind",
	"connect",
};

/* Those, or the ones that it is handed. */
static const char *const allowed_connected[] = {
	"getpeername",
	"getsockname",
	"getsockopt",
	"recvfrom",
	"recvmmsg",
	"recvmsg",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"setsockopt",
	"shutdown",
};

/* What a program asks for while it is loaded and goes to its folder. */
static const char *const allowed_program[] = {
	"arch_prctl",
	"chdir",
};

struct allowed_value {
	const char *name;
	unsigned argument;
	uint64_t value;
};

/* Allowed with one of these values of an argument, of which the kernel looks at the low half alone. */
static const struct allowed_value allowed_values[] = {
	{"ioctl", 1, FIONBIO},
	{"ioctl", 1, FIONREAD},
	{"prctl", 0, PR_SET_NAME},
	{"prctl", 0, PR_GET_NAME},
	{"prctl", 0, PR_GET_DUMPABLE},
	{"prctl", 0, PR_GET_NO_NEW_PRIVS},
	{"prlimit64", 0, 0}, /* of itself: which it can only lower */
	/* Of a descriptor all but who gets its signals (F_SETOWN, F_SETSIG), leases, and its size as a pipe. */
	{"fcntl", 1, F_DUPFD},
	{"fcntl", 1, F_DUPFD_CLOEXEC},
	{"fcntl", 1, F_GETFD},
	{"fcntl", 1, F_SETFD},
	{"fcntl", 1, F_GETFL},
	{"fcntl", 1, F_SETFL},
	{"fcntl", 1, F_GETLK},
	{"fcntl", 1, F_SETLK},
	{"fcntl", 1, F_SETLKW},
	{"fcntl", 1, F_OFD_SETLK},
	{"fcntl", 1, F_OFD_SETLKW},
	{"fcntl", 1, F_OFD_GETLK},
};

static const struct allowed_value allowed_network_values[] = {
	{"socket", 0, AF_INET}, {"socket", 0, AF_INET6},
	{"socket", 0, AF_NETLINK}, /* which addresses this machine has */
};

static bool failed(const struct syscall_filter *wanted, int code, const char *name, struct error *err)
{
	return error_set(err, ERROR_BUG, "cannot restrict the %s process's system calls%s%s: %s",
		wanted->what, *name ? ", " : "", name, strerror(-code));
}

/* One comparison of the low half of an argument. */
static int add_value(scmp_filter_ctx filter, int number, unsigned argument, uint64_t mask, uint64_t value)
{
	const struct scmp_arg_cmp is = {
		.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &is);
}

static bool add_names(scmp_filter_ctx filter, const struct syscall_filter *wanted, uint32_t action,
	const char *const *names, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		int number = seccomp_syscall_resolve_name(names[i]);
		int code = number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, action, number, 0);
		if (code)
			return failed(wanted, code, names[i], err);
	}
	return true;
}

static bool add_values(scmp_filter_ctx filter, const struct syscall_filter *wanted,
	const struct allowed_value *values, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		int code = add_value(filter, seccomp_syscall_resolve_name(values[i].name), values[i].argument,
			UINT32_MAX, values[i].value);
		if (code)
			return failed(wanted, code, values[i].name, err);
	}
	return true;
}

/* The one program, by the descriptor that is closed when it starts: nothing on a PATH, and nothing a second time. */
static bool add_program(scmp_filter_ctx filter, const struct syscall_filter *wanted, struct error *err)
{
	const struct scmp_arg_cmp is[] = {
		SCMP_CMP(0, SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)wanted->program_fd),
		SCMP_CMP(4, SCMP_CMP_MASKED_EQ, UINT32_MAX, AT_EMPTY_PATH),
	};
	int code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(execveat), COUNT_OF(is), is);
	if (code)
		return failed(wanted, code, "execveat", err);
	return add_names(filter, wanted, SCMP_ACT_ALLOW, allowed_program, COUNT_OF(allowed_program), err);
}

static bool add_lists(scmp_filter_ctx filter, const struct syscall_filter *wanted, struct error *err)
{
	if (!add_names(filter, wanted, SCMP_ACT_ALLOW, allowed, COUNT_OF(allowed), err) ||
		!add_names(filter, wanted, SCMP_ACT_ERRNO(0), pretended, COUNT_OF(pretended), err) ||
		!add_values(filter, wanted, allowed_values, COUNT_OF(allowed_values), err))
		return false;
	if ((wanted->network || wanted->connected) &&
		!add_names(filter, wanted, SCMP_ACT_ALLOW, allowed_connected, COUNT_OF(allowed_connected), err))
		return false;
	if (wanted->connected && !wanted->network &&
		!add_names(filter, wanted, SCMP_ACT_ERRNO(0), pretended_connected,
			COUNT_OF(pretended_connected), err))
		return false;
	if (wanted->network &&
		(!add_names(filter, wanted, SCMP_ACT_ALLOW, allowed_network, COUNT_OF(allowed_network), err) ||
			!add_values(filter, wanted, allowed_network_values, COUNT_OF(allowed_network_values),
				err)))
		return false;
	return wanted->program_fd < 0 || add_program(filter, wanted, err);
}

/* A pair within itself, of streams: one of datagrams could send to whatever socket of this machine it names. */
static bool add_pairs(scmp_filter_ctx filter, const struct syscall_filter *wanted, struct error *err)
{
	const struct scmp_arg_cmp is[] = {
		SCMP_CMP(0, SCMP_CMP_MASKED_EQ, UINT32_MAX, AF_UNIX),
		SCMP_CMP(1, SCMP_CMP_MASKED_EQ, 0xf, SOCK_STREAM),
	};
	int code = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), COUNT_OF(is), is);
	return !code || failed(wanted, code, "socketpair", err);
}

/* Threads (the name resolver uses one), but no further process that could outlive the deadline. clone3 has its flags
   behind a pointer, and the C library takes clone when there is none. abort() signals its own thread group. */
static bool add_processes(scmp_filter_ctx filter, const struct syscall_filter *wanted, struct error *err)
{
	int code = add_value(filter, SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD);
	code = code ? code : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	code = code ? code : add_value(filter, SCMP_SYS(tgkill), 0, UINT32_MAX, (uint64_t)getpid());
	return !code || failed(wanted, code, "processes", err);
}

static bool load(scmp_filter_ctx filter, const struct syscall_filter *wanted, struct error *err)
{
	/* A call of another architecture is an attack; the tree keeps frequent calls from passing the whole list. */
	int code = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	code = code ? code : seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	code = code ? code : seccomp_attr_set(filter, SCMP_FLTATR_API_SYSRAWRC, 1);
	if (code)
		return failed(wanted, code, "", err);
	if (!add_lists(filter, wanted, err) || !add_pairs(filter, wanted, err) ||
		!add_processes(filter, wanted, err))
		return false;
	code = seccomp_load(filter);
	/* The kernel has none. */
	return !code || (code == -EINVAL && !wanted->required) || failed(wanted, code, "", err);
}

bool syscall_filter_enter(const struct syscall_filter *wanted, struct error *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return failed(wanted, -ENOMEM, "", err);
	bool loaded = load(filter, wanted, err);
	seccomp_release(filter);
	return loaded;
}
