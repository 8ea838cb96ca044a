/*
 * symptoms.h - `pgitops doctor SYMPTOM`: what was seen, its causes looked for in the cluster, and the remedy of each that is found
 *
 * A symptom is looked for in the namespaces that the agent file and the Applications name. What cannot be read is said with the
 * verb that is missing, and is never taken for "nothing there".
 */
#pragma once

#include "agent/doctor/doctor.h"

/* What is read of the cluster for it. */
enum look_kind {
	LOOK_PODS,
	LOOK_CLAIMS,
	LOOK_EVENTS,
	LOOK_POSTGRESQLS,
	LOOK_SECRETS,
	LOOK_SERVICES,
	LOOK_ENDPOINTS,
	LOOK_SEALED,
	LOOK_NODES,
	LOOK_DEPLOYMENTS,
	LOOK_OPERATOR_CONFIG,
	LOOK_KINDS
};

struct look {
	struct doctor *doctor;
	const char *name; /* of the symptom */
	const char *part; /* of what is wrong with pods: NULL = all */
	const char **namespaces;
	size_t namespace_count;
	const char **further; /* namespaces whose Secrets were asked for, too: look_also_secrets() */
	size_t further_count;
	json_t *lists[LOOK_KINDS]; /* NULL = not asked */
	bool unknown;              /* something could not be read, which is said */
};

/* All objects of a kind, asked once. Empty also when it could not be read. */
json_t *look_list(struct look *look, enum look_kind kind);

/* The Secrets of one more namespace are in the list, too. */
void look_also_secrets(struct look *look, const char *namespace);

/* A cause. `remedy` is a sentence or a command. */
void look_found(struct look *look, const char *remedy, const char *format, ...) PRINTF_LIKE(3, 4);

/* "Pod NAMESPACE/NAME" */
const char *look_object(struct look *look, const char *kind, const json_t *object);

/* The newest Warning of this object; "" = none. */
const char *look_warning(struct look *look, const char *kind, const json_t *object);

typedef void look_function(struct look *look);

struct symptom {
	const char *name, *seen; /* "pod-does-not-start", "a Pod is Pending or not ready" */
	look_function *look;
	const char *part;
};

extern const struct symptom symptoms[];
extern const size_t symptom_count;

const struct symptom *symptom_find(const char *name);
const char *symptom_nearest(const char *name); /* NULL = none is near */

/* The symptom that knows more of this message, NULL = none. */
const char *symptom_of_message(const char *text);

/* Prepares, looks, and says what was found, or that nothing was. */
void symptom_look(struct doctor *doctor, const struct symptom *symptom);

/* symptoms_pods.c */
look_function look_pods, look_claims, look_growth, look_nodes, look_quota;
/* symptoms_operator.c */
look_function look_silence, look_failures, look_passed_over, look_primary, look_rolling, look_upgrade,
	look_operator_config;
/* symptoms_objects.c */
look_function look_secrets, look_passwords, look_services, look_balancers, look_sealed;
