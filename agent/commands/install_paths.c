/* What an agent file of a workstation names that the Pod will not have: only the volumes of the Deployment are there. */
#include <string.h>

#include "agent/commands/install.h"
#include "agent/doctor/doctor.h"
#include "base/text.h"

static const char check[] = "the Pod";

static bool is_below(const char *path, const char *folder)
{
	size_t length = strlen(folder);
	return strncmp(path, folder, length) == 0 && (!path[length] || path[length] == '/');
}

/* The volume of the agent file has nothing else in it; those of the state and of /tmp are empty at first. */
static bool has_it(const json_t *mount, const struct config_path *named)
{
	static const char *const bare[] = {"config", "state", "tmp"};
	const char *volume = json_text_at(mount, "name", "");
	if (text_equal(named->field, "state"))
		return text_equal(volume, "state");
	for (size_t i = 0; i < COUNT_OF(bare); i++)
		if (text_equal(volume, bare[i]))
			return false;
	return true;
}

static bool is_in_pod(const json_t *mounts, const struct config_path *named)
{
	static const char *const of_image[] = {"/etc/ssl", "/usr"};
	const json_t *mount;
	size_t i;
	for (i = 0; i < COUNT_OF(of_image); i++)
		if (is_below(named->path, of_image[i]))
			return true;
	json_array_foreach (mounts, i, mount)
		if (has_it(mount, named) && is_below(named->path, json_text_at(mount, "mountPath", "/")))
			return true;
	return false;
}

static bool is_reached(const char *listen)
{
	return listen && (text_equal(listen, "0.0.0.0:8080") || text_equal(listen, "[::]:8080"));
}

void install_check_paths(const struct install *install, struct doctor *doctor)
{
	const struct config *config = install->config;
	CLEANUP(json_done) json_t *deployment = install_deployment(install);
	const json_t *container = json_array_get(json_at(deployment, "spec.template.spec.containers"), 0);
	const json_t *mounts = json_object_get(container, "volumeMounts");
	for (size_t i = 0; i < config->path_count; i++) {
		const struct config_path *named = &config->paths[i];
		if (!is_in_pod(mounts, named))
			doctor_warn(doctor, check,
				"name a file of a volume (/run/secrets/pgitops is Secret pgitops), or add one to the Deployment",
				"%s:%d: %s is %s, which no volume of the Deployment has", config->file,
				named->line, named->field, named->path);
	}
	if (!is_reached(config->listen))
		doctor_warn(doctor, check, "listen: 0.0.0.0:8080",
			"%s: listen is %s, where neither the kubelet's probes nor the Service come",
			config->file, config->listen ? config->listen : "nothing");
}
