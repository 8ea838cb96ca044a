#include "agent/commands/common.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/say.h"
#include "base/text.h"

enum {
	PAUSE_FIRST = 50,
	PAUSE_LAST = 1000,
	SILENCE_MILLISECONDS = 3000 /* an agent that is restarted is back by then */
};

struct wait {
	const char *name;
	const char *revision; /* NULL = any */
	bool sync, health;
	int64_t started;
	int64_t heard; /* when an agent was last known to run */
};

/* Waits for the operation too: what is in sync now may be about to change. */
static bool is_reached(const struct wait *wait, const json_t *application)
{
	const char *phase = json_text_at(application, "status.operationState.phase", "");
	bool busy = json_object_get(application, "operation") || text_equal(phase, "Running") ||
		text_equal(phase, "Terminating");
	const char *sync = json_text_at(application, "status.sync.status", "");
	bool synced = text_equal(sync, "Synced");
	/* The health of what was not compared with the cluster, or never, is not known, whatever stands there. */
	bool known = json_text_at(application, "status.reconciledAt", NULL) &&
		(synced || text_equal(sync, "OutOfSync"));
	bool healthy = text_equal(json_text_at(application, "status.health.status", ""), "Healthy");
	char commits[COMMITS_SIZE];
	commits_read(json_at(application, "status.sync"), commits);
	bool there = !wait->revision || commits_have(commits, wait->revision);
	return !busy && (!wait->sync || synced) && (!wait->health || (known && healthy)) && there;
}

static void show_progress(const struct wait *wait, const json_t *application, bool done)
{
	char waited[16];
	if (!isatty(STDERR_FILENO))
		return;
	duration_text(clock_steady() - wait->started, waited);
	fputs("\r\033[K", stderr);
	if (!done)
		say(stderr, "%s: %s, %s (%s)", wait->name,
			json_text_at(application, "status.sync.status", "Unknown"),
			json_text_at(application, "status.health.status", "Unknown"), waited);
	fflush(stderr);
}

static int show_result(const struct command_context *context, const struct wait *wait,
	const json_t *application, bool reached)
{
	if (command_is_document(context)) {
		output_document(&context->output, application);
		return reached ? EXIT_YES : EXIT_NO;
	}
	const char *sync = json_text_at(application, "status.sync.status", "Unknown");
	const char *health = json_text_at(application, "status.health.status", "Unknown");
	FILE *out = reached ? stdout : stderr;
	fprintf(out, "%s", reached ? "" : "pgitops: still waiting for ");
	output_text(&context->output, out, wait->name, CELL_PLAIN);
	say(out, ": %s, %s, revision %s\n", sync, health,
		command_commit(context, command_commits(context, json_at(application, "status.sync"))));
	if (!reached)
		say(out, "`pgitops app get %s` says why.\n", wait->name);
	return reached ? EXIT_YES : EXIT_NO;
}

/* Without an agent nothing will change any more: better no answer than a long wait for it. */
static bool is_alone(const struct command_context *context, struct wait *wait)
{
	if (context->server || client_running(context))
		wait->heard = clock_steady();
	return clock_steady() - wait->heard >= SILENCE_MILLISECONDS;
}

static int wait_for(const struct command_context *context, struct wait *wait, int64_t milliseconds)
{
	const char *path = command_application_path(context, wait->name, "");
	for (int64_t pause = PAUSE_FIRST;; pause = pause * 2 < PAUSE_LAST ? pause * 2 : PAUSE_LAST) {
		CLEANUP(json_done) json_t *application = NULL;
		struct error err;
		/* An agent that starts has not read its Applications yet. */
		bool read = client_view(context, path, &application, &err);
		bool over = clock_steady() - wait->started >= milliseconds;
		bool reached = read && is_reached(wait, application);
		if (reached || (read && over)) {
			show_progress(wait, application, true);
			return show_result(context, wait, application, reached);
		}
		if (!read && (over || (err.kind != ERROR_MISSING && err.kind != ERROR_RETRY)))
			return command_failed(&err);
		if (is_alone(context, wait)) {
			error_set(&err, ERROR_RETRY,
				"no agent is running on %s, so %s will not change: start one with `pgitops "
				"agent --config FILE`",
				context->state, wait->name);
			return command_failed(&err);
		}
		show_progress(wait, application, false);
		clock_pause(pause);
	}
}

int command_app_wait(struct command_context *context, int argc, char **argv)
{
	struct wait wait = {.started = clock_steady(), .heard = clock_steady()};
	const char *timeout = NULL;
	int64_t milliseconds;
	const struct command_option options[] = {{"--sync", &wait.sync, NULL}, {"--health", &wait.health, NULL},
		{"--revision", NULL, &wait.revision}, {"--timeout", NULL, &timeout}};
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 1, 1) ||
		!command_timeout(context, timeout, &milliseconds))
		return EXIT_NO_ANSWER;
	wait.name = argv[0];
	if (!wait.sync && !wait.health)
		wait.sync = wait.health = true;
	return wait_for(context, &wait, milliseconds);
}
