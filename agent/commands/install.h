/*
 * install.h - `pgitops install --print`: the manifests of an installation for one agent file and one cluster
 *
 * What does not depend on them is the text of manifests/ (install_texts.c, made at build time); rights, agent file and what `lease`
 * asks of the Deployment are written here.
 */
#pragma once

#include "agent/config/config.h"
#include "base/buf.h"
#include "base/json.h"

struct doctor;

/* A file of manifests/; the last has no name. */
struct install_text {
	const char *file;
	const unsigned char *bytes;
	size_t length;
};
extern const struct install_text install_texts[];

/* A rule of a Role, or of the ClusterRole (namespace ""). */
struct install_rule {
	const char *namespace, *group, *resource, *name; /* name "" = all */
	unsigned verbs;  /* a bit for each of the order in which they are written */
	const char *why; /* what needed it first */
};

struct install_rules {
	struct install_rule *items;
	size_t count;
};

enum install_overlay { INSTALL_NAMESPACED = 1 << 0, INSTALL_READ_ONLY = 1 << 1 };

struct install {
	struct arena *mem;
	const struct config *config;
	const char *agent_file; /* its text */
	const char *image;
	unsigned overlays; /* INSTALL_... */
	struct install_rules rules;
};

/* One more right; what is there already gets the verbs that it lacks. "get list": words that Kubernetes has. */
void install_rule_add(struct install *install, const struct install_rule *rule, const char *verbs);

/* Appends the Roles with their bindings, a comment at each rule. */
void install_write_rights(const struct install *install, struct buf *out);

/* The Deployment as manifests/ has it, a new reference. */
json_t *install_deployment(const struct install *install);

/* Warns of each file that the agent file names and no volume of the Pod has, and of a `listen` that nothing in the cluster reaches. */
void install_check_paths(const struct install *install, struct doctor *doctor);

/* Appends all of it as a stream of documents. */
void install_write(const struct install *install, struct buf *out);
