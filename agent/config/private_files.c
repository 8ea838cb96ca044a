#include "agent/config/private_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/secret.h"

/* Sticky folders of a mount (/tmp) are everybody's all the same. */
static bool is_volume(const char *folder, const struct stat *status)
{
	struct statx more;
	return !(status->st_mode & S_ISVTX) && statx(AT_FDCWD, folder, 0, STATX_TYPE, &more) == 0 &&
		(more.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

bool private_folder(const char *folder, struct error *err)
{
	struct stat status;
	if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode))
		return true; /* who needs it says what is wrong */
	if (status.st_uid != geteuid() && status.st_uid != 0)
		return error_set(err, ERROR_DENIED,
			"the state folder %s belongs to user %u, and the agent runs as user %u: that user could put anything in its "
			"place. chown %u %s, run the agent as that user, or set `state` in the agent file to a folder of its own",
			folder, (unsigned)status.st_uid, (unsigned)geteuid(), (unsigned)geteuid(), folder);
	if ((status.st_mode & S_IWOTH) && !is_volume(folder, &status))
		return error_set(err, ERROR_DENIED,
			"everybody may write to the state folder %s (mode %04o): chmod o-rwx %s, or set `state` in the agent file to a "
			"folder of its own",
			folder, (unsigned)status.st_mode & 07777, folder);
	return true;
}

static bool check(const char *file, struct error *err)
{
	struct stat status;
	return !file || stat(file, &status) != 0 || secret_is_private(file, &status, err);
}

bool private_key_inside(const char *file)
{
	CLEANUP(buf_wipe) struct buf bytes = BUF(LIMIT_SECRET_FILE);
	struct error ignored;
	return !file_read(file, &bytes, &ignored) || strstr(buf_string(&bytes), "PRIVATE KEY") ||
		strstr(buf_string(&bytes), "tls.key");
}

static bool check_key(const char *file, struct error *err)
{
	struct stat status;
	if (stat(file, &status) != 0 || !S_ISREG(status.st_mode) || secret_is_private(file, &status, err))
		return true;
	return !private_key_inside(file);
}

/* The folder may hold nothing yet; who needs it says so. */
static bool check_keys(const char *folder, struct error *err)
{
	DIR *opened = opendir(folder);
	bool good = true;
	for (const struct dirent *entry; good && opened && (entry = readdir(opened));) {
		CLEANUP(memory_freep) char *file = memory_printf("%s/%s", folder, entry->d_name);
		good = *entry->d_name == '.' || check_key(file, err);
	}
	if (opened)
		closedir(opened);
	return good;
}

bool private_files(const struct config *config, struct error *err)
{
	if (!private_folder(config->state, err) || !check(config->token_file, err) ||
		!check(config->webhook_secret_file, err))
		return false;
	for (size_t i = 0; i < config->database_count; i++)
		if (!check(config->databases[i].password.file, err) ||
			!check(config->databases[i].patroni_password_file, err) ||
			!check(config->databases[i].patroni_client_key_file, err))
			return false;
	for (size_t i = 0; i < config->sealing_key_count; i++)
		if (!check_keys(config->sealing_keys[i], err))
			return false;
	for (size_t i = 0; i < config->webhook_count; i++)
		if (!check(config->webhooks[i].secret_file, err))
			return false;
	for (size_t i = 0; i < config->repository_count; i++) {
		const struct repository_config *one = &config->repositories[i];
		if (!check(one->password_file, err) || !check(one->token_file, err) ||
			!check(one->ssh_key_file, err) || !check(one->client_key_file, err))
			return false;
	}
	return true;
}
