/*
 * install.c - `pgitops install --print`: which rights the repository's paths need is asked of the cluster, nothing is written to it
 */
#include <string.h>
#include <unistd.h>

#include "agent/commands/common.h"
#include "agent/commands/install.h"
#include "agent/commands/sealing.h"
#include "agent/doctor/needs.h"
#include "agent/loop/join.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"

struct options {
	bool print;
	const char *image, *applications, *kubeconfig, *kube_context;
	struct command_values overlays;
};

static bool has_lease(const struct config *config)
{
	return config->lease.used;
}

static bool has_operator(const struct config *config)
{
	for (size_t i = 0; i < config->database_count; i++)
		if (config->databases[i].cluster.name)
			return true;
	return false;
}

static bool unseals(const struct config *config)
{
	return config->sealing_controller;
}

static bool only_reports(const struct config *config)
{
	for (size_t i = 0; i < config->database_count; i++)
		if (!config->databases[i].policy.report_only)
			return false;
	return true;
}

/* The overlays of manifests/. Most follow from the agent file: naming one makes sure that it has what that overlay is about. */
static const struct overlay {
	const char *name;
	unsigned bit;
	bool (*is_meant)(const struct config *config);
	const char *line; /* of the agent file */
} overlays[] = {
	{"in-cluster", 0, NULL, NULL},
	{"two-replicas", 0, has_lease, "lease: {}"},
	{"operator", 0, has_operator, "databases[].postgresql: NAMESPACE/NAME"},
	{"sealing-controller", 0, unseals, "sealing: {keys: [/run/sealing-keys], controller: true}"},
	{"namespaced", INSTALL_NAMESPACED, NULL, NULL},
	{"read-only", INSTALL_READ_ONLY, only_reports, "databases[].policy: {mode: report}"},
};

/* False after it has said what is wrong. */
static bool take_overlays(const struct command_context *context, const struct options *options,
	const struct config *config, unsigned *bits)
{
	for (size_t i = 0; i < options->overlays.count; i++) {
		const struct overlay *overlay = overlays;
		while (overlay < overlays + COUNT_OF(overlays) &&
			strcmp(overlay->name, options->overlays.items[i]) != 0)
			overlay++;
		if (overlay == overlays + COUNT_OF(overlays)) {
			command_misused(context,
				"there is no overlay \"%s\"; there are in-cluster, two-replicas, operator, sealing-controller, namespaced and "
				"read-only",
				options->overlays.items[i]);
			return false;
		}
		if (overlay->is_meant && !overlay->is_meant(config)) {
			command_misused(context, "the overlay %s needs `%s` in %s", overlay->name,
				overlay->line, config->file);
			return false;
		}
		*bits |= overlay->bit;
	}
	return true;
}

static void collect(struct doctor *doctor, const struct need *need)
{
	install_rule_add(doctor->needs,
		&(struct install_rule){need->namespace, need->group, need->resource, need->name, 0, need->why},
		need->verbs);
}

/* What the checks found, on stderr; stdout is for kubectl. False when something has failed. */
static bool tell_checks(const struct doctor *doctor)
{
	json_t *item;
	size_t i;
	json_array_foreach (doctor->items, i, item)
		if (strcmp(json_text_at(item, "status", ""), "ok") != 0) {
			say(stderr, "pgitops: %s: %s: %s\n", json_text_at(item, "status", ""),
				json_text_at(item, "check", ""), json_text_at(item, "detail", ""));
			say(stderr, "  -> %s\n", json_text_at(item, "remedy", ""));
		}
	return !doctor->counts[DOCTOR_FAILED];
}

/* The agent's own cluster is the one it will run in, which this machine knows by a kubeconfig. */
static bool find_cluster(
	const struct options *options, struct config *config, struct arena *mem, struct error *err)
{
	const struct sealing_source source = {.kubeconfig = options->kubeconfig};
	CLEANUP(sealing_kubeconfigs_done) char **paths = sealing_kubeconfigs(&source);
	if (config->kubernetes_off)
		return error_set(err, ERROR_MISSING,
			"%s turns Kubernetes off (kubernetes.none): there is nothing to install in a cluster",
			config->file);
	if (options->kubeconfig || options->kube_context || !join_is_wanted(config)) {
		bool there = options->kubeconfig || (paths[0] && access(paths[0], F_OK) == 0);
		config->kubeconfig = there ? arena_copy(mem, paths[0]) : NULL;
		config->kube_context = options->kube_context;
	}
	return join_is_wanted(config) ||
		error_set(err, ERROR_MISSING,
			"no cluster: which kinds the repository's paths need is asked of it; name one by --kubeconfig FILE or KUBECONFIG, or take "
			"manifests/install.yaml and its Roles as they are");
}

/* Applications that are not in the cluster yet are read from a folder; the agent will read them from the cluster. */
static int find_needs(struct doctor *doctor, struct config *config, const struct options *options)
{
	const char *folder = config->applications;
	if (options->applications)
		config->applications = options->applications;
	doctor_check_cluster(doctor);
	if (!doctor->kube || !doctor->resources) {
		tell_checks(doctor);
		return EXIT_NO_ANSWER;
	}
	doctor_check_applications(doctor);
	doctor_check_repositories(doctor);
	config->applications = folder;
	needs_each(doctor, collect);
	if (tell_checks(doctor))
		return EXIT_YES;
	say(stderr, "pgitops: nothing is printed: rights would be missing\n");
	return EXIT_NO;
}

static int print(struct command_context *context, struct config *config, const struct options *options)
{
	struct install install = {.mem = context->mem, .config = config, .image = options->image};
	CLEANUP(json_done) json_t *items = json_array();
	struct doctor doctor = {
		.context = context, .mem = context->mem, .config = config, .items = items, .needs = &install};
	CLEANUP(buf_done) struct buf text = BUF(LIMIT_CONFIG_BYTES), out = BUF(LIMIT_MANIFESTS_BYTES);
	struct error err;

	if (!take_overlays(context, options, config, &install.overlays))
		return EXIT_NO_ANSWER;
	install_check_paths(&install, &doctor);
	if (!find_cluster(options, config, context->mem, &err) || !file_read(config->file, &text, &err))
		return command_failed(&err);
	install.agent_file = buf_string(&text);
	int code = find_needs(&doctor, config, options);
	if (code == EXIT_YES) {
		install_write(&install, &out);
		fputs(buf_string(&out), stdout);
	}
	doctor_done(&doctor);
	return code;
}

int command_install(struct command_context *context, int argc, char **argv)
{
	struct options options = {0};
	const struct command_option known[] = {{"--print", &options.print, NULL},
		{"--image", NULL, &options.image}, {"--applications", NULL, &options.applications},
		{"--kubeconfig", NULL, &options.kubeconfig}, {"--context", NULL, &options.kube_context}};
	struct config config;
	struct mistakes mistakes = {.mem = context->mem};
	struct error err;

	if (!command_repeated(context, &argc, argv, "--overlay", &options.overlays) ||
		!command_arguments(context, &argc, argv, known, COUNT_OF(known), 0, 0))
		return EXIT_NO_ANSWER;
	if (!options.print)
		return command_misused(context,
			"nothing is written to a cluster from here: --print, and `kubectl apply --server-side -f -` behind it");
	if (!context->config_file)
		return command_misused(
			context, "no agent file: give --config FILE (example: manifests/base/agent.yaml)");
	if (!config_read(context->config_file, context->mem, &config, &mistakes, &err))
		return command_failed(&err);
	return print(context, &config, &options);
}
