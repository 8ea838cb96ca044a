/* Which cluster the sealing commands mean, and as whom they ask it. */
#include <stdlib.h>

#include "agent/commands/sealing.h"
#include "base/memory.h"

/* As kubectl looks for it: the option, KUBECONFIG, the home folder. NULL = nothing says where. */
char *sealing_kubeconfig(const struct sealing_source *source)
{
	const char *variable = getenv("KUBECONFIG"), *home = getenv("HOME");
	if (source->kubeconfig)
		return memory_copy(source->kubeconfig);
	if (variable && *variable)
		return memory_copy(variable);
	return home && *home == '/' ? memory_printf("%s/.kube/config", home) : NULL;
}

/* Named by the option or KUBECONFIG, a pod's own files do not count. */
static bool is_named(const struct sealing_source *source)
{
	const char *variable = getenv("KUBECONFIG");
	return source->kubeconfig || (variable && *variable);
}

bool sealing_kube_config(const struct sealing_source *source, struct kube_config *config, struct error *err)
{
	CLEANUP(memory_freep) char *path = sealing_kubeconfig(source);
	if (!is_named(source)) {
		if (kube_config_in_cluster(NULL, config, err))
			return kube_config_override(config, &source->kube, err);
		if (err->kind != ERROR_MISSING || !path)
			return false;
	}
	return kube_config_overridden(path, &source->kube, true, config, err);
}

bool sealing_namespace(const struct sealing_source *source, char **namespace, struct error *err)
{
	struct kube_config config = {0};
	CLEANUP(memory_freep) char *path = sealing_kubeconfig(source);
	if (!is_named(source) && kube_config_in_cluster(NULL, &config, err)) {
		*namespace = memory_copy(config.namespace);
		kube_config_done(&config);
		return true;
	}
	if (!path)
		return error_set(err, ERROR_MISSING, "no kubeconfig was found");
	return kube_config_namespace(path, source->kube.context, namespace, err);
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
