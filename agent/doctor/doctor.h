/*
 * doctor.h - `pgitops doctor`: does everything that the agent needs work, and if not, what to do?
 *
 * Each check says one or more lines. They run in the order of doctor_run() and hand on what they found: no cluster, no
 * questions about rights; no repository, no objects to ask for. Nothing is changed anywhere; what is fetched goes into a
 * folder of its own.
 */
#pragma once

#include "agent/command.h"
#include "agent/config/application.h"
#include "agent/config/config.h"
#include "agent/loop/credentials.h"
#include "agent/users/secrets.h"
#include "reconcile/kubernetes/resource.h"

enum doctor_status { DOCTOR_OK, DOCTOR_WARNING, DOCTOR_FAILED, DOCTOR_STATUSES };

/* An Application, and what its sources want at that commit; `desired` NULL = not known. */
struct doctor_application {
	struct application spec;
	const struct desired **parts; /* of each source; NULL = not known */
	struct desired *desired;
	const char **commits; /* of each source, as far as they were read */
};

struct need;

struct doctor {
	struct command_context *context;
	struct arena *mem;
	const struct config *config;
	json_t *items; /* for a document; NULL = lines are printed as they come */
	size_t counts[DOCTOR_STATUSES];
	bool waiting; /* the terminal shows what is being checked */
	bool quiet;   /* what is well is neither said nor counted */

	struct kube_config kube_config;
	struct kube *kube; /* NULL = no cluster that answers */
	struct resources *resources;
	struct credentials *credentials;
	struct secrets *secrets;
	struct doctor_application *applications;
	size_t application_count;
	struct project *projects; /* the AppProjects */
	size_t project_count;
	bool projects_known;
	struct doctor_list *lists; /* of doctor_users() */

	void (*need)(struct doctor *doctor, const struct need *need); /* of needs_each() */
	void *needs;                                                  /* its caller's */
};

/* Everything, in order. */
void doctor_run(struct doctor *doctor);
void doctor_done(struct doctor *doctor);

/* ---- what checks say (say.c) ---- */

/* Shows on a terminal what takes its time, until the next line is said. */
void doctor_wait(struct doctor *doctor, const char *check, const char *what);

void doctor_ok(struct doctor *doctor, const char *check, const char *format, ...) PRINTF_LIKE(3, 4);

/* `remedy` is what to do next, a sentence or a command. */
void doctor_warn(struct doctor *doctor, const char *check, const char *remedy, const char *format, ...)
	PRINTF_LIKE(4, 5);
void doctor_fail(struct doctor *doctor, const char *check, const char *remedy, const char *format, ...)
	PRINTF_LIKE(4, 5);

/* A path as a shell takes it, for remedies that are commands. In doctor->mem. */
const char *doctor_quoted(struct doctor *doctor, const char *path);

/* A new folder of our own for what is thrown away afterwards. NULL when there is none to be had, which is said. */
const char *doctor_folder(struct doctor *doctor, const char *check);

/* Every mistake as a failure of its own, up to a few. */
void doctor_fail_mistakes(
	struct doctor *doctor, const char *check, const char *remedy, struct mistakes *mistakes);

/* ---- the checks ---- */

void doctor_check_state(struct doctor *doctor);   /* state.c */
void doctor_check_kernel(struct doctor *doctor);  /* kernel.c */
void doctor_check_files(struct doctor *doctor);   /* files.c: secrets, keys, certificates */
void doctor_check_listen(struct doctor *doctor);  /* listen.c: address, token, webhook */
void doctor_check_cluster(struct doctor *doctor); /* cluster.c: sets kube, resources, credentials' Secrets */
void doctor_check_applications(struct doctor *doctor); /* applications.c */
void doctor_check_repositories(struct doctor *doctor); /* repositories.c: sets `desired` */
void doctor_check_rights(struct doctor *doctor);       /* rights.c */
void doctor_check_takeover(struct doctor *doctor);  /* takeover.c: Applications that we have never synced */
void doctor_check_databases(struct doctor *doctor); /* databases.c */

/* ---- what they share (users.c) ---- */

struct roles_server;
struct users;

/* The Application that has the users of this database; NULL = there is none. */
const struct doctor_application *doctor_application_of(
	const struct doctor *doctor, const struct database_config *database);

/* Where their Secrets are, if nothing else is said of one; NULL = nowhere. */
const char *doctor_users_namespace(const struct doctor *doctor, const struct database_config *database);

/* Who it is to have, by the Application's path. NULL = not known; what is wrong with the list is said, the first time. */
const struct users *doctor_users(struct doctor *doctor, const struct database_config *database);

/* ---- of one server ---- */

/* Of an agent without superuser: which statements are missing, for the server and for what these users need (plain.c). */
void doctor_check_plain(
	struct doctor *doctor, const struct database_config *database, const struct roles_server *server);
void doctor_check_managers(struct doctor *doctor, const struct database_config *database,
	const struct roles_server *server); /* managers.c */
void doctor_check_drill(struct doctor *doctor, const struct database_config *database,
	const struct session_target *target); /* drills.c */
void doctor_check_plain_users(struct doctor *doctor, const struct database_config *database,
	const struct roles_server *server, const struct users *users);

/* argo_cd.c: what of it works beside us; where there is anything to take over (`count` Applications) also that nothing does, and how it was
   set. `synced` = its traces are in some of them. */
void doctor_check_argo_cd(struct doctor *doctor, size_t count, bool synced);
