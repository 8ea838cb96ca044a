/* The documents of an installation: those of manifests/ with what the agent file and the options change. */
#include <string.h>

#include "agent/commands/install.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/manifest/yaml.h"
#include "reconcile/manifest/yaml_write.h"

enum { AS_ALWAYS, FOR_LEASE, FOR_READ_ONLY };

/* In the order in which they are written. */
static const struct part {
	const char *file;
	int when;
} parts[] = {
	{"manifests/base/deployment.yaml", AS_ALWAYS},
	{"manifests/base/network.yaml", AS_ALWAYS},
	{"manifests/overlays/two-replicas/disruption.yaml", FOR_LEASE},
	{"manifests/overlays/read-only/admission.yaml", FOR_READ_ONLY},
};

static void set_text(json_t *map, const char *key, const char *text)
{
	json_object_set_new(map, key, json_string(text));
}

static json_t *named(const json_t *list, const char *name)
{
	json_t *item;
	size_t i;
	json_array_foreach (list, i, item)
		if (text_equal(json_text_at(item, "name", NULL), name))
			return item;
	return NULL;
}

/* Two agents that share a lease, as overlays/two-replicas has it: each with a state of its own. */
static void make_two(json_t *spec, json_t *pod)
{
	json_object_set_new(spec, "replicas", json_integer(2));
	json_object_set_new(spec, "strategy",
		json_pack("{s:s, s:{s:i, s:i}}", "type", "RollingUpdate", "rollingUpdate", "maxUnavailable",
			1, "maxSurge", 0));
	json_object_set_new(pod, "topologySpreadConstraints",
		json_pack("[{s:i, s:s, s:s, s:{s:O}}]", "maxSkew", 1, "topologyKey", "kubernetes.io/hostname",
			"whenUnsatisfiable", "ScheduleAnyway", "labelSelector", "matchLabels",
			json_at(spec, "selector.matchLabels")));
	json_t *state = named(json_object_get(pod, "volumes"), "state");
	json_object_del(state, "persistentVolumeClaim");
	json_object_set_new(state, "emptyDir", json_pack("{s:s}", "sizeLimit", "1Gi"));
}

static void edit_deployment(const struct install *install, json_t *document)
{
	json_t *spec = json_object_get(document, "spec");
	json_t *pod = json_at(spec, "template.spec");
	if (install->image)
		set_text(named(json_object_get(pod, "containers"), "agent"), "image", install->image);
	if (install->config->lease.used)
		make_two(spec, pod);
}

/* The account is another one where the namespace is. */
static void edit_policy(const struct install *install, json_t *document)
{
	json_t *condition = named(json_at(document, "spec.matchConditions"), "agent");
	if (condition)
		set_text(condition, "expression",
			arena_printf(install->mem,
				"request.userInfo.username == \"system:serviceaccount:%s:pgitops\"",
				install->config->namespace));
}

static void write_document(const struct install *install, json_t *document, struct buf *out)
{
	json_t *metadata = json_object_get(document, "metadata");
	const char *kind = json_text_at(document, "kind", "");
	if (json_object_get(metadata, "namespace"))
		set_text(metadata, "namespace", install->config->namespace);
	if (strcmp(kind, "Deployment") == 0)
		edit_deployment(install, document);
	else if (strcmp(kind, "ValidatingAdmissionPolicy") == 0)
		edit_policy(install, document);
	buf_text(out, "---\n");
	yaml_write(document, YAML_AS_GIVEN, out);
}

static struct yaml_documents read_file(const struct install *install, const char *file)
{
	struct yaml_documents documents = {0};
	struct mistakes mistakes = {.mem = install->mem};
	const struct install_text *text = install_texts;
	while (!text_equal(text->file, file))
		text++;
	yaml_read(file, (const char *)text->bytes, text->length, install->mem, &documents, &mistakes);
	return documents;
}

static void write_file(const struct install *install, const char *file, struct buf *out)
{
	struct yaml_documents documents = read_file(install, file);
	for (size_t i = 0; i < documents.count; i++) {
		CLEANUP(json_done) json_t *document = yaml_to_json(documents.items[i]);
		write_document(install, document, out);
	}
}

json_t *install_deployment(const struct install *install)
{
	struct yaml_documents documents = read_file(install, "manifests/base/deployment.yaml");
	for (size_t i = 0; i < documents.count; i++) {
		json_t *document = yaml_to_json(documents.items[i]);
		if (text_equal(json_text_at(document, "kind", ""), "Deployment"))
			return document;
		json_decref(document);
	}
	return NULL;
}

static void write_agent_file(const struct install *install, struct buf *out)
{
	CLEANUP(json_done)
	json_t *document = json_pack("{s:s, s:s, s:{s:s, s:s, s:{s:s}}, s:{s:s}}", "apiVersion", "v1", "kind",
		"ConfigMap", "metadata", "name", "pgitops", "namespace", install->config->namespace, "labels",
		"app.kubernetes.io/name", "pgitops", "data", "agent.yaml", install->agent_file);
	buf_text(out, "---\n");
	yaml_write(document, YAML_AS_GIVEN, out);
}

void install_write(const struct install *install, struct buf *out)
{
	write_file(install, "manifests/base/account.yaml", out);
	install_write_rights(install, out);
	write_agent_file(install, out);
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (parts[i].when == AS_ALWAYS || (parts[i].when == FOR_LEASE && install->config->lease.used) ||
			(parts[i].when == FOR_READ_ONLY && install->overlays & INSTALL_READ_ONLY))
			write_file(install, parts[i].file, out);
}
