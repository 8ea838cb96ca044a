/*
 * common.h - what several commands show and do
 */
#pragma once

#include "agent/show/client.h"
#include "agent/command.h"
#include "agent/commits.h"

enum {
	COMMAND_FIELD_WIDTH = 12,            /* the names in front of the values of command_field() */
	COMMAND_MILLISECONDS = 5 * 60 * 1000 /* how long is waited for the agent where nothing else is asked for */
};

/* The document of a reading command (client_view). When no agent runs, stderr says that the store answered. */
bool command_view(const struct command_context *context, const char *path, json_t **answer,
	struct error *err) MUST_CHECK;

/* Posts an action and, unless `milliseconds` is 0, waits for its end; `operation` is the finished one, or only its id. A new
   reference. */
bool command_act(const struct command_context *context, const char *path, const json_t *body,
	int64_t milliseconds, json_t **operation, struct error *err) MUST_CHECK;

/* Posts /api/v1/applications/NAME + verb, waits for its end unless `background`, and shows what came of it. `body` becomes the
   call's. The exit code. */
int command_operate(const struct command_context *context, const char *name, const char *verb, json_t *body,
	const char *timeout, bool background);

/* Takes every "--option VALUE" of this name out of the arguments, before command_arguments(). False after it has said what is
   wrong. */
struct command_values {
	const char **items;
	size_t count;
};
bool command_repeated(const struct command_context *context, int *argc, char **argv, const char *option,
	struct command_values *values) MUST_CHECK;

/* "--timeout 5m" in milliseconds; NULL gives COMMAND_MILLISECONDS. False after it has said what is wrong. */
bool command_timeout(const struct command_context *context, const char *text, int64_t *milliseconds) MUST_CHECK;

/* The arguments as a list of names: a new reference. */
json_t *command_names(int argc, char **argv);

/* "/api/v1/applications/NAME" + rest, NAME percent-encoded. In context->mem. */
const char *command_application_path(const struct command_context *context, const char *name, const char *rest);
const char *command_encoded(const struct command_context *context, const char *text);

/* A comment for a forge is asked for. */
bool command_is_markdown(const struct command_context *context);

/* What the revision in `body` would change, by the operation that POST `path` starts: `result` has "items" as GET .../diff, or "reason",
   why there are none, and "users", plans of databases. The exit code: EXIT_NO = something, EXIT_NO_ANSWER after it has said why. */
int command_at_revision(const struct command_context *context, const char *path, const json_t *body,
	int64_t milliseconds, json_t **result);

/* Do these plans have something to do, or something that is held back? */
bool command_plans_change(const json_t *plans);

/* What `user plan`, `user sync` and `user adopt` share. */
#define COMMAND_USERS_SYNC "/api/v1/users/sync"

/* Asks for the plan with this body, whose dryRun is set, and shows it. The exit code. */
int command_users_plan(struct command_context *context, json_t *body, int64_t milliseconds);

/* Asks for a pass over the users, and shows what it did. */
int command_users_sync(struct command_context *context, const json_t *body, int64_t milliseconds);

/* The steps of a finished operation as a table. */
void command_show_steps(const struct command_context *context, const json_t *operation);

/* On stdout, each may be NULL; `reason` is shown instead of items. */
void command_show_markdown(const json_t *items, const char *reason, const json_t *plans);

/* The warnings of these databases (items of /api/v1/databases), or of one; nothing where there are none. */
void command_show_warnings(const struct command_context *context, const json_t *databases, const char *only);

/* JSON or YAML asked for: prints it. */
bool command_is_document(const struct command_context *context);

/* An RFC 3339 time as people read it: "5m" ago, or "-". In context->mem. */
const char *command_age(const struct command_context *context, const char *time);

/* "2026-01-02 03:04:05", or "-". In context->mem. */
const char *command_time(const struct command_context *context, const char *time);

/* The first seven digits of each commit (commits.h), or "-". In context->mem. */
const char *command_commit(const struct command_context *context, const char *commits);

/* The commits that the document names, as its `revision` or `revisions`. In context->mem. */
const char *command_commits(const struct command_context *context, const json_t *document);

/* Takes --revisions and --source-positions, as often as they are there, into the body of a request. */
bool command_revisions(const struct command_context *context, int *argc, char **argv, json_t *body) MUST_CHECK;

/* The first line. In context->mem. */
const char *command_first_line(const struct command_context *context, const char *text);

/* "Kind namespace/name" of an object with these members. In context->mem. */
const char *command_object(const struct command_context *context, const json_t *object);

/* What came of a user change; of one that is repeated, how often. */
void command_change_cell(const struct command_context *context, struct table *table, const json_t *change);

/* The statement of a user change: its beginning, which tells one grant from another, or with -o wide all of it. */
const char *command_statement(const struct command_context *context, const json_t *change);

/* Lines of SQL that psql can read, each with `before` in front. What is in a line is foreign and made visible. */
void command_script(const struct command_context *context, const char *script, const char *before);

/* The strings of a list with ", " between, or `none`. In context->mem. */
const char *command_join(const struct command_context *context, const json_t *list, const char *none);

/* `text`, or "-" when it is "" or NULL. */
const char *command_or_dash(const char *text);

/* A table without a row says on stderr what there is none of, and prints nothing: true when it was so. */
bool command_is_empty(const json_t *items, const char *text);

/* --since: "24h" before now, or an RFC 3339 time; both become one, for the API and the store alike. Tells what is neither. */
bool command_since(const struct command_context *context, const char *text, const char **since);

/* A cell in the colour that its word deserves. */
void command_status_cell(struct table *table, const char *status);

/* "Name:       value", the value made visible and coloured. */
void command_field(
	const struct command_context *context, const char *name, const char *value, enum cell_style style);

/* Text of one or more lines, each after `indent` blanks. */
void command_block(const struct command_context *context, FILE *out, size_t indent, const char *text,
	enum cell_style style);

/* What a finished operation says, and the exit code that its phase deserves. */
int command_outcome(const struct command_context *context, const json_t *operation);

/* help.c */
extern const char help_purpose[], help_options[], help_exit_codes[];
void help_overview(FILE *out);
void help_group(FILE *out, const char *group);
void help_command(FILE *out, const struct command *command);
const struct command *help_find(const char *name);
bool help_is_group(const char *word);
int help_unknown(const char *name);

/* man.c: all of it as a manual page. */
void help_man(FILE *out);

/* options.c: takes the options that every command knows out of argv; false after it has said what is wrong. */
struct global_options {
	bool help, version;
};
bool options_read(
	struct command_context *context, struct global_options *found, int *argc, char **argv) MUST_CHECK;

/* For commands about an agent: the state folder that the agent file names. */
bool options_find_agent(struct command_context *context, struct error *err) MUST_CHECK;
