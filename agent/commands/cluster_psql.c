#include "agent/commands/cluster_psql.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

enum { PASSWORD_FD = 3, VARIABLES = 8, CANNOT_RUN = 126 };

bool psql_find(const char **program, struct arena *mem, struct error *err)
{
	const char *path = getenv("PATH");
	for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
		size_t length = strcspn(at, ":");
		const char *found = arena_printf(mem, "%.*s/psql", (int)length, at);
		if (length && access(found, X_OK) == 0) {
			*program = found;
			return true;
		}
		at += length + (at[length] == ':');
	}
	return error_set(err, ERROR_MISSING,
		"there is no psql in PATH: install it (Debian, Ubuntu, Alpine: postgresql-client; Fedora: postgresql; macOS: libpq)");
}

/* ---- the password ---- */

/* One line of .pgpass for whatever is connected to. */
static bool write_password(int fd, const struct secret *password, struct error *err)
{
	CLEANUP(buf_wipe) struct buf line = BUF(16384);
	buf_text(&line, "*:*:*:*:");
	for (size_t i = 0; i < password->length; i++) {
		if (password->bytes[i] == ':' || password->bytes[i] == '\\')
			buf_char(&line, '\\');
		buf_char(&line, password->bytes[i]);
	}
	if (strlen(password->bytes) != password->length || strpbrk(password->bytes, "\r\n"))
		return error_set(err, ERROR_INVALID,
			"the password has a line break or a NUL in it, which psql cannot take from a file");
	buf_char(&line, '\n');
	/* libpq takes no password from a file that others may read. */
	if (buf_failed(&line) || fchmod(fd, S_IRUSR) != 0 || !file_write_all(fd, line.data, line.length))
		return error_set(err, ERROR_RETRY, "the password cannot be handed over: %s", strerror(errno));
	return true;
}

/* ---- the child ---- */

/* What of the caller's environment would say otherwise than we do. */
static bool is_ours(const char *pair)
{
	static const char *const names[] = {"PGHOST=", "PGHOSTADDR=", "PGPORT=", "PGUSER=", "PGDATABASE=",
		"PGPASSWORD=", "PGSERVICE=", "PGTARGETSESSIONATTRS="};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (text_starts(pair, names[i]))
			return true;
	return false;
}

static char **environment_of(const struct psql_call *call, bool password, struct arena *mem)
{
	size_t count = 0, kept = 0;
	while (environ[count])
		count++;
	char **out = arena_array(mem, count + VARIABLES + 1, sizeof(char *));
	for (size_t i = 0; i < count; i++)
		if (!is_ours(environ[i]) && !(password && text_starts(environ[i], "PGPASSFILE=")))
			out[kept++] = environ[i];
	const struct {
		const char *name, *value;
	} more[] = {{"PGHOST", call->host}, {"PGHOSTADDR", call->address},
		{"PGPORT", call->port ? arena_printf(mem, "%d", call->port) : NULL}, {"PGUSER", call->user},
		{"PGDATABASE", call->database},
		{"PGPASSFILE", password ? arena_printf(mem, "/proc/self/fd/%d", PASSWORD_FD) : NULL}};
	for (size_t i = 0; i < COUNT_OF(more); i++)
		if (more[i].value)
			out[kept++] = arena_printf(mem, "%s=%s", more[i].name, more[i].value);
	return out;
}

static char **arguments_of(const struct psql_call *call, struct arena *mem)
{
	char **out = arena_array(mem, (size_t)call->count + 4, sizeof(char *));
	size_t count = 0;
	out[count++] = arena_copy(mem, "psql");
	if (call->connection) {
		out[count++] = arena_copy(mem, "--dbname");
		out[count++] = arena_copy(mem, call->connection);
	}
	for (int i = 0; i < call->count; i++)
		out[count++] = call->arguments[i];
	return out;
}

/* Between fork and exec: nothing but calls of the kernel. */
static _Noreturn void become(const char *program, char *const *arguments, char *const *environment,
	int password, const struct psql_call *call, pid_t parent)
{
	struct sigaction usual = {.sa_handler = SIG_DFL};
	prctl(PR_SET_PDEATHSIG, SIGHUP);
	if (getppid() != parent)
		_exit(CANNOT_RUN);
	umask(call->umask);
	sigaction(SIGPIPE, &usual, NULL);
	sigaction(SIGINT, &usual, NULL);
	sigaction(SIGQUIT, &usual, NULL);
	if (password >= 0 && password != PASSWORD_FD)
		dup2(password, PASSWORD_FD); /* and is not closed on exec */
	else if (password >= 0)
		fcntl(password, F_SETFD, 0);
	close_range(password >= 0 ? PASSWORD_FD + 1 : PASSWORD_FD, ~0U, 0);
	execve(program, arguments, environment);
	_exit(CANNOT_RUN);
}

bool psql_start(
	const char *program, const struct psql_call *call, struct arena *mem, pid_t *child, struct error *err)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	bool password = call->password && call->password->length;
	int file = password ? file_in_memory("pgpass") : -1;
	pid_t parent = getpid();
	if (password && (file < 0 || !write_password(file, call->password, err))) {
		if (file < 0)
			error_set(err, ERROR_RETRY, "there is no memory for a file: %s", strerror(errno));
		else
			close(file);
		return false;
	}
	char **environment = environment_of(call, password, mem), **arguments = arguments_of(call, mem);
	sigaction(SIGINT, &ignore, NULL); /* at the terminal they are for psql, which goes on */
	sigaction(SIGQUIT, &ignore, NULL);
	fflush(NULL);
	*child = fork();
	if (*child == 0)
		become(program, arguments, environment, file, call, parent);
	if (file >= 0)
		close(file);
	return *child > 0 || error_set(err, ERROR_RETRY, "psql cannot be started: %s", strerror(errno));
}

int psql_exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int psql_wait(pid_t child)
{
	int status = 0;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return psql_exit_code(status);
}
