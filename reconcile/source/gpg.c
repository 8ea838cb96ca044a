#include "reconcile/source/gpg.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

enum { KEYS_BYTES = 8 * 1024 * 1024, ANSWER_BYTES = 65536 };

/* gpgv's descriptors. */
enum { SIGNATURE_FD = 3, PAYLOAD_FD, KEYS_FD, FREE_FD };

#define BEGIN "-----BEGIN PGP PUBLIC KEY BLOCK-----"
#define END "-----END PGP PUBLIC KEY BLOCK-----"

/* ---- keys ---- */

/* One armoured block: headers up to an empty line, base64, a checksum in a line that begins with '='. */
static bool add_block(char *block, struct buf *keys)
{
	size_t length = 0, decoded;
	char *data = block, *body = strstr(block, "\n\n"), *line;
	if (!body)
		body = strstr(block, "\n\r\n");
	if (!body)
		return false;
	while ((line = strsep(&body, "\r\n"))) {
		if (*line == '=')
			break;
		size_t size = strlen(line);
		memmove(data + length, line, size + 1);
		length += size;
	}
	if (!length || !text_base64_decode(data, length, (unsigned char *)data, &decoded))
		return false;
	buf_append(keys, data, decoded);
	return true;
}

static bool add_armoured(char *text, struct buf *keys)
{
	char *begin;
	bool added = false;
	while ((begin = strstr(text, BEGIN))) {
		char *end = strstr(begin, END);
		if (!end)
			return false;
		*end = '\0';
		if (!add_block(begin + strlen(BEGIN), keys))
			return false;
		added = true;
		text = end + strlen(END);
	}
	return added;
}

static bool add_file(const char *path, struct buf *keys, struct error *err)
{
	CLEANUP(buf_done) struct buf bytes = BUF(KEYS_BYTES);
	if (!file_read(path, &bytes, err))
		return false;
	bool packets = bytes.length && ((unsigned char)bytes.data[0] & 0x80);
	if (packets)
		buf_append(keys, bytes.data, bytes.length);
	else if (!bytes.length || !add_armoured(bytes.data, keys))
		return error_set(err, ERROR_INVALID,
			"%s holds no public keys as `gpg --export --armor KEY` writes them", path);
	return !buf_failed(keys) ||
		error_set(err, ERROR_INVALID, "the keys of %s are larger than %d bytes", path, KEYS_BYTES);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool add_folder(const char *folder, struct buf *keys, struct error *err)
{
	struct dirent **entries;
	bool ok = true;
	int count = scandir(folder, &entries, is_visible, alphasort);
	if (count < 0)
		return error_set(err, ERROR_RETRY, "cannot read the folder %s: %s", folder, strerror(errno));
	for (int i = 0; i < count; i++) {
		CLEANUP(memory_freep) char *path = memory_printf("%s/%s", folder, entries[i]->d_name);
		struct stat status;
		if (ok && stat(path, &status) == 0 && S_ISREG(status.st_mode))
			ok = add_file(path, keys, err);
		free(entries[i]);
	}
	free(entries);
	return ok;
}

static bool read_keys(const char *path, struct buf *keys, struct error *err)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return error_set(err, errno == ENOENT ? ERROR_MISSING : ERROR_RETRY, "cannot read %s: %s",
			path, strerror(errno));
	if (!(S_ISDIR(status.st_mode) ? add_folder(path, keys, err) : add_file(path, keys, err)))
		return false;
	return keys->length || error_set(err, ERROR_MISSING, "there are no keys in %s", path);
}

/* ---- the process ---- */

struct run {
	int files[FREE_FD]; /* what its descriptors 0 to FREE_FD - 1 are; 1 and 2 take its answer */
	pid_t pid;
	int ended;
};

static void run_done(struct run *run)
{
	for (size_t i = 0; i < COUNT_OF(run->files); i++)
		if (run->files[i] >= 0)
			close(run->files[i]);
	if (run->ended >= 0)
		close(run->ended);
}

/* Above the numbers that they will have, so that none overwrites another. */
static int above(int fd)
{
	int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FREE_FD);
	if (fd >= 0)
		close(fd);
	return moved;
}

static int in_memory(const void *bytes, size_t length)
{
	int file = above(file_in_memory("gpgv"));
	if (file < 0 || (file_write_all(file, bytes, length) && file_seal(file)))
		return file;
	close(file);
	return -1;
}

/* What gpgv says, whoever gpgv has become over a stranger's signature. */
static int for_answer(void)
{
	int file = above(file_in_memory("gpgv"));
	if (file < 0 || file_fix_size(file, ANSWER_BYTES))
		return file;
	close(file);
	return -1;
}

static bool make_files(const struct gpg_question *question, const struct buf *keys, struct run *run)
{
	run->files[0] = above(open("/dev/null", O_RDONLY | O_CLOEXEC));
	run->files[1] = for_answer();
	run->files[2] = above(open("/dev/null", O_WRONLY | O_CLOEXEC));
	run->files[SIGNATURE_FD] = in_memory(question->signature, question->signature_length);
	run->files[PAYLOAD_FD] = in_memory(question->payload, question->payload_length);
	run->files[KEYS_FD] = in_memory(keys->data, keys->length);
	for (size_t i = 0; i < COUNT_OF(run->files); i++)
		if (run->files[i] < 0)
			return false;
	return true;
}

static int spawn(struct run *run)
{
	static char name[] = "gpgv", status[] = "--status-fd=1", keyring[] = "--keyring=/dev/fd/5";
	static char home[] = "--homedir=/nonexistent", signature[] = "/dev/fd/3", payload[] = "/dev/fd/4";
	static char locale[] = "LC_ALL=C";
	char *argv[] = {name, status, home, keyring, signature, payload, NULL};
	char *environment[] = {locale, NULL};
	posix_spawn_file_actions_t files;
	int failed = posix_spawn_file_actions_init(&files);
	if (failed)
		return failed;
	for (int i = 0; !failed && i < FREE_FD; i++)
		failed = posix_spawn_file_actions_adddup2(&files, run->files[i], i);
	failed = failed ? failed : posix_spawn_file_actions_addclosefrom_np(&files, FREE_FD);
	failed = failed ? failed : posix_spawnp(&run->pid, name, &files, NULL, argv, environment);
	posix_spawn_file_actions_destroy(&files);
	return failed;
}

/* False = it had to be killed. */
static bool wait_for(struct run *run, int64_t deadline, int *status)
{
	run->ended = (int)syscall(SYS_pidfd_open, run->pid, 0);
	struct pollfd ended = {.fd = run->ended, .events = POLLIN};
	int ready = 0;
	while (run->ended >= 0) {
		int64_t left = deadline - clock_steady();
		ready = left > 0 ? poll(&ended, 1, (int)left) : 0;
		if (ready >= 0 || errno != EINTR)
			break;
	}
	if (ready <= 0)
		kill(run->pid, SIGKILL);
	while (waitpid(run->pid, status, 0) < 0 && errno == EINTR)
		;
	return ready > 0;
}

/* ---- its answer: lines of "[GNUPG:] WORD ARGUMENTS" (doc/DETAILS of GnuPG) ---- */

static const char *argument_of(const char *answer, const char *word, struct arena *mem)
{
	const char *head = arena_printf(mem, "[GNUPG:] %s ", word);
	for (const char *line = answer; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (text_starts(line, head))
			return arena_copy_n(mem, line + strlen(head), strcspn(line + strlen(head), "\n"));
	}
	return NULL;
}

static bool judge(const struct gpg_question *question, const char *answer, int status, struct arena *mem,
	const char **signer, struct error *err)
{
	static const struct {
		const char *word, *text;
	} refusals[] = {
		{"BADSIG", "has a bad signature, which claims the GPG key"},
		{"EXPKEYSIG", "is signed with an expired GPG key"},
		{"REVKEYSIG", "is signed with a revoked GPG key"},
		{"EXPSIG", "has a signature that has expired, of the GPG key"},
		{"NO_PUBKEY", "is signed with a GPG key that is not among those that may sign"},
		{"ERRSIG", "has a signature that cannot be verified, of the GPG key"},
	};
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		const char *key = argument_of(answer, refusals[i].word, mem);
		if (key)
			return error_set(err, ERROR_INVALID, "%s %.200s (keys: %s)", refusals[i].text, key,
				question->keys);
	}
	const char *good = argument_of(answer, "GOODSIG", mem), *valid = argument_of(answer, "VALIDSIG", mem);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !good || !valid)
		return error_set(err, ERROR_INVALID, "has a GPG signature that gpgv does not understand");
	const char *name = strchr(good, ' ');
	*signer = arena_printf(mem, "%s (GPG %.*s)", name ? name + 1 : good, (int)strcspn(valid, " "), valid);
	return true;
}

static const char *read_answer(const struct run *run, struct arena *mem)
{
	char *text = arena_alloc(mem, ANSWER_BYTES + 1);
	ssize_t got = pread(run->files[1], text, ANSWER_BYTES, 0);
	text[got > 0 ? got : 0] = '\0';
	return text;
}

bool gpg_verify(const struct gpg_question *question, struct arena *mem, const char **signer, struct error *err)
{
	CLEANUP(buf_done) struct buf keys = BUF(KEYS_BYTES);
	CLEANUP(run_done) struct run run = {.files = {-1, -1, -1, -1, -1, -1}, .ended = -1};
	int status = 0;
	if (!read_keys(question->keys, &keys, err))
		return error_prefix(err, "cannot be judged");
	if (!make_files(question, &keys, &run))
		return error_set(
			err, ERROR_RETRY, "cannot be judged: no room for gpgv's files: %s", strerror(errno));
	int failed = spawn(&run);
	if (failed == ENOENT)
		return error_set(err, ERROR_MISSING,
			"is signed with GPG, and gpgv is not on the PATH: install it (Debian: apt-get install gpgv)");
	if (failed)
		return error_set(
			err, ERROR_RETRY, "cannot be judged: gpgv does not start: %s", strerror(failed));
	if (!wait_for(&run, question->deadline, &status))
		return error_set(err, ERROR_RETRY, "cannot be judged: gpgv gave no answer in time");
	return judge(question, read_answer(&run, mem), status, mem, signer, err);
}
