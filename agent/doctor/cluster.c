#include "agent/doctor/doctor.h"

#include <string.h>

#include "agent/loop/join.h"
#include "base/text.h"

static bool read_config(struct doctor *doctor)
{
	const struct config *config = doctor->config;
	struct error err;
	bool ok = config->kubeconfig
		? kube_config_read(config->kubeconfig, config->kube_context, false, &doctor->kube_config, &err)
		: kube_config_in_cluster(NULL, &doctor->kube_config, &err);
	if (!ok)
		doctor_fail(doctor, "kubernetes",
			"correct `kubernetes` in the agent file, or the kubeconfig it names", "%s", err.text);
	else if (doctor->kube_config.insecure)
		doctor_warn(doctor, "kubernetes", "give the kubeconfig the server's CA (certificate-authority)",
			"the server's certificate is not verified: whoever is between can read and change everything");
	return ok;
}

static const char *connection_remedy(const struct error *err)
{
	switch (err->kind) {
	case ERROR_DENIED:
		return "give the agent's account a valid token or certificate: kubectl --kubeconfig FILE auth whoami";
	case ERROR_RETRY:
		return "check address, network and CA from here: curl -k SERVER/version";
	default:
		return "check the server and the kubeconfig";
	}
}

static bool connect_server(struct doctor *doctor)
{
	CLEANUP(json_done) json_t *answer = NULL;
	struct kube_request request = {.method = "GET", .path = "/version"};
	struct error err;

	doctor_wait(doctor, "kubernetes", doctor->kube_config.server);
	doctor->kube = kube_open(&doctor->kube_config);
	if (kube_one(doctor->kube, &request, &answer, &err)) {
		doctor_ok(doctor, "kubernetes", "%s, %s", doctor->kube_config.server,
			json_text_at(answer, "gitVersion", "version unknown"));
		return true;
	}
	doctor_fail(doctor, "kubernetes", connection_remedy(&err), "%s", err.text);
	kube_close(doctor->kube);
	doctor->kube = NULL;
	return false;
}

static bool discover(struct doctor *doctor)
{
	struct error err;
	doctor->resources = resources_new();
	if (!resources_refresh(doctor->resources, doctor->kube, &err)) {
		doctor_fail(doctor, "discovery", connection_remedy(&err), "%s", err.text);
		return false;
	}
	const char *away = resources_partial(doctor->resources);
	if (away)
		doctor_warn(doctor, "discovery", "kubectl get apiservices shows why it is not Available",
			"%s does not answer: Applications with such kinds wait for it", away);
	else
		doctor_ok(doctor, "discovery", "complete");
	return true;
}

/* ---- credentials for repositories, as the agent follows them ---- */

static void take_secret(void *context, json_t *object)
{
	struct doctor *doctor = context;
	credentials_seen(doctor->credentials, object, false);
}

static void take_hosts(void *context, json_t *object)
{
	struct doctor *doctor = context;
	credentials_hosts_seen(doctor->credentials, object, false);
}

/* All may stand in the agent file instead, so without the right to read them there is less, not nothing. */
static void read_credentials(struct doctor *doctor)
{
	static const struct {
		const char *path;
		void (*take)(void *context, json_t *object);
	} parts[] = {
		{"secrets?labelSelector=argocd.argoproj.io%2Fsecret-type%20in%20%28repository%2Crepo-creds%29",
			take_secret},
		{"configmaps?fieldSelector=metadata.name%3Dargocd-ssh-known-hosts-cm", take_hosts},
		{"configmaps?fieldSelector=metadata.name%3Dargocd-tls-certs-cm", take_hosts},
	};
	char version[64];
	struct error err;

	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		const char *path = arena_printf(
			doctor->mem, "/api/v1/namespaces/%s/%s", doctor->config->namespace, parts[i].path);
		if (!kube_list(doctor->kube, path, parts[i].take, doctor, version, &err))
			doctor_warn(doctor, "credentials",
				"name the repositories' credentials in the agent file, or allow this with a Role (manifests/install.yaml)",
				"%s", err.text);
	}
}

void doctor_check_cluster(struct doctor *doctor)
{
	doctor->credentials = credentials_new(doctor->config);
	doctor->secrets = secrets_new(doctor->config->secrets);
	secrets_refresh(doctor->secrets);
	if (doctor->config->kubernetes_off) {
		doctor_ok(doctor, "kubernetes",
			"off, as the agent file says: objects are validated and recorded, not applied");
		return;
	}
	if (!join_is_wanted(doctor->config)) {
		doctor_warn(doctor, "kubernetes",
			"set `kubernetes: {kubeconfig: FILE}` in the agent file, or `{none: true}` if that is meant",
			"off: no kubeconfig is named, and this is no pod with a service account");
		return;
	}
	if (!read_config(doctor) || !connect_server(doctor) || !discover(doctor))
		return;
	read_credentials(doctor);
}
