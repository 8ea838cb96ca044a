#include "agent/hook/git.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

enum { ARGUMENTS_MAX = 32, GIT_MESSAGE_BYTES = 700 };

struct child {
	pid_t pid;
	int in, out, err; /* our ends; -1 = closed */
};

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Our environment with another GIT_INDEX_FILE. The array is freed by the caller, the strings are not copied. */
static char **environment(const char *index, char **variable)
{
	size_t count = 0, used = 0;
	while (environ[count])
		count++;
	char **made = memory_alloc((count + 2) * sizeof(*made));
	for (size_t i = 0; i < count; i++)
		if (!index || strncmp(environ[i], "GIT_INDEX_FILE=", 15) != 0)
			made[used++] = environ[i];
	*variable = index ? memory_printf("GIT_INDEX_FILE=%s", index) : NULL;
	if (*variable)
		made[used++] = *variable;
	return made;
}

/* posix_spawn takes the arguments as non-const for history's sake; it does not write to them. */
static int spawn(pid_t *pid, posix_spawn_file_actions_t *actions, const char *const *arguments, char **variables)
{
	union {
		const char *read[ARGUMENTS_MAX];
		char *write[ARGUMENTS_MAX];
	} words = {.read = {"git"}};
	posix_spawnattr_t attributes;
	sigset_t defaults;
	for (size_t i = 0; arguments[i]; i++) {
		if (i + 2 >= ARGUMENTS_MAX)
			return E2BIG;
		words.read[i + 1] = arguments[i];
	}
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	int failed = posix_spawnp(pid, "git", actions, &attributes, words.write, variables);
	posix_spawnattr_destroy(&attributes);
	return failed;
}

static bool start(const struct git_call *call, struct child *child, struct error *err)
{
	int ends[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
	posix_spawn_file_actions_t actions;
	char *variable = NULL, **variables;
	for (int i = 0; i < 3; i++)
		if (pipe2(ends[i], O_CLOEXEC) != 0)
			memory_fail("pipe", 0);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[0][0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1][1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[2][1], STDERR_FILENO);
	variables = environment(call->index, &variable);
	int failed = spawn(&child->pid, &actions, call->arguments, variables);
	posix_spawn_file_actions_destroy(&actions);
	free(variables);
	free(variable);
	close_end(&ends[0][0]);
	close_end(&ends[1][1]);
	close_end(&ends[2][1]);
	child->in = ends[0][1];
	child->out = ends[1][0];
	child->err = ends[2][0];
	if (!failed)
		return true;
	close_end(&child->in);
	close_end(&child->out);
	close_end(&child->err);
	return error_set(err, ERROR_MISSING, "cannot run git: %s", strerror(failed));
}

static void receive(int *fd, const struct git_call *call, struct buf *out)
{
	char chunk[65536];
	ssize_t got = read(*fd, chunk, sizeof(chunk));
	if (got > 0 && call && call->sink)
		call->sink(call->context, chunk, (size_t)got);
	else if (got > 0)
		buf_append(out, chunk, (size_t)got);
	else if (got == 0 || errno != EINTR)
		close_end(fd);
}

static void send_some(struct child *child, const struct git_call *call, size_t *sent)
{
	const char *input = call->input;
	ssize_t wrote =
		*sent < call->input_length ? write(child->in, input + *sent, call->input_length - *sent) : 0;
	if (wrote > 0)
		*sent += (size_t)wrote;
	if (*sent >= call->input_length || (wrote < 0 && errno != EINTR && errno != EAGAIN))
		close_end(&child->in);
}

/* Feeds and drains at once: git answers before it has read everything. */
static void talk(struct child *child, const struct git_call *call, struct buf *out, struct buf *message)
{
	size_t sent = 0;
	fcntl(child->in, F_SETFL, O_NONBLOCK);
	if (call->input_length == 0)
		close_end(&child->in);
	while (child->out >= 0 || child->err >= 0) {
		struct pollfd ends[] = {{.fd = child->in, .events = POLLOUT},
			{.fd = child->out, .events = POLLIN}, {.fd = child->err, .events = POLLIN}};
		if (poll(ends, COUNT_OF(ends), -1) < 0 && errno != EINTR)
			memory_fail("poll", 0);
		if (ends[0].revents)
			send_some(child, call, &sent);
		if (ends[1].revents)
			receive(&child->out, call, out);
		if (ends[2].revents)
			receive(&child->err, NULL, message);
	}
	close_end(&child->in);
}

static int wait_for(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The command behind git's own options, for messages. */
static const char *name_of(const struct git_call *call)
{
	size_t at = 0;
	while (call->arguments[at + 1] && text_starts(call->arguments[at], "--"))
		at++;
	return call->arguments[at];
}

bool git_run(const struct git_call *call, struct buf *out, int *code, struct error *err)
{
	struct child child;
	CLEANUP(buf_done) struct buf message = BUF(GIT_MESSAGE_BYTES);
	CLEANUP(buf_done) struct buf ignored = BUF(1 << 20);
	struct buf *into = out ? out : &ignored;
	if (!start(call, &child, err))
		return false;
	talk(&child, call, into, &message);
	int exited = wait_for(child.pid);
	if (code)
		*code = exited;
	if (out && buf_failed(out))
		return error_set(err, ERROR_INVALID, "git %s answers with more than %zu bytes", name_of(call),
			out->maximum);
	if (code || exited == 0)
		return true;
	return error_set(
		err, ERROR_INVALID, "git %s failed (%d): %s", name_of(call), exited, buf_string(&message));
}

bool git_ask(struct buf *out, struct error *err, const char *argument, ...)
{
	const char *arguments[12] = {argument};
	va_list list;
	size_t count = 1;
	va_start(list, argument);
	while (count < COUNT_OF(arguments) - 1 && (arguments[count] = va_arg(list, const char *)))
		count++;
	va_end(list);
	struct git_call call = {.arguments = arguments};
	return git_run(&call, out, NULL, err);
}

/* The next line of an answer, its end cut off. */
static const char *next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');
	if (end)
		*end = '\0';
	*at = end ? end + 1 : line + strlen(line);
	return line;
}

static const char *absolute(struct arena *mem, const char *path)
{
	char resolved[PATH_MAX];
	return arena_copy(mem, realpath(path, resolved) ? resolved : path);
}

/* A line of .git/config that says where the work tree is, or that something else says it. */
static bool is_told_elsewhere(char *config)
{
	for (char *at = config; (at = strcasestr(at, "bare")); at += strlen("bare"))
		if (!text_starts(at, "bare = false\n"))
			return true;
	return strcasestr(config, "worktree") || strcasestr(config, "include");
}

static bool is_mine(const char *path)
{
	struct stat status;
	return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) && status.st_uid == geteuid();
}

/* Hooks run in the root of an ordinary clone, mostly: then nobody has to be asked. What is anything else, git tells. */
static bool is_root_of_clone(struct arena *mem, struct checkout *found)
{
	static const char *const variables[] = {
		"GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"};
	static const char *const parts[] = {".", ".git", ".git/objects", ".git/refs"};
	CLEANUP(buf_done) struct buf config = BUF(LIMIT_CONFIG_BYTES);
	struct error ignored;
	for (size_t i = 0; i < COUNT_OF(variables); i++)
		if (getenv(variables[i]))
			return false;
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (!is_mine(parts[i]))
			return false;
	if (access(".git/HEAD", R_OK) != 0 || access(".git/commondir", F_OK) == 0 ||
		!file_read(".git/config", &config, &ignored) || !config.length ||
		is_told_elsewhere(config.data))
		return false;
	*found = (struct checkout){.root = absolute(mem, "."), .folder = absolute(mem, ".git"), .prefix = ""};
	found->common = found->folder;
	return *found->root == '/' && *found->folder == '/';
}

bool git_checkout(struct arena *mem, struct checkout *checkout, struct error *err)
{
	if (is_root_of_clone(mem, checkout))
		return true;
	static const char *const questions[] = {"rev-parse", "--is-bare-repository", "--absolute-git-dir",
		"--git-common-dir", "--show-prefix", "--show-toplevel", NULL};
	CLEANUP(buf_done) struct buf out = BUF(5 * PATH_MAX);
	struct checkout found = {.root = ""};
	struct git_call call = {.arguments = questions};
	int code;
	if (!git_run(&call, &out, &code, err))
		return false;
	char *at = out.data;
	if (!out.length)
		return error_set(err, ERROR_MISSING, "this is not a Git repository");
	found.bare = strcmp(next_line(&at), "true") == 0;
	found.folder = absolute(mem, next_line(&at));
	found.common = absolute(mem, next_line(&at));
	found.prefix = arena_copy(mem, next_line(&at));
	if (code != 0 && !found.bare)
		return error_set(
			err, ERROR_MISSING, "this folder is inside of a .git folder: go to the checkout");
	if (!found.bare) {
		found.root = arena_copy(mem, next_line(&at));
		if (chdir(found.root) != 0)
			return error_set(err, ERROR_DENIED, "cannot enter %s: %s", found.root, strerror(errno));
	}
	*checkout = found;
	return true;
}

static const char *first_line(struct arena *mem, struct buf *out)
{
	char *at = out->data;
	return out->length ? arena_copy(mem, next_line(&at)) : "";
}

const char *git_empty_tree(struct arena *mem)
{
	CLEANUP(buf_done) struct buf out = BUF(256);
	struct error ignored;
	return git_ask(&out, &ignored, "hash-object", "-t", "tree", "/dev/null", NULL) ? first_line(mem, &out)
										       : "HEAD";
}

/* A file of one line with the name of an object; "" when it is anything else. */
static const char *read_name(struct arena *mem, const char *path)
{
	CLEANUP(buf_done) struct buf text = BUF(256);
	struct error ignored;
	if (!file_read(path, &text, &ignored))
		return "";
	size_t length = strspn(buf_string(&text), "0123456789abcdef");
	bool whole = (length == 40 || length == 64) && text.length == length + 1 && text.data[length] == '\n';
	return whole ? arena_copy_n(mem, text.data, length) : "";
}

/* As an ordinary clone has it in two small files: a branch that is packed, and whatever else there is, git knows. */
static const char *read_head(struct arena *mem)
{
	static const char start[] = "ref: refs/heads/";
	CLEANUP(buf_done) struct buf text = BUF(4096);
	struct error ignored;
	if (getenv("GIT_DIR") || getenv("GIT_COMMON_DIR") || !file_read(".git/HEAD", &text, &ignored))
		return "";
	if (!text_starts(buf_string(&text), start))
		return read_name(mem, ".git/HEAD");
	text.data[strcspn(text.data, "\n")] = '\0';
	return strstr(text.data, "..")
		? ""
		: read_name(mem, arena_printf(mem, ".git/%s", text.data + strlen("ref: ")));
}

const char *git_head_name(struct arena *mem)
{
	CLEANUP(buf_done) struct buf out = BUF(256);
	struct error ignored;
	const char *read = read_head(mem);
	if (*read)
		return read;
	return git_ask(&out, &ignored, "rev-parse", "--verify", "--quiet", "HEAD", NULL)
		? first_line(mem, &out)
		: "";
}

const char *git_head(struct arena *mem)
{
	const char *name = git_head_name(mem);
	return *name ? name : git_empty_tree(mem);
}

bool git_says(const char *argument, ...)
{
	const char *arguments[12] = {argument};
	struct error ignored;
	va_list list;
	size_t count = 1;
	int code = -1;
	va_start(list, argument);
	while (count < COUNT_OF(arguments) - 1 && (arguments[count] = va_arg(list, const char *)))
		count++;
	va_end(list);
	struct git_call call = {.arguments = arguments};
	return git_run(&call, NULL, &code, &ignored) && code == 0;
}

const char *git_config(struct arena *mem, const char *key)
{
	CLEANUP(buf_done) struct buf out = BUF(65536);
	struct error ignored;
	return git_ask(&out, &ignored, "config", "--get", key, NULL) ? first_line(mem, &out) : "";
}

/* "NAME blob SIZE", the bytes, a line end; "ASKED missing" (and the like) for what is not there. What is no blob is not there either. */
static bool take_blob(const char **at, const char *end, struct buf *text, bool *exists)
{
	const char *line = *at, *stop = memchr(line, '\n', (size_t)(end - line));
	if (!stop)
		return false;
	*at = stop + 1;
	*exists = false;
	const char *type = memchr(line, ' ', (size_t)(stop - line));
	const char *number = type ? memchr(type + 1, ' ', (size_t)(stop - type - 1)) : NULL;
	char *behind = NULL;
	size_t size = number ? strtoul(number + 1, &behind, 10) : 0;
	if (!number || behind != stop)
		return true;
	if (size >= (size_t)(end - *at))
		return false;
	*exists = text_starts(type, " blob ");
	if (*exists)
		buf_append(text, *at, size);
	*at += size + 1;
	return true;
}

/* One whose name is no line has to be asked for alone. */
static bool ask_blob(const char *name, struct buf *text, bool *exists, struct error *err)
{
	*exists = git_says("rev-parse", "--verify", "--quiet", name, NULL);
	return !*exists || git_ask(text, err, "cat-file", "blob", name, NULL);
}

bool git_blobs(const char *const *asked, size_t count, struct buf *const *texts, bool *exists, struct error *err)
{
	static const char *const arguments[] = {"cat-file", "--batch", NULL};
	CLEANUP(buf_done) struct buf input = BUF(65536);
	struct buf out = BUF(65536);
	bool lines = true, ok = true;
	for (size_t i = 0; i < count; i++) {
		lines = lines && !strchr(asked[i], '\n');
		buf_printf(&input, "%s\n", asked[i]);
		out.maximum += texts[i]->maximum;
	}
	for (size_t i = 0; ok && (!lines || buf_failed(&input)) && i < count; i++)
		ok = ask_blob(asked[i], texts[i], &exists[i], err);
	if (!lines || buf_failed(&input))
		return ok;
	const struct git_call call = {
		.arguments = arguments, .input = buf_string(&input), .input_length = input.length};
	ok = git_run(&call, &out, NULL, err);
	const char *at = buf_string(&out), *end = at + out.length;
	for (size_t i = 0; ok && i < count; i++) {
		ok = take_blob(&at, end, texts[i], &exists[i]) && !buf_failed(texts[i]);
		if (!ok)
			error_set(err, ERROR_INVALID, "git cat-file gives no answer that fits for %s",
				asked[i]);
	}
	buf_done(&out);
	return ok;
}
