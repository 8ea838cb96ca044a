#include "agent/doctor/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/config/private_files.h"
#include "agent/show/client.h"
#include "store/store.h"

/* A first fetch and the store of a small team take some ten MiB; below this, a large repository fills the volume. */
#define ROOM_WANTED ((uint64_t)256 << 20)
#define ROOM_NEEDED ((uint64_t)16 << 20)

static void check_room(struct doctor *doctor, const char *folder)
{
	struct statvfs volume;
	if (statvfs(folder, &volume) != 0)
		return;
	uint64_t room = (uint64_t)volume.f_bavail * volume.f_frsize;
	const char *remedy = "make room on that volume, or set `state` in the agent file to a larger one";
	if (room < ROOM_NEEDED)
		doctor_fail(doctor, "state folder", remedy, "%s: %llu KiB left on its volume", folder,
			(unsigned long long)(room >> 10));
	else if (room < ROOM_WANTED)
		doctor_warn(doctor, "state folder", remedy, "%s: %llu MiB left on its volume", folder,
			(unsigned long long)(room >> 20));
}

/* The agent makes the folder at its start, if it can. */
static void check_absent(struct doctor *doctor, const char *folder)
{
	char *parent = arena_copy(doctor->mem, folder);
	struct stat status;
	do {
		char *slash = strrchr(parent, '/');
		if (!slash || slash == parent) {
			parent = arena_copy(doctor->mem, "/");
			break;
		}
		*slash = '\0';
	} while (stat(parent, &status) != 0 && errno == ENOENT);
	if (access(parent, W_OK | X_OK) != 0) {
		doctor_fail(doctor, "state folder",
			"make it, for the agent's user alone (install -d -m 0700 -o USER), or set `state` in the agent file",
			"%s does not exist and cannot be made: %s: %s", folder, parent, strerror(errno));
		return;
	}
	doctor_ok(doctor, "state folder", "%s does not exist yet; the agent makes it", folder);
	check_room(doctor, parent);
}

/* A group may write: that is how Kubernetes gives a volume to a process that is not root (fsGroup). */
static void check_owner(struct doctor *doctor, const char *folder, const struct stat *status)
{
	struct error err;
	bool private = private_folder(folder, &err);
	if (!private && status->st_mode & S_IWOTH)
		doctor_fail(doctor, "state folder",
			arena_printf(doctor->mem, "chmod o-w %s", doctor_quoted(doctor, folder)), "%s",
			err.text);
	else if (!private && geteuid() != 0)
		doctor_fail(doctor, "state folder", "set `state` in the agent file to a folder of its own",
			"%s", err.text);
	else if (status->st_mode & S_IWOTH)
		doctor_warn(doctor, "state folder",
			arena_printf(doctor->mem, "chmod o-w %s", doctor_quoted(doctor, folder)),
			"%s: others may write to it (mode %04o)", folder, (unsigned)status->st_mode & 07777);
	else if (geteuid() == 0 && status->st_uid != 0)
		doctor_warn(doctor, "state folder",
			arena_printf(doctor->mem, "setpriv --reuid=%u --regid=%u --clear-groups pgitops doctor",
				(unsigned)status->st_uid, (unsigned)status->st_gid),
			"%s belongs to user %u, doctor runs as root: what that user may not read can look fine here",
			folder, (unsigned)status->st_uid);
	else
		doctor_ok(doctor, "state folder", "%s is writable", folder);
}

static bool check_folder(struct doctor *doctor, const char *folder)
{
	struct stat status;
	if (stat(folder, &status) != 0) {
		if (errno == ENOENT)
			check_absent(doctor, folder);
		else
			doctor_fail(doctor, "state folder", "run doctor as the agent's user, or as root",
				"%s: %s", folder, strerror(errno));
		return false;
	}
	if (!S_ISDIR(status.st_mode)) {
		doctor_fail(doctor, "state folder", "set `state` in the agent file to a folder",
			"%s is no folder", folder);
		return false;
	}
	if (access(folder, R_OK | W_OK | X_OK) != 0) {
		doctor_fail(doctor, "state folder",
			arena_printf(doctor->mem, "run doctor as the agent's user, or: chown %u %s",
				(unsigned)geteuid(), doctor_quoted(doctor, folder)),
			"%s, owner %u, is not ours (user %u): %s", folder, (unsigned)status.st_uid,
			(unsigned)geteuid(), strerror(errno));
		return false;
	}
	check_owner(doctor, folder, &status);
	check_room(doctor, folder);
	return true;
}

/* The process that holds the lock writes its number into the file. */
static long read_holder(int lock)
{
	char text[32] = "";
	ssize_t got = pread(lock, text, sizeof(text) - 1, 0);
	return got > 0 ? strtol(text, NULL, 10) : 0;
}

/* An agent that answers is not disturbed: a try at the lock would stop one that is just starting. */
static void check_lock(struct doctor *doctor, const char *folder)
{
	const char *path = arena_printf(doctor->mem, "%s/lock", folder);
	int lock = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (lock < 0) {
		if (errno == ENOENT)
			doctor_ok(doctor, "agent", "not running");
		else
			doctor_fail(doctor, "agent", "run doctor as the agent's user, or as root",
				"cannot open %s: %s", path, strerror(errno));
		return;
	}
	long pid = read_holder(lock);
	if (client_running(doctor->context))
		doctor_ok(doctor, "agent", "runs and answers (pid %ld)", pid);
	else if (flock(lock, LOCK_SH | LOCK_NB) == 0)
		doctor_ok(doctor, "agent", "not running");
	else
		doctor_fail(doctor, "agent", "see its log; if it hangs, end it and start it again",
			"pid %ld works on %s and does not answer on agent.sock", pid, folder);
	close(lock);
}

static void check_store(struct doctor *doctor, const char *folder)
{
	struct store *store;
	struct error err;
	if (!store_open_reader(folder, &store, &err)) {
		if (err.kind == ERROR_MISSING)
			doctor_ok(doctor, "store", "none yet; the agent makes it");
		else
			doctor_fail(doctor, "store",
				"it is memory, not truth: move it away and the agent starts a new one", "%s",
				err.text);
		return;
	}
	if (store_check(store, &err))
		doctor_ok(doctor, "store", "%s/pgitops.db is sound", folder);
	else
		doctor_fail(doctor, "store",
			"restart the agent: it moves the file aside and builds a new one from cluster and databases",
			"%s", err.text);
	store_close(store);
}

void doctor_check_state(struct doctor *doctor)
{
	const char *folder = doctor->config->state;
	if (!check_folder(doctor, folder))
		return;
	check_lock(doctor, folder);
	check_store(doctor, folder);
}
