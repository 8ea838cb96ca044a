/*
 * Each test enters the sandbox in a process of its own, tries things there, and tells the outcome by its exit code:
 * the line of the first expectation that failed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sandbox/apart.h"
#include "base/sandbox/sandbox.h"

#define EXPECT(condition)                                                                                    \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			_exit((__LINE__ % 250) + 1);                                                         \
	} while (0)

static char folder[64];  /* writable */
static char outside[64]; /* not */

static int set_up(void **state)
{
	struct error err;
	(void)state;
	strcpy(folder, "/tmp/sandbox-in.XXXXXX");
	strcpy(outside, "/tmp/sandbox-out.XXXXXX");
	if (!mkdtemp(folder) || !mkdtemp(outside))
		return -1;
	char path[128];
	snprintf(path, sizeof(path), "%s/file", outside);
	return file_replace(path, "secret", 6, 0600, &err) ? 0 : -1;
}

static int tear_down(void **state)
{
	struct error err;
	(void)state;
	return file_remove_folder(folder, &err) && file_remove_folder(outside, &err) ? 0 : -1;
}

static void run_inside(void (*tries)(void), const char *const *readable)
{
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct error err = {0};
		const char *writable[] = {folder, NULL};
		const struct sandbox sandbox = {.what = "test",
			.writable = writable,
			.readable = readable,
			.network = true,
			.seconds = 60,
			.file_bytes = (int64_t)1 << 29};
		if (!sandbox_enter(&sandbox, &err)) {
			fprintf(stderr, "%s\n", err.text);
			_exit(255);
		}
		tries();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("expectation at line %d (modulo 250) failed, status %x", WEXITSTATUS(status) - 1,
			(unsigned)status);
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

static int open_in(const char *place, const char *name, int flags)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", place, name);
	return open(path, flags | O_CLOEXEC, 0600);
}

static void use_files(void)
{
	char from[128], to[128];
	EXPECT(open_in(folder, "new", O_CREAT | O_WRONLY) >= 0);
	EXPECT(open_in(folder, "new", O_RDWR | O_TRUNC) >= 0);
	snprintf(from, sizeof(from), "%s/new", folder);
	snprintf(to, sizeof(to), "%s/deeper/renamed", folder);
	char deeper[128];
	snprintf(deeper, sizeof(deeper), "%s/deeper", folder);
	EXPECT(mkdir(deeper, 0700) == 0);
	EXPECT(rename(from, to) == 0);
	EXPECT(unlink(to) == 0);
	EXPECT(rmdir(deeper) == 0);
	EXPECT(open_in(folder, "link", O_TMPFILE | O_RDWR) < 0);
	EXPECT(open(folder, O_TMPFILE | O_RDWR, 0600) >= 0);
	EXPECT(open("/etc/nsswitch.conf", O_RDONLY) >= 0 || errno == ENOENT);
	EXPECT(open("/dev/urandom", O_RDONLY) >= 0);
}

static void its_own_folder_and_the_systems_certificates_are_there(void **state)
{
	(void)state;
	run_inside(use_files, NULL);
}

static void try_other_files(void)
{
	char link[128], target[128];
	EXPECT(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
	EXPECT(open("/etc/shadow", O_RDONLY) < 0);
	EXPECT(open("/proc/self/environ", O_RDONLY) < 0 && errno == EACCES);
	EXPECT(open("/var/run/secrets/kubernetes.io/serviceaccount/token", O_RDONLY) < 0);
	EXPECT(open("/", O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES);
	EXPECT(open_in(outside, "file", O_RDONLY) < 0 && errno == EACCES);
	EXPECT(open_in(outside, "new", O_CREAT | O_WRONLY) < 0 && errno == EACCES);
	EXPECT(open("/etc/hosts", O_WRONLY) < 0 && errno == EACCES);
	EXPECT(open("/etc/ssl/new", O_CREAT | O_WRONLY, 0600) < 0 && errno == EACCES);
	snprintf(target, sizeof(target), "%s/file", outside);
	snprintf(link, sizeof(link), "%s/link", folder);
	EXPECT(unlink(target) < 0 && errno == EACCES);
	EXPECT(symlink(target, link) < 0);
	EXPECT(mknod(link, S_IFIFO | 0600, 0) < 0);
}

static void every_other_file_is_out_of_reach(void **state)
{
	(void)state;
	if (!has_landlock())
		fail_msg("this kernel has no Landlock, so the files cannot be tested");
	run_inside(try_other_files, NULL);
}

static void try_readable(void)
{
	EXPECT(open_in(outside, "file", O_RDONLY) >= 0);
	EXPECT(open_in(outside, "file", O_WRONLY) < 0 && errno == EACCES);
	EXPECT(open_in(outside, "new", O_CREAT | O_WRONLY) < 0 && errno == EACCES);
}

static void a_repository_of_files_can_be_read_and_not_changed(void **state)
{
	const char *const readable[] = {outside, "/does/not/exist", NULL};
	(void)state;
	run_inside(try_readable, readable);
}

static void try_system_calls(void)
{
	static char name[] = "/bin/true";
	char *arguments[] = {name, NULL};
	char byte;
	struct iovec here = {&byte, 1}, there = {&byte, 1};
	EXPECT(execve(name, arguments, NULL) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_execveat, -1, name, arguments, NULL, 0) < 0 && errno == EPERM);
	EXPECT(fork() < 0 && errno == EPERM);
	EXPECT(syscall(SYS_clone, CLONE_NEWUSER | 17, 0, 0, 0, 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS);
	EXPECT(ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 && errno == EPERM);
	EXPECT(process_vm_readv(getpid(), &here, 1, &there, 1, 0) < 0 && errno == EPERM);
	EXPECT(process_vm_writev(getpid(), &here, 1, &there, 1, 0) < 0 && errno == EPERM);
	EXPECT(mount("none", "/tmp", "tmpfs", 0, NULL) < 0 && errno == EPERM);
	EXPECT(unshare(CLONE_NEWUSER) < 0 && errno == EPERM);
	EXPECT(chroot("/tmp") < 0 && errno == EPERM);
	EXPECT(syscall(SYS_bpf, 0, NULL, 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_userfaultfd, 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_keyctl, 0, 0, 0, 0, 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_kill, getppid(), 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_tgkill, getppid(), getppid(), 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_tgkill, getpid(), getpid(), 0) == 0);
	EXPECT(setuid(0) < 0 && errno == EPERM);
	EXPECT(symlink("a", "b") < 0 && errno == EPERM);
	EXPECT(syscall(SYS_memfd_create, "x", 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_pidfd_open, getppid(), 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 0 && errno == EPERM);
	EXPECT(prctl(PR_SET_PDEATHSIG, 0) < 0 && errno == EPERM);
	EXPECT(prctl(PR_SET_DUMPABLE, 1) < 0 && errno == EPERM);
	EXPECT(ioctl(STDIN_FILENO, TIOCSTI, "x") < 0 && errno == EPERM);
	EXPECT(fcntl(STDIN_FILENO, F_SETOWN, getppid()) < 0 && errno == EPERM);
	EXPECT(fcntl(STDIN_FILENO, F_SETSIG, 9) < 0 && errno == EPERM);
	EXPECT(fcntl(STDIN_FILENO, F_GETFL) >= 0);
	EXPECT(syscall(SYS_prlimit64, getppid(), RLIMIT_CPU, NULL, NULL) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_setpriority, 0, getppid(), 19) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_sched_setscheduler, getppid(), 0, NULL) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_sched_setaffinity, getppid(), 0, NULL) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_shmget, 0, 4096, 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_msgget, 0, 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_semget, 0, 1, 0) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_mq_open, "/x", 0, 0, NULL) < 0 && errno == EPERM);
	EXPECT(syscall(SYS_setxattr, "/tmp", "user.x", "x", 1, 0) < 0 && errno == EPERM);
	EXPECT(chown("/tmp", 1, 1) < 0 && errno == EPERM);
	EXPECT(syscall(600) < 0 && errno == EPERM); /* none has this number yet */
}

static void try_modes(void)
{
	char file[128];
	struct stat before, after;
	struct timespec times[2] = {{0}, {0}};
	snprintf(file, sizeof(file), "%s/file", outside);
	EXPECT(stat(file, &before) == 0);
	EXPECT(chmod(file, 0777) == 0 && utimensat(AT_FDCWD, file, times, 0) == 0);
	EXPECT(stat(file, &after) == 0);
	EXPECT(before.st_mode == after.st_mode && before.st_mtime == after.st_mtime);
}

static void modes_and_times_stay_as_they_are(void **state)
{
	(void)state;
	run_inside(try_modes, NULL);
}

static void forbidden_system_calls_fail(void **state)
{
	(void)state;
	run_inside(try_system_calls, NULL);
}

static void *end_thread(void *argument)
{
	return argument;
}

static void try_network(void)
{
	pthread_t thread;
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int pair[2];
	EXPECT(tcp >= 0);
	EXPECT(bind(tcp, (struct sockaddr *)&address, sizeof(address)) == 0);
	EXPECT(listen(tcp, 1) < 0 && errno == EPERM);
	EXPECT(socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EPERM);
	EXPECT(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EPERM);
	EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	EXPECT(pthread_create(&thread, NULL, end_thread, NULL) == 0);
	EXPECT(pthread_join(thread, NULL) == 0);
}

static void only_connections_to_the_outside_are_made(void **state)
{
	(void)state;
	run_inside(try_network, NULL);
}

static int connect_to(uint16_t port)
{
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
	int outcome = connect(tcp, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
	close(tcp);
	return outcome;
}

/* Of two ports on which this test listens one is the repository's. */
static void only_the_ports_of_the_question_are_reached(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	uint16_t ports[2];
	(void)state;
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) < 4)
		skip();
	for (size_t i = 0; i < 2; i++) {
		int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		address.sin_port = 0;
		assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
		assert_int_equal(listen(listener, 4), 0);
		assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
		ports[i] = ntohs(address.sin_port);
	}
	int status;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct error err = {0};
		const char *writable[] = {folder, NULL};
		const struct sandbox sandbox = {.what = "test",
			.writable = writable,
			.network = true,
			.ports = ports,
			.port_count = 1,
			.seconds = 60,
			.file_bytes = (int64_t)1 << 29};
		EXPECT(sandbox_enter(&sandbox, &err));
		EXPECT(connect_to(ports[0]) == 0);
		EXPECT(connect_to(ports[1]) == EACCES);
		EXPECT(connect_to(53) != EACCES);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("expectation at line %d (modulo 250) failed", WEXITSTATUS(status) - 1);
}

static void try_limits(void)
{
	struct rlimit limit;
	EXPECT(prctl(PR_GET_DUMPABLE) == 0);
	EXPECT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	EXPECT(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
	EXPECT(getrlimit(RLIMIT_CPU, &limit) == 0 && limit.rlim_max == 60);
	EXPECT(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_max <= 256);
	EXPECT(getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_max < (rlim_t)1 << 30);
	int fd = open_in(folder, "large", O_CREAT | O_WRONLY);
	EXPECT(pwrite(fd, "x", 1, (off_t)1 << 30) < 0 && errno == EFBIG);
}

static void its_resources_are_limited(void **state)
{
	(void)state;
	run_inside(try_limits, NULL);
}

/* Where nothing but the namespace stands in the way: with sockets, and a server on loopback. */
static void live_apart(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct stat status;
	address.sin_port = htons((uint16_t)port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT(fd >= 0);
	EXPECT(connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 && errno == ENETUNREACH);
	fd = open_in(folder, "apart", O_CREAT | O_WRONLY);
	EXPECT(fd >= 0 && write(fd, "x", 1) == 1 && fstat(fd, &status) == 0);
	EXPECT(status.st_uid == geteuid() && status.st_gid == getegid());
}

static void apart_there_is_nobody_to_connect_to_and_its_files_are_its_own(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int status, server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)state;
	assert_int_equal(bind(server, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(server, 1), 0);
	assert_int_equal(getsockname(server, (struct sockaddr *)&address, &size), 0);
	bool possible = apart_is_possible();
	pid_t pid = fork();
	if (pid == 0) {
		struct error err = {0};
		const char *writable[] = {folder, NULL};
		const struct sandbox sandbox = {.what = "test",
			.writable = writable,
			.network = true,
			.apart = true,
			.seconds = 60,
			.file_bytes = (int64_t)1 << 20};
		EXPECT(sandbox_enter(&sandbox, &err)); /* possible or not */
		if (possible)
			live_apart(ntohs(address.sin_port));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(server);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail_msg("expectation at line %d (modulo 250) failed, status %x", WEXITSTATUS(status) - 1,
			(unsigned)status);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_own_folder_and_the_systems_certificates_are_there),
		cmocka_unit_test(every_other_file_is_out_of_reach),
		cmocka_unit_test(a_repository_of_files_can_be_read_and_not_changed),
		cmocka_unit_test(forbidden_system_calls_fail),
		cmocka_unit_test(modes_and_times_stay_as_they_are),
		cmocka_unit_test(only_the_ports_of_the_question_are_reached),
		cmocka_unit_test(apart_there_is_nobody_to_connect_to_and_its_files_are_its_own),
		cmocka_unit_test(only_connections_to_the_outside_are_made),
		cmocka_unit_test(its_resources_are_limited),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
