#include "store/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

static struct store *store_new(const char *folder, bool reader)
{
	struct store *store = memory_alloc(sizeof(*store));
	pthread_mutexattr_t recursive;

	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&store->mutex, &recursive);
	pthread_mutexattr_destroy(&recursive);
	store->path = memory_printf("%s/pgitops.db", folder);
	store->lock_path = memory_printf("%s/lock", folder);
	store->reader = reader;
	store->lock = -1;
	return store;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	database_close(store);
	if (store->lock >= 0)
		close(store->lock); /* the lock ends with its descriptor; the file stays, or a second agent could lock another one */
	pthread_mutex_destroy(&store->mutex);
	free(store->path);
	free(store->lock_path);
	free(store);
}

static bool system_error(const char *what, const char *path, struct error *err)
{
	enum error_kind kind = errno == EACCES || errno == EPERM || errno == EROFS ? ERROR_DENIED : ERROR_RETRY;
	return error_set(err, kind, "cannot %s %s: %s", what, path, strerror(errno));
}

/* Who holds the lock; "" when the file does not say. */
static void read_holder(int lock, char holder[32])
{
	ssize_t got = pread(lock, holder, 31, 0);
	holder[got > 0 ? got : 0] = '\0';
	holder[strspn(holder, "0123456789")] = '\0';
}

static bool take_lock(struct store *store, const char *folder, struct error *err)
{
	const char *path = store->lock_path;
	char holder[32];

	store->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock < 0)
		return system_error("open", path, err);
	if (flock(store->lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return system_error("lock", path, err);
		read_holder(store->lock, holder);
		return error_set(err, ERROR_CONFLICT,
			"another agent (pid %s) works on %s: stop it, or give this one a state folder of its own",
			*holder ? holder : "unknown", folder);
	}
	int length = snprintf(holder, sizeof(holder), "%ld\n", (long)getpid());
	if (ftruncate(store->lock, 0) != 0 || pwrite(store->lock, holder, (size_t)length, 0) != length)
		return system_error("write", path, err);
	return true;
}

/* SQLite would make the file readable for others where the umask lets it; -wal and -shm take their mode from it. */
static bool make_file(struct store *store, bool *created, struct error *err)
{
	struct stat status;
	int fd = open(store->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return system_error("open", store->path, err);
	bool ok = fstat(fd, &status) == 0;
	if (ok && (status.st_mode & 077))
		ok = fchmod(fd, 0600) == 0;
	if (!ok)
		system_error("secure", store->path, err);
	close(fd);
	*created = ok && status.st_size == 0;
	store->inode = status.st_ino;
	return ok;
}

/* One damaged file is kept for whoever wants to look, not one for each restart. */
static bool move_aside(struct store *store, struct store_opening *how, struct error *err)
{
	static const char *const parts[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		CLEANUP(memory_freep) char *from = memory_printf("%s%s", store->path, parts[i]);
		CLEANUP(memory_freep) char *to = memory_printf("%s.corrupt%s", store->path, parts[i]);
		if (unlink(to) != 0 && errno != ENOENT)
			return system_error("remove", to, err);
		if (rename(from, to) != 0 && errno != ENOENT)
			return system_error("move aside", from, err);
	}
	how->rebuilt = true;
	snprintf(how->aside, sizeof(how->aside), "%s.corrupt", store->path);
	return true;
}

/* One try at the file as it is. */
static bool open_file(struct store *store, struct store_opening *how, struct error *err)
{
	bool created = false;
	if (!make_file(store, &created, err) || !database_open(store, err))
		return false;
	if (!how->rebuilt)
		how->created = created;
	return database_check(store, err) && migrate(store, err);
}

bool store_open(const char *folder, struct store **store, struct store_opening *how, struct error *err)
{
	struct store *opened = store_new(folder, false);
	struct store_opening found = {0};

	bool ok = file_make_folder(folder, err) && take_lock(opened, folder, err);
	if (ok && !open_file(opened, &found, err)) {
		ok = false;
		if (opened->damaged) {
			database_close(opened);
			opened->damaged = false;
			ok = move_aside(opened, &found, err) && open_file(opened, &found, err);
		}
	}
	if (!ok) {
		store_close(opened);
		return false;
	}
	*store = opened;
	*how = found;
	return true;
}

/* A reader meets the store of any agent: an older one that has not been restarted, a newer one, one that is just starting. */
static bool check_version(struct store *store, struct error *err)
{
	int64_t version;
	if (!database_version(store, &version, err))
		return false;
	if (version == 0)
		return error_set(
			err, ERROR_MISSING, "%s holds nothing yet: the agent has not run there", store->path);
	if (version != migrate_newest())
		return error_set(err, ERROR_INVALID,
			"store %s has schema version %lld, this program reads version %lld: %s", store->path,
			(long long)version, (long long)migrate_newest(),
			version < migrate_newest() ? "restart the agent with this program, which brings it there"
						   : "use the program that the agent runs");
	return true;
}

bool store_is_there(const struct store *store, struct error *err)
{
	struct stat held, lock, database;
	if (fstat(store->lock, &held) == 0 && stat(store->lock_path, &lock) == 0 &&
		lock.st_ino == held.st_ino && lock.st_dev == held.st_dev &&
		stat(store->path, &database) == 0 && database.st_ino == store->inode)
		return true;
	return error_set(err, ERROR_CONFLICT,
		"the state folder was removed or replaced while the agent works on it: %s is not the file that was opened",
		store->path);
}

bool store_open_reader(const char *folder, struct store **store, struct error *err)
{
	struct store *opened = store_new(folder, true);
	if (access(opened->path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) {
		error_set(err, ERROR_MISSING, "there is no store in %s: no agent has run there", folder);
		store_close(opened);
		return false;
	}
	if (!database_open(opened, err) || !check_version(opened, err)) {
		store_close(opened);
		return false;
	}
	*store = opened;
	return true;
}

bool store_check(struct store *store, struct error *err)
{
	return database_check(store, err);
}
