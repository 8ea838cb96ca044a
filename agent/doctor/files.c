#include "agent/doctor/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/private_files.h"
#include "reconcile/render/render.h"
#include "reconcile/sealed/open.h"

static bool check_readable(struct doctor *doctor, const char *file, const char *what, struct stat *status)
{
	if (stat(file, status) != 0) {
		doctor_fail(doctor, "file",
			arena_printf(doctor->mem, "make %s, or correct its path in the agent file", file),
			"%s (%s): %s", file, what, strerror(errno));
		return false;
	}
	if (access(file, R_OK) != 0) {
		doctor_fail(doctor, "file",
			arena_printf(doctor->mem, "give it to the agent's user: chown %u %s",
				(unsigned)geteuid(), doctor_quoted(doctor, file)),
			"%s (%s): %s", file, what, strerror(errno));
		return false;
	}
	return true;
}

/* A group may read it: that is how Kubernetes gives a Secret's file to a process that is not root. */
static void check_secret(struct doctor *doctor, const char *file, const char *what)
{
	struct stat status;
	if (!file || !check_readable(doctor, file, what, &status))
		return;
	if (status.st_mode & (S_IROTH | S_IWOTH))
		doctor_fail(doctor, "file",
			arena_printf(doctor->mem, "chmod 0600 %s", doctor_quoted(doctor, file)),
			"%s (%s) holds a secret that everybody may read (mode %04o)", file, what,
			(unsigned)status.st_mode & 07777);
	else if (status.st_size == 0)
		doctor_fail(doctor, "file", arena_printf(doctor->mem, "write the secret into %s", file),
			"%s (%s) is empty", file, what);
	else
		doctor_ok(doctor, "file", "%s (%s), mode %04o", file, what, (unsigned)status.st_mode & 07777);
}

static void check_public(struct doctor *doctor, const char *file, const char *what)
{
	struct stat status;
	if (file && check_readable(doctor, file, what, &status))
		doctor_ok(doctor, "file", "%s (%s)", file, what);
}

static void check_repository_files(struct doctor *doctor, const struct repository_config *repository)
{
	const char *url = source_url_shown(repository->url, doctor->mem);
	check_secret(doctor, repository->password_file, arena_printf(doctor->mem, "password for %s", url));
	check_secret(doctor, repository->token_file, arena_printf(doctor->mem, "token for %s", url));
	check_secret(doctor, repository->ssh_key_file, arena_printf(doctor->mem, "ssh key for %s", url));
	check_secret(doctor, repository->client_key_file, arena_printf(doctor->mem, "client key for %s", url));
	check_public(doctor, repository->known_hosts_file, arena_printf(doctor->mem, "ssh hosts for %s", url));
	check_public(doctor, repository->ca_file, arena_printf(doctor->mem, "CA for %s", url));
	check_public(doctor, repository->client_cert_file,
		arena_printf(doctor->mem, "client certificate for %s", url));
}

/* A folder of secrets; the files that have a bit of `refused` are told. Plain Secrets are refused by the agent when the group may read them;
   sealing keys come from a Secret's volume, where the group is how a process that is not root reads them (mode 0440). */
static void check_secret_folder(
	struct doctor *doctor, const char *folder, const char *what, mode_t refused, bool keys_alone)
{
	DIR *opened = opendir(folder);
	const struct dirent *entry;
	size_t files = 0, open_to_others = 0;

	if (!opened) {
		doctor_fail(doctor, "folder",
			arena_printf(doctor->mem, "install -d -m 0700 %s, or correct its path in the agent file",
				doctor_quoted(doctor, folder)),
			"%s (%s): %s", folder, what, strerror(errno));
		return;
	}
	while ((entry = readdir(opened))) {
		const char *file = arena_printf(doctor->mem, "%s/%s", folder, entry->d_name);
		struct stat status;
		if (*entry->d_name == '.' || stat(file, &status) != 0 || !S_ISREG(status.st_mode))
			continue;
		files++;
		if (!(status.st_mode & refused) || (keys_alone && !private_key_inside(file)))
			continue;
		open_to_others++;
		doctor_fail(doctor, "folder",
			arena_printf(doctor->mem, "chmod 0600 %s", doctor_quoted(doctor, file)),
			"%s (%s) holds secrets and may be read by others (mode %04o)%s", file, what,
			(unsigned)status.st_mode & 07777, refused & S_IRWXG ? ": the agent refuses it" : "");
	}
	closedir(opened);
	if (!open_to_others)
		doctor_ok(doctor, "folder", "%s (%s), %zu file%s", folder, what, files, files == 1 ? "" : "s");
}

static void check_sealing_keys(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	CLEANUP(sealing_keys_done) struct sealing_keys keys = {0};
	struct mistakes problems = {.mem = doctor->mem};
	struct error err;

	bool ok = sealed_open_keys(config->sealing_keys, config->sealing_key_count, &keys, &problems, &err);
	for (size_t i = 0; i < problems.count; i++)
		doctor_warn(doctor, "sealing", "correct or remove it", "%s",
			mistake_text(&problems.items[i], doctor->mem));
	if (ok)
		doctor_ok(doctor, "sealing", "%zu key%s", keys.count, keys.count == 1 ? "" : "s");
	else
		doctor_fail(doctor, "sealing",
			"put a sealing key there (PEM, or the controller's key Secret, mode 0600); `pgitops seal keys new` makes one",
			"%s", err.text);
}

/* Only where the agent file names one: without it a path that needs it says so. */
static void check_tools(struct doctor *doctor)
{
	for (enum render_tool tool = RENDER_KUSTOMIZE; tool < RENDER_TOOLS; tool++) {
		const char *configured = doctor->config->tools[tool];
		const char *name = render_tool_name(tool), *found = render_find(tool, configured, doctor->mem);
		if (found)
			doctor_ok(doctor, "program", "%s is %s", name, found);
		else if (configured)
			doctor_fail(doctor, "program",
				arena_printf(doctor->mem, "correct tools.%s of the agent file, or install it",
					name),
				"%s is no program", configured);
	}
}

void doctor_check_files(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	for (size_t i = 0; i < config->repository_count; i++)
		check_repository_files(doctor, &config->repositories[i]);
	for (size_t i = 0; i < config->database_count; i++)
		check_secret(doctor, config->databases[i].password.file,
			arena_printf(doctor->mem, "password of database %s", config->databases[i].name));
	if (config->secrets)
		check_secret_folder(doctor, config->secrets, "secrets", S_IRWXG | S_IRWXO, false);
	for (size_t i = 0; i < config->sealing_key_count; i++)
		check_secret_folder(doctor, config->sealing_keys[i], "sealing keys", S_IRWXO | S_IWGRP, true);
	if (config->sealing_key_count)
		check_sealing_keys(doctor);
	check_tools(doctor);
}
