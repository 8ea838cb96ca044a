/*
 * doctor.c - `pgitops doctor`: the agent file first, then all that it names
 */
#include <string.h>

#include "agent/commands/common.h"
#include "agent/commands/doctor_checkout.h"
#include "agent/doctor/symptoms.h"
#include "base/text.h"

static void finish(const struct doctor *doctor)
{
	size_t failed = doctor->counts[DOCTOR_FAILED], warnings = doctor->counts[DOCTOR_WARNING];
	if (doctor->items) {
		CLEANUP(json_done) json_t *document = json_pack("{s:O}", "items", doctor->items);
		output_document(&doctor->context->output, document);
		return;
	}
	printf("\n%zu ok, %zu warning%s, %zu failed\n", doctor->counts[DOCTOR_OK], warnings,
		warnings == 1 ? "" : "s", failed);
}

/* What is asked of a clone needs no agent. */
static bool is_of_checkout(const struct symptom *symptom)
{
	return symptom && !symptom->look;
}

static int look_at_checkout(struct doctor *doctor, const struct symptom *symptom)
{
	doctor->quiet = true;
	bool there = doctor_check_checkout(doctor, strcmp(symptom->name, "certificate-mismatch") == 0);
	doctor->quiet = false;
	if (!there)
		return command_misused(doctor->context,
			"%s is looked for in a clone with edit-users.yaml or .pgitops.yaml: run it there",
			symptom->name);
	if (!doctor->counts[DOCTOR_FAILED] && !doctor->counts[DOCTOR_WARNING])
		doctor_ok(doctor, symptom->name, "no cause was found in this clone");
	finish(doctor);
	return doctor->counts[DOCTOR_FAILED] || doctor->counts[DOCTOR_WARNING] ? EXIT_NO : EXIT_YES;
}

static int unknown_symptom(const struct doctor *doctor, const char *name)
{
	const char *near = symptom_nearest(name);
	return command_misused(doctor->context,
		"there is no symptom \"%s\"%s%s%s pgitops doctor --help lists them", name,
		near ? "; did you mean \"" : ":", near ? near : "", near ? "\"?" : "");
}

static void check(struct doctor *doctor, struct config *config, bool standalone, const struct symptom *symptom)
{
	if (standalone)
		config->kubernetes_off = true;
	if (doctor->context->state)
		config->state = doctor->context->state;
	doctor->context->state = config->state;
	doctor->context->server = NULL; /* what is here is asked, not an agent elsewhere */
	doctor->config = config;
	if (symptom) {
		symptom_look(doctor, symptom);
	} else {
		doctor_ok(doctor, "agent file", "%s", config->file);
		doctor_run(doctor);
		doctor_check_checkout(doctor, doctor->kube != NULL);
	}
	doctor_done(doctor);
}

/* Who seals users has a checkout and no agent. */
static int without_agent(struct doctor *doctor)
{
	if (!doctor_check_checkout(doctor, false))
		return command_misused(doctor->context,
			"no agent file: give --config FILE (examples: manifests/base/agent.yaml, manifests/agent-standalone.yaml)");
	finish(doctor);
	return doctor->counts[DOCTOR_FAILED] ? EXIT_NO : EXIT_YES;
}

int command_doctor(struct command_context *context, int argc, char **argv)
{
	bool standalone = false;
	const struct command_option options[] = {{"--standalone", &standalone, NULL}};
	struct config config;
	struct mistakes mistakes = {.mem = context->mem};
	struct doctor doctor = {.context = context, .mem = context->mem};
	const struct symptom *symptom = NULL;
	struct error err;

	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, 1))
		return EXIT_NO_ANSWER;
	if (argc && !(symptom = symptom_find(argv[0])))
		return unknown_symptom(&doctor, argv[0]);
	CLEANUP(json_done) json_t *items = command_is_document(context) ? json_array() : NULL;
	doctor.items = items;
	if (is_of_checkout(symptom))
		return look_at_checkout(&doctor, symptom);
	if (!context->config_file)
		return without_agent(&doctor);
	if (config_read(context->config_file, context->mem, &config, &mistakes, &err))
		check(&doctor, &config, standalone, symptom);
	else if (err.kind != ERROR_INVALID)
		return command_failed(&err);
	else if (mistakes.count)
		doctor_fail_mistakes(&doctor, "agent file",
			"correct it, then ask again: the rest depends on it", &mistakes);
	else
		doctor_fail(&doctor, "agent file", "correct it, then ask again: the rest depends on it", "%s",
			err.text);
	finish(&doctor);
	return doctor.counts[DOCTOR_FAILED] ? EXIT_NO : EXIT_YES;
}
