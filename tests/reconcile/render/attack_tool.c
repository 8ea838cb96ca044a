/*
 * A tool that is taken over by what it reads: the first line of kustomization.yaml says what it tries. "held" = nothing came of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

extern char **environ;

static const char *escaped;

static void expect(int held, const char *what)
{
	if (!held && !escaped)
		escaped = what;
}

static int refused(const char *path, int flags)
{
	return open(path, flags, 0600) < 0;
}

static void files(void)
{
	expect(refused("/etc/passwd", O_RDONLY), "read /etc/passwd");
	expect(refused("/proc/self/environ", O_RDONLY), "read /proc");
	expect(refused("/var/run/secrets/kubernetes.io/serviceaccount/token", O_RDONLY), "read the token");
	expect(refused("../../../secret", O_RDONLY), "read beside the folder");
	expect(refused("../../output", O_RDONLY), "read the output");
	expect(refused("../../kept", O_WRONLY | O_CREAT), "write beside the tree");
	expect(refused("new", O_WRONLY | O_CREAT), "write into the tree");
	expect(refused("kustomization.yaml", O_WRONLY), "change the tree");
	expect(unlink("kustomization.yaml") < 0, "remove from the tree");
	expect(refused("/tmp/pgitops-attack", O_WRONLY | O_CREAT), "write to /tmp");
	expect(symlink("/etc/passwd", "../../temporary/link") < 0, "make a link");
	char path[4096];
	snprintf(path, sizeof(path), "%s/mine", getenv("TMPDIR"));
	expect(open(path, O_WRONLY | O_CREAT, 0600) >= 0, "cannot write to its own temporary folder");
}

static void processes(void)
{
	static char name[] = "/bin/true";
	char *arguments[] = {name, NULL};
	expect(fork() < 0, "fork");
	expect(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) < 0, "a namespace");
	expect(syscall(SYS_vfork) < 0, "vfork");
	expect(system("true") != 0, "a shell");
	expect(execve(name, arguments, environ) < 0, "another program");
	const struct rlimit more = {4096, 4096};
	expect(setrlimit(RLIMIT_NOFILE, &more) < 0, "a higher limit");
	for (int fd = 3; fd < 1000; fd++) {
		int loader = open("/lib64/ld-linux-x86-64.so.2", O_PATH);
		dup2(loader, fd);
		expect(syscall(SYS_execveat, fd, "", arguments, environ, AT_EMPTY_PATH) < 0,
			"a program by descriptor");
		close(loader);
	}
	expect(kill(getppid(), 0) < 0, "a signal to its parent");
	expect(syscall(SYS_pidfd_open, getppid(), 0) < 0, "a handle of its parent");
	expect(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0, "ptrace");
	expect(syscall(SYS_io_uring_setup, 1, NULL) < 0, "io_uring");
}

static void network(void)
{
	static const int families[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET, AF_VSOCK};
	for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++)
		expect(socket(families[i], SOCK_STREAM, 0) < 0 && errno == EPERM, "a socket");
}

/* Nothing is open but 0 to 2, and the environment has nothing of the agent's. */
static void surroundings(void)
{
	for (int fd = 3; fd < 1024; fd++)
		expect(fcntl(fd, F_GETFD) < 0, "an open descriptor");
	for (char **one = environ; *one; one++)
		expect(!strstr(*one, "CANARY"), "a variable of the agent's");
	expect(environ[0] && !environ[7], "more variables");
}

static void output(void)
{
	static char line[65536];
	memset(line, 'x', sizeof(line));
	for (;;)
		(void)!write(STDOUT_FILENO, line, sizeof(line));
}

static void messages(void)
{
	for (;;)
		(void)!write(STDERR_FILENO, "a message without end\n", 22);
}

static void memory(void)
{
	for (;;) {
		char *more = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (more == MAP_FAILED) {
			fputs("cannot allocate memory\n", stderr);
			exit(1);
		}
		memset(more, 1, 1 << 20);
	}
}

static void loop(void)
{
	for (volatile unsigned i = 0;; i++)
		;
}

static void crash(void)
{
	raise(SIGSEGV);
	abort();
}

static void silence(void)
{
	pause();
	for (;;)
		sleep(1000);
}

int main(void)
{
	static const struct {
		const char *word;
		void (*attack)(void);
	} attacks[] = {{"files", files}, {"processes", processes}, {"network", network},
		{"surroundings", surroundings}, {"output", output}, {"messages", messages},
		{"memory", memory}, {"loop", loop}, {"silence", silence}, {"crash", crash}};
	char word[64] = "";
	FILE *file = fopen("kustomization.yaml", "r");
	if (!file || fscanf(file, "# %63s", word) != 1)
		return 2;
	fclose(file);
	for (size_t i = 0; i < sizeof(attacks) / sizeof(*attacks); i++)
		if (strcmp(attacks[i].word, word) == 0)
			attacks[i].attack();
	puts(escaped ? escaped : "held");
	return 0;
}
