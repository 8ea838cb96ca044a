/*
 * exec.h - credentials from a kubeconfig's exec plugin (client.authentication.k8s.io/v1), for the command line only
 *
 * The agent never runs one: a kubeconfig must not be a way to start programs in a process that holds rights.
 */
#pragma once

#include "reconcile/kubernetes/config.h"

struct exec_plugin {
	char **arguments;        /* NULL-terminated; the first is the command */
	char **environment;      /* NULL-terminated "NAME=value", beside ours */
	const char *api_version; /* "client.authentication.k8s.io/v1" or v1beta1 */
	const char *hint;        /* installHint, NULL = none */
	bool interactive;        /* the plugin may ask on the terminal */
};

/* Runs the plugin, at most a minute, and puts its token or certificate into `config`. */
bool exec_plugin_run(const struct exec_plugin *plugin, struct kube_config *config, struct error *err) MUST_CHECK;
