/*
 * command.h - the table of commands and what each of them is given
 */
#pragma once

#include <sys/types.h>

#include "agent/show/output.h"
#include "base/arena.h"
#include "base/error.h"

/* Exit codes, everywhere (INTERFACES 3). */
enum exit_code { EXIT_YES = 0, EXIT_NO = 1, EXIT_NO_ANSWER = 2 };

/* What the options that every command knows have said. */
struct command_context {
	struct arena *mem;
	struct output output;    /* -o, --no-headers, colour */
	const char *config_file; /* --config, PGITOPS_CONFIG, or the default path when it exists; NULL = none */
	const char *state;       /* --state, or from the agent file; NULL = none */
	const char *server;      /* --server, PGITOPS_SERVER; NULL = the socket in `state` */
	const char *token_file; /* --token-file */
	const char *name;       /* "app get": for messages */
	mode_t umask;           /* of whoever called, for a program that is started for them */
};

enum { COMMAND_WORDS = 3 }; /* at most, of a command's name */

struct command {
	const char *name;      /* "app get"; where one name begins another the longer one is meant */
	const char *arguments; /* "NAME", "[NAME...]" for the usage line */
	const char *options; /* "--prune --confirm=HASH": its own ones, for usage and completion; "" = none */
	bool about_agent;    /* reads from or acts on an agent: needs `state` or `server` */
	const char *summary; /* one line, for the list */
	const char *help;    /* paragraphs, options and examples */
	/* `argc`, `argv` without the command's own words; argv[0] is the first argument. Returns the exit code; messages go
	   to stderr. */
	int (*run)(struct command_context *context, int argc, char **argv);
};

extern const struct command commands[];
extern const size_t command_count;

/* An option of one command: a flag, or a value. */
struct command_option {
	const char *name; /* "--prune" */
	bool *flag;
	const char **value;
};

/* Takes the options out of the arguments and leaves at least `least` and at most `most` others. False after it has said
   what is wrong. */
bool command_arguments(const struct command_context *context, int *argc, char **argv,
	const struct command_option *options, size_t count, int least, int most) MUST_CHECK;

/* A usage error on stderr with the command's usage line; returns EXIT_NO_ANSWER. */
int command_misused(const struct command_context *context, const char *format, ...) PRINTF_LIKE(2, 3);

/* The error on stderr, "pgitops: ..."; returns EXIT_NO_ANSWER. */
int command_failed(const struct error *err);

/* One function for each command, in agent/commands/. */
int command_agent(struct command_context *context, int argc, char **argv);
int command_status(struct command_context *context, int argc, char **argv);
int command_app_list(struct command_context *context, int argc, char **argv);
int command_app_get(struct command_context *context, int argc, char **argv);
int command_app_diff(struct command_context *context, int argc, char **argv);
int command_app_sync(struct command_context *context, int argc, char **argv);
int command_app_rollback(struct command_context *context, int argc, char **argv);
int command_app_terminate(struct command_context *context, int argc, char **argv);
int command_app_manifests(struct command_context *context, int argc, char **argv);
int command_app_resources(struct command_context *context, int argc, char **argv);
int command_app_refresh(struct command_context *context, int argc, char **argv);
int command_app_history(struct command_context *context, int argc, char **argv);
int command_app_wait(struct command_context *context, int argc, char **argv);
int command_user_list(struct command_context *context, int argc, char **argv);
int command_user_get(struct command_context *context, int argc, char **argv);
int command_user_plan(struct command_context *context, int argc, char **argv);
int command_user_export(struct command_context *context, int argc, char **argv);
int command_user_sync(struct command_context *context, int argc, char **argv);
int command_user_access(struct command_context *context, int argc, char **argv);
int command_user_adopt(struct command_context *context, int argc, char **argv);
int command_user_history(struct command_context *context, int argc, char **argv);
int command_drift_list(struct command_context *context, int argc, char **argv);
/* Options and help of the two below, for the table. */
#define COMMAND_CLUSTER_READING "-n= --namespace= --no-ask -w --watch --kubeconfig= --context="
extern const char command_cluster_list_help[], command_cluster_get_help[];
int command_cluster_list(struct command_context *context, int argc, char **argv);
int command_cluster_get(struct command_context *context, int argc, char **argv);
/* The same of those that change something. */
#define COMMAND_CLUSTER_ACTING " --yes --timeout= -n= --namespace= --kubeconfig= --context="
extern const char command_cluster_switchover_help[], command_cluster_restart_help[],
	command_cluster_reinit_help[], command_cluster_failover_drill_help[];
int command_cluster_switchover(struct command_context *context, int argc, char **argv);
int command_cluster_restart(struct command_context *context, int argc, char **argv);
int command_cluster_reinit(struct command_context *context, int argc, char **argv);
int command_cluster_failover_drill(struct command_context *context, int argc, char **argv);
/* The same of those that ask Kubernetes about one. */
#define COMMAND_CLUSTER_PLACE " -n= --namespace= --kubeconfig= --context="
extern const char command_cluster_connect_help[], command_cluster_credentials_help[],
	command_cluster_events_help[], command_cluster_logs_help[];
int command_cluster_logs(struct command_context *context, int argc, char **argv);
int command_cluster_connect(struct command_context *context, int argc, char **argv);
int command_cluster_credentials(struct command_context *context, int argc, char **argv);
int command_cluster_events(struct command_context *context, int argc, char **argv);
int command_check(struct command_context *context, int argc, char **argv);
int command_doctor(struct command_context *context, int argc, char **argv);
int command_install(struct command_context *context, int argc, char **argv);
int command_completion(struct command_context *context, int argc, char **argv);
int command_hook_install(struct command_context *context, int argc, char **argv);
int command_hook_run(struct command_context *context, int argc, char **argv);
int command_hook_status(struct command_context *context, int argc, char **argv);
int command_hook_uninstall(struct command_context *context, int argc, char **argv);
int command_seal(struct command_context *context, int argc, char **argv);
int command_seal_cert(struct command_context *context, int argc, char **argv);
int command_seal_keys(struct command_context *context, int argc, char **argv);
int command_seal_keys_new(struct command_context *context, int argc, char **argv);
int command_seal_users(struct command_context *context, int argc, char **argv);
int command_unseal(struct command_context *context, int argc, char **argv);
int command_version(struct command_context *context, int argc, char **argv);
