#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

static enum error_kind kind_of(int number)
{
	switch (number) {
	case ENOENT:
	case ENOTDIR:
		return ERROR_MISSING;
	case EACCES:
	case EPERM:
	case EROFS:
		return ERROR_DENIED;
	default:
		return ERROR_RETRY;
	}
}

bool file_read(const char *path, struct buf *buf, struct error *err)
{
	char chunk[16384];
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_set(err, kind_of(errno), "cannot open %s: %s", path, strerror(errno));
	while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		buf_append(buf, chunk, (size_t)got);
		if (buf_failed(buf))
			break;
	}
	int reason = errno;
	close(fd);
	explicit_bzero(chunk, sizeof(chunk)); /* the file may hold passwords */
	if (got < 0)
		return error_set(err, kind_of(reason), "cannot read %s: %s", path, strerror(reason));
	if (buf_failed(buf))
		return error_set(err, ERROR_INVALID, "%s is larger than %zu bytes", path, buf->maximum);
	return true;
}

int file_in_memory(const char *name)
{
	return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

bool file_seal(int fd)
{
	return fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0;
}

bool file_fix_size(int fd, size_t bytes)
{
	return ftruncate(fd, (off_t)bytes) == 0 &&
		fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) == 0;
}

bool file_write_all(int fd, const void *bytes, size_t length)
{
	const char *at = bytes;
	while (length) {
		ssize_t wrote = write(fd, at, length);
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0)
			return false;
		at += wrote;
		length -= (size_t)wrote;
	}
	return true;
}

/* A whole file beside `path`, flushed; its name is the caller's to free. NULL = `errno` says why. */
static char *write_beside(const char *path, const void *bytes, size_t length, unsigned mode)
{
	char *beside = memory_printf("%s.XXXXXX", path);
	int fd = mkostemp(beside, O_CLOEXEC);
	bool ok = fd >= 0 && fchmod(fd, (mode_t)mode) == 0 && file_write_all(fd, bytes, length) &&
		fsync(fd) == 0;
	int reason = errno;
	if (fd >= 0 && close(fd) != 0 && ok) {
		ok = false;
		reason = errno;
	}
	if (ok)
		return beside;
	if (fd >= 0)
		unlink(beside);
	free(beside);
	errno = reason;
	return NULL;
}

bool file_replace(const char *path, const void *bytes, size_t length, unsigned mode, struct error *err)
{
	CLEANUP(memory_freep) char *beside = write_beside(path, bytes, length, mode);
	if (beside && rename(beside, path) == 0)
		return true;
	int reason = errno;
	if (beside)
		unlink(beside);
	return error_set(err, kind_of(reason), "cannot write %s: %s", path, strerror(reason));
}

bool file_update(const char *path, const void *bytes, size_t length, unsigned mode, struct error *err)
{
	CLEANUP(memory_freep) char *target = realpath(path, NULL);
	struct stat status;
	if (!target && lstat(path, &status) == 0 && S_ISLNK(status.st_mode))
		return error_set(
			err, ERROR_MISSING, "cannot write %s: it is a link to what is not there", path);
	if (target && stat(target, &status) == 0)
		mode = status.st_mode & 07777;
	return file_replace(target ? target : path, bytes, length, mode, err);
}

bool file_create(const char *path, const void *bytes, size_t length, unsigned mode, struct error *err)
{
	CLEANUP(memory_freep) char *beside = write_beside(path, bytes, length, mode);
	bool ok = beside && link(beside, path) == 0;
	int reason = errno;
	if (beside)
		unlink(beside);
	return ok ||
		error_set(err, reason == EEXIST ? ERROR_CONFLICT : kind_of(reason), "cannot make %s: %s",
			path, strerror(reason));
}

bool file_make_folder(const char *path, struct error *err)
{
	if (!*path)
		return error_set(err, ERROR_INVALID, "a folder without a name cannot be made");
	CLEANUP(memory_freep) char *part = memory_copy(path);
	for (char *slash = strchr(part + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return error_set(
				err, kind_of(errno), "cannot make folder %s: %s", part, strerror(errno));
		if (!slash)
			return true;
		*slash = '/';
	}
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

bool file_remove_folder(const char *path, struct error *err)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
		return error_set(err, kind_of(errno), "cannot remove %s: %s", path, strerror(errno));
	return true;
}
