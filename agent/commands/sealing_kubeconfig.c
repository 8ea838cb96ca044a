/* Which cluster the sealing commands mean, and as whom they ask it. */
#include <stdlib.h>
#include <string.h>

#include "agent/commands/sealing.h"
#include "base/memory.h"

/* Takes the next part of a list with colons; "" at its end. Empty parts are nothing. */
static char *next_part(const char **list)
{
	while (**list == ':')
		++*list;
	size_t length = strcspn(*list, ":");
	char *part = length ? memory_printf("%.*s", (int)length, *list) : NULL;
	*list += length;
	return part;
}

char **sealing_kubeconfigs(const struct sealing_source *source)
{
	const char *variable = getenv("KUBECONFIG"), *home = getenv("HOME"), *list = "";
	size_t count = 0;
	if (!source->kubeconfig && variable)
		list = variable;
	char **paths = memory_alloc((strlen(list) / 2 + 3) * sizeof(*paths));
	if (source->kubeconfig)
		paths[count++] = memory_copy(source->kubeconfig); /* one file, whatever is in its name */
	while ((paths[count] = next_part(&list)))
		count++;
	if (!count && home && *home == '/')
		paths[count++] = memory_printf("%s/.kube/config", home);
	paths[count] = NULL;
	return paths;
}

void sealing_kubeconfigs_done(char ***paths)
{
	for (char **path = *paths; path && *path; path++)
		free(*path);
	free((void *)*paths);
	*paths = NULL;
}

/* Named by the option or KUBECONFIG, a pod's own files do not count. */
static bool is_named(const struct sealing_source *source)
{
	const char *variable = getenv("KUBECONFIG");
	return source->kubeconfig || (variable && *variable);
}

bool sealing_kube_config(const struct sealing_source *source, struct kube_config *config, struct error *err)
{
	CLEANUP(sealing_kubeconfigs_done) char **paths = sealing_kubeconfigs(source);
	if (!is_named(source)) {
		if (kube_config_in_cluster(NULL, config, err))
			return kube_config_override(config, &source->kube, err);
		if (err->kind != ERROR_MISSING || !*paths)
			return false;
	}
	return kube_config_overridden((const char *const *)paths, &source->kube, true, config, err);
}

bool sealing_namespace(const struct sealing_source *source, char **namespace, struct error *err)
{
	struct kube_config config = {0};
	CLEANUP(sealing_kubeconfigs_done) char **paths = sealing_kubeconfigs(source);
	if (!is_named(source) && kube_config_in_cluster(NULL, &config, err)) {
		*namespace = memory_copy(config.namespace);
		kube_config_done(&config);
		return true;
	}
	if (!*paths)
		return error_set(err, ERROR_MISSING, "no kubeconfig was found");
	return kube_config_context((const char *const *)paths, source->kube.context, NULL, namespace, err);
}

bool sealing_api_open(const struct sealing_source *source, struct sealing_api *api, struct error *err)
{
	if (!sealing_kube_config(source, &api->config, err))
		return false;
	api->kube = kube_open(&api->config);
	return true;
}

void sealing_api_close(struct sealing_api *api)
{
	kube_close(api->kube);
	kube_config_done(&api->config);
	*api = (struct sealing_api){0};
}
