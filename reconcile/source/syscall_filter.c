#include "reconcile/source/syscall_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE

/* New programs, other processes, mounts, the kernel itself, io_uring (which passes by seccomp). */
static const unsigned refused[] = {
	SYS_execve,
	SYS_execveat,
#ifdef SYS_fork
	SYS_fork,
	SYS_vfork,
#endif
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_process_madvise,
	SYS_kcmp,
	SYS_pidfd_open,
	SYS_pidfd_getfd,
	SYS_pidfd_send_signal,
	SYS_kill,
	SYS_tkill,
	SYS_rt_sigqueueinfo,
	SYS_rt_tgsigqueueinfo,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_move_mount,
	SYS_open_tree,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	SYS_mount_setattr,
	SYS_setns,
	SYS_unshare,
	SYS_open_by_handle_at,
	SYS_name_to_handle_at,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_kexec_load,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_add_key,
	SYS_request_key,
	SYS_keyctl,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_settimeofday,
	SYS_clock_settime,
	SYS_clock_adjtime,
	SYS_adjtimex,
	SYS_acct,
	SYS_quotactl,
	SYS_personality,
	SYS_syslog,
	SYS_sethostname,
	SYS_setdomainname,
	SYS_vhangup,
	SYS_mknodat,
	SYS_listen,
	SYS_accept,
	SYS_accept4,
	SYS_setuid,
	SYS_setgid,
	SYS_setreuid,
	SYS_setregid,
	SYS_setresuid,
	SYS_setresgid,
	SYS_setgroups,
#ifdef SYS_kexec_file_load
	SYS_kexec_file_load,
#endif
#ifdef SYS_iopl
	SYS_iopl,
	SYS_ioperm,
	SYS_modify_ldt,
#endif
};

enum { PROGRAM_MAXIMUM = 256 };

struct program {
	struct sock_filter code[PROGRAM_MAXIMUM];
	unsigned short length;
};

static void add(struct program *program, unsigned code, unsigned k, unsigned yes, unsigned no)
{
	program->code[program->length++] = (struct sock_filter){
		.code = (unsigned short)code,
		.jt = (unsigned char)yes,
		.jf = (unsigned char)no,
		.k = k,
	};
}

static void load(struct program *program, size_t offset)
{
	add(program, BPF_LD | BPF_W | BPF_ABS, (unsigned)offset, 0, 0);
}

static void answer(struct program *program, unsigned value)
{
	add(program, BPF_RET | BPF_K, value, 0, 0);
}

static void skip_unless(struct program *program, unsigned value, unsigned count)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, value, 0, count);
}

/* The low half of an argument: both architectures are little-endian, and the kernel looks at no more of these. */
static size_t argument(unsigned number)
{
	return offsetof(struct seccomp_data, args) + number * sizeof(uint64_t);
}

static void add_architecture(struct program *program)
{
	load(program, offsetof(struct seccomp_data, arch));
	add(program, BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	answer(program, SECCOMP_RET_KILL_PROCESS);
	load(program, offsetof(struct seccomp_data, nr));
#ifdef __X32_SYSCALL_BIT
	add(program, BPF_JMP | BPF_JGE | BPF_K, __X32_SYSCALL_BIT, 0, 1);
	answer(program, SECCOMP_RET_KILL_PROCESS);
#endif
}

/* Threads (the name resolver uses one), but no further process that could outlive the deadline, no namespaces. */
static void add_clone(struct program *program)
{
	skip_unless(program, SYS_clone3, 1);
	answer(program,
		SECCOMP_RET_ERRNO | ENOSYS); /* its flags are behind a pointer; the C library then takes clone */
	skip_unless(program, SYS_clone, 4);
	load(program, argument(0));
	add(program, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
	answer(program, SECCOMP_RET_ALLOW);
	answer(program, SECCOMP_RET_ERRNO | EPERM);
}

/* No Unix sockets: whatever listens on one, on this machine, is none of its business. */
static void add_socket(struct program *program)
{
	static const unsigned families[] = {AF_INET, AF_INET6, AF_NETLINK};
	skip_unless(program, SYS_socket, 2 + 2 * COUNT_OF(families));
	load(program, argument(0));
	for (size_t i = 0; i < COUNT_OF(families); i++) {
		skip_unless(program, families[i], 1);
		answer(program, SECCOMP_RET_ALLOW);
	}
	answer(program, SECCOMP_RET_ERRNO | EPERM);
}

/* abort() signals its own thread group, and only that is allowed. */
static void add_tgkill(struct program *program)
{
	skip_unless(program, SYS_tgkill, 4);
	load(program, argument(0));
	skip_unless(program, (unsigned)getpid(), 1);
	answer(program, SECCOMP_RET_ALLOW);
	answer(program, SECCOMP_RET_ERRNO | EPERM);
}

bool syscall_filter_enter(struct error *err)
{
	struct program program = {.length = 0};
	add_architecture(&program);
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		skip_unless(&program, refused[i], 1);
		answer(&program, SECCOMP_RET_ERRNO | EPERM);
	}
	add_clone(&program);
	add_socket(&program);
	add_tgkill(&program);
	answer(&program, SECCOMP_RET_ALLOW);

	struct sock_fprog filter = {.len = program.length, .filter = program.code};
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) && errno != EINVAL)
		return error_set(err, ERROR_BUG, "cannot restrict the Git process's system calls: %s",
			strerror(errno));
	return true;
}

#else

bool syscall_filter_enter(struct error *err)
{
	(void)err;
	return true;
}

#endif
