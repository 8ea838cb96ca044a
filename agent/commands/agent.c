/*
 * agent.c - `pgitops agent`: makes the parts, starts the threads, waits for signals, ends everything in reverse order
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/config/project_set.h"
#include "agent/loop/credentials.h"
#include "agent/agent.h"
#include "agent/loop/apps.h"
#include "agent/loop/repositories.h"
#include "agent/command.h"
#include "agent/commands/agent_clusters.h"
#include "agent/config/private_files.h"
#include "agent/events/kubernetes_events.h"
#include "agent/http/http.h"
#include "agent/http/webhook_secrets.h"
#include "agent/loop/credentials_match.h"
#include "agent/loop/inbox.h"
#include "agent/loop/join.h"
#include "agent/loop/leader.h"
#include "agent/loop/operations.h"
#include "agent/loop/reconciler.h"
#include "agent/queue.h"
#include "agent/sync/unseal.h"
#include "agent/users/users_in_force.h"
#include "base/budget.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/render/render.h"

enum {
	GRACE_SECONDS = 20, /* then the process ends, whatever still runs: everything is safe to cut off */
	THREADS_WAIT = 3000 /* milliseconds for what has begun; a database may be silent for much longer */
};

/* What is made at start and freed at the end. */
struct parts {
	struct agent agent;
	struct credentials *credentials;
	struct http *http;
	struct webhook_secrets webhook;
	struct agent_clusters clusters;
	struct leader *leader; /* NULL = there is no lease */
	bool good;             /* the reconciler's verdict */
	pthread_t reconciler;
};

struct options {
	bool once, standalone;
	const char *log_format, *log_level;
};

/* ---- options ---- */

static bool read_options(struct command_context *context, int argc, char **argv, struct options *options)
{
	enum { ONCE = 256, STANDALONE, FORMAT, LEVEL };
	static const struct option known[] = {
		{"once", no_argument, NULL, ONCE},
		{"standalone", no_argument, NULL, STANDALONE},
		{"log-format", required_argument, NULL, FORMAT},
		{"log-level", required_argument, NULL, LEVEL},
		{NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	opterr = 0;
	/* getopt skips the first element: argv[-1] is the command's own last word. */
	while ((option = getopt_long(argc + 1, argv - 1, "", known, NULL)) != -1) {
		if (option == ONCE)
			options->once = true;
		else if (option == STANDALONE)
			options->standalone = true;
		else if (option == FORMAT)
			options->log_format = optarg;
		else if (option == LEVEL)
			options->log_level = optarg;
		else
			return command_misused(context, "unknown option %s", argv[optind - 2]) == EXIT_YES;
	}
	if (optind - 1 != argc)
		return command_misused(context, "unexpected argument %s", argv[optind - 1]) == EXIT_YES;
	return true;
}

static bool set_up_log(const struct config *config, const struct options *options, struct error *err)
{
	static const char *const levels[] = {"debug", "info", "warning", "error"};
	const char *format = options->log_format ? options->log_format : config->log_format;
	const char *level = options->log_level ? options->log_level : config->log_level;
	enum log_level chosen = LOG_INFO;
	bool known = !level;

	for (size_t i = 0; level && i < COUNT_OF(levels); i++)
		if (strcmp(level, levels[i]) == 0) {
			chosen = (enum log_level)i;
			known = true;
		}
	if (!known)
		return error_set(
			err, ERROR_INVALID, "log level %s is none of debug, info, warning, error", level);
	bool json = text_equal(format, "json");
	if (format && !json && strcmp(format, "text") != 0 && strcmp(format, "logfmt") != 0)
		return error_set(err, ERROR_INVALID, "log format %s is neither text nor json", format);
	log_setup(chosen, json ? LOG_JSON : LOG_LOGFMT);
	return true;
}

/* ---- making and freeing ---- */

static void make_databases(struct agent *agent)
{
	const struct config *config = agent->config;
	agent->databases = memory_alloc((config->database_count + 1) * sizeof(*agent->databases));
	for (size_t i = 0; i < config->database_count; i++) {
		struct database *database = memory_alloc(sizeof(*database));
		database->config = &config->databases[i];
		database->no_deletions = agent->store_rebuilt;
		database->app = agent_app(agent, database->config->application);
		users_in_force_recall(agent, database);
		agent->databases[agent->database_count++] = database;
	}
}

static bool is_configured(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->database_count; i++)
		if (strcmp(config->databases[i].name, name) == 0)
			return true;
	return false;
}

/* What an earlier agent file named and this one does not. Its roles stay as they are. */
static bool forget_databases(struct agent *agent, struct error *err)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct store_database *items;
	size_t count;

	if (!store_database_list(agent->store, mem, &items, &count, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (is_configured(agent->config, items[i].name))
			continue;
		log_info("database is not configured any more; its roles stay", "database", items[i].name,
			NULL);
		if (!store_database_remove(agent->store, items[i].name, err))
			return false;
	}
	return true;
}

static void free_wishes(struct users_wish *wish)
{
	while (wish) {
		struct users_wish *next = wish->next;
		users_wish_free(wish);
		wish = next;
	}
}

static void free_databases(struct agent *agent)
{
	for (size_t i = 0; i < agent->database_count; i++) {
		struct database *database = agent->databases[i];
		free_wishes(database->wishes);
		free_wishes(database->planned);
		kube_close(database->kube);
		content_release(database->content);
		free(database->namespace);
		users_memory_done(&database->memory);
		password_looks_done(&database->looks);
		free(database->not_kept);
		free(database->reason);
		free(database);
	}
	free(agent->databases);
}

static bool open_store(struct agent *agent, struct error *err)
{
	struct store_opening how = {0};
	if (!store_open(agent->config->state, &agent->store, &how, err))
		return false;
	if (how.rebuilt)
		log_warning("the store was corrupt and is rebuilt; nothing is pruned in the first pass",
			"moved_to", how.aside, NULL);
	agent->store_rebuilt = how.rebuilt || how.created;
	char now[CLOCK_TEXT_SIZE];
	clock_text_seconds(clock_now(), now);
	if (!store_fact_set(agent->store, "agent.version", PGITOPS_VERSION, err) ||
		!store_fact_set(agent->store, "agent.started", now, err) ||
		!store_fact_set(agent->store, "cluster", agent->cluster_on ? "waiting" : "off", err))
		return false;
	operations_sweep(agent);
	if (!manager_read(agent->config->state, agent->config->manager, &agent->manager, err))
		return false;
	if (!forget_databases(agent, err))
		return false;
	CLEANUP(memory_freep) char *repositories = memory_printf("%s/repositories", agent->config->state);
	return source_sweep(repositories, err);
}

static bool read_webhook_secrets(const struct config *config, struct webhook_secrets *secrets, struct error *err)
{
	secrets->fit = credentials_fit;
	if (config->webhook_secret_file &&
		!secret_read_private(&secrets->common, config->webhook_secret_file, true, err))
		return false;
	secrets->items = memory_resize(NULL, (config->webhook_count + 1) * sizeof(*secrets->items));
	for (; secrets->count < config->webhook_count; secrets->count++) {
		const struct webhook_config *from = &config->webhooks[secrets->count];
		struct webhook_secret *to = &secrets->items[secrets->count];
		*to = (struct webhook_secret){.url = from->url};
		if (!secret_read_private(&to->secret, from->secret_file, true, err))
			return false;
		if (!to->secret.length)
			return error_set(err, ERROR_INVALID, "%s:%d: the secret file %s is empty",
				config->file, from->line, from->secret_file);
	}
	return true;
}

static bool start_http(struct parts *parts, struct error *err)
{
	struct agent *agent = &parts->agent;
	const struct config *config = agent->config;
	CLEANUP(memory_freep) char *socket = memory_printf("%s/agent.sock", config->state);
	const struct http_agent calls = operations_http(agent);
	const struct http_options options = {
		.listen = agent->once ? NULL : config->listen,
		.socket = socket,
		.state = config->state,
		.token_file = config->token_file,
		.webhook = &parts->webhook,
		.clusters = agent_clusters_open(&parts->clusters, config),
	};

	if (!read_webhook_secrets(config, &parts->webhook, err))
		return false;
	return http_start(&options, &calls, &parts->http, err);
}

/* Once: what Applications are rendered with does not change under a running agent's feet. */
static void find_programs(struct agent *agent, struct arena *mem)
{
	for (enum render_tool tool = RENDER_KUSTOMIZE; tool < RENDER_TOOLS; tool++) {
		const char *configured = agent->config->tools[tool];
		agent->programs[tool] = render_find(tool, configured, mem);
		if (agent->programs[tool])
			log_info("program", "name", render_tool_name(tool), "path", agent->programs[tool],
				NULL);
		else if (configured)
			log_warning("the agent file names a program that is not there", "name",
				render_tool_name(tool), "path", configured, NULL);
	}
}

static bool make_parts(struct parts *parts, struct error *err)
{
	struct agent *agent = &parts->agent;

	pthread_mutex_init(&agent->lock, NULL);
	memcpy(agent->not_ready, "starting", sizeof("starting"));
	agent->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	agent->queue = queue_new();
	agent->inbox = inbox_new();
	agent->secrets = secrets_new(agent->config->secrets);
	agent->projects = project_set_new();
	agent->project_inbox = inbox_new();
	agent->events = kubernetes_events_new();
	parts->credentials = credentials_new(agent->config);
	atomic_store(&agent->heartbeat, clock_steady());
	agent->cluster_on = join_is_wanted(agent->config);
	if (agent->cluster_on)
		secrets_expect_cluster(agent->secrets);
	if (agent->config->lease.used && !agent->cluster_on)
		return error_set(err, ERROR_INVALID,
			"%s: `lease` is an object of the cluster, and there is no Kubernetes: name a kubeconfig",
			agent->config->file);
	if (!open_store(agent, err))
		return false;
	parts->leader = leader_new(agent);
	return start_http(parts, err);
}

/* What an agent at work has: what is known of a task is read when the task is ours. */
static bool take_up(struct agent *agent, struct error *err)
{
	if (agent->config->applications && !apps_load_folder(agent, err))
		return false;
	if (!agent->config->applications && !agent->cluster_on)
		return error_set(err, ERROR_INVALID,
			"%s: `applications` must name a folder where there is no Kubernetes",
			agent->config->file);
	if (agent->config->applications)
		apps_forget_others(agent);
	make_databases(agent);
	return true;
}

static void free_parts(struct parts *parts)
{
	struct agent *agent = &parts->agent;
	http_stop(parts->http);
	cluster_close(agent->cluster);
	free(agent->ears);
	free_databases(agent);
	apps_free(agent);
	unseal_forget(agent);
	kube_config_done(&agent->kube);
	credentials_free(parts->credentials);
	secrets_free(agent->secrets);
	project_set_free(agent->projects);
	inbox_free(agent->project_inbox);
	kubernetes_events_free(agent->events);
	webhook_secrets_done(&parts->webhook);
	agent_clusters_close(&parts->clusters);
	leader_free(parts->leader);
	store_close(agent->store);
	queue_free(agent->queue);
	inbox_free(agent->inbox);
	if (agent->stop > 0)
		close(agent->stop);
	pthread_mutex_destroy(&agent->lock);
}

/* ---- running ---- */

static void *run_reconciler(void *context)
{
	struct parts *parts = context;
	parts->good = reconciler_run(&parts->agent, parts->credentials);
	/* Wakes main, which waits for a signal. */
	kill(getpid(), SIGUSR1);
	return NULL;
}

static void stop(struct parts *parts)
{
	uint64_t one = 1;
	if (write(parts->agent.stop, &one, sizeof(one)) < 0)
		log_warning("the stop signal could not be raised", "error", strerror(errno), NULL);
	pthread_mutex_lock(&parts->agent.lock);
	parts->agent.stopping = true;
	if (parts->agent.cluster)
		cluster_stop(parts->agent.cluster);
	pthread_mutex_unlock(&parts->agent.lock);
	queue_push(parts->agent.queue, EVENT_STOP, "");
	alarm(GRACE_SECONDS); /* SIGALRM is not blocked: its default ends the process */
}

/* Until the reconciler has ended. SIGTERM and SIGINT end the agent, SIGHUP reloads. */
static void wait_for_end(struct parts *parts, const sigset_t *signals)
{
	int number = 0;
	while (sigwait(signals, &number) == 0) {
		if (number == SIGUSR1)
			break;
		if (number == SIGHUP) {
			queue_push(parts->agent.queue, EVENT_RELOAD, "");
			continue;
		}
		log_info("stopping", "signal", number == SIGTERM ? "SIGTERM" : "SIGINT", NULL);
		stop(parts);
	}
	stop(parts);
	pthread_join(parts->reconciler, NULL);
}

/* The threads of fetches and users passes hold pointers into the parts: they have ended before anything is freed. */
static bool wait_for_threads(struct parts *parts)
{
	struct agent *agent = &parts->agent;
	int64_t limit = clock_steady() + THREADS_WAIT;
	while (clock_steady() < limit) {
		repositories_collect(agent);
		users_pass_collect(agent);
		bool running = agent->fetching > 0;
		for (size_t i = 0; i < agent->database_count; i++)
			running = running || agent->databases[i]->running;
		if (!running)
			return true;
		struct event event = queue_take(agent->queue, limit);
		free(event.key);
	}
	return false;
}

/* A thread still waits for a server that does not answer, with the parts in its hands: the process ends around it. What it had
   begun is in the store as intended, and the next start looks at what became of it. */
_Noreturn static void cut_off(struct parts *parts, int code)
{
	http_stop(parts->http);
	log_info("stopped", "cut_off", "a pass that waits for its database", NULL);
	_exit(code);
}

static int exit_code(const struct parts *parts)
{
	if (parts->agent.lost || leader_lost(parts->leader))
		return EXIT_NO_ANSWER;
	return parts->good || !parts->agent.once ? EXIT_YES : EXIT_NO;
}

/* `code` is set when true: it ran, and ended. */
static bool work(struct parts *parts, const sigset_t *signals, int *code, struct error *err)
{
	if (!take_up(&parts->agent, err) || !leader_start(parts->leader, err))
		return false;
	if (pthread_create(&parts->reconciler, NULL, run_reconciler, parts) != 0)
		return error_set(err, ERROR_RETRY, "cannot start the reconciler thread");
	wait_for_end(parts, signals);
	bool ended = wait_for_threads(parts);
	leader_stop(parts->leader, ended);
	*code = exit_code(parts);
	if (!ended)
		cut_off(parts, *code);
	return true;
}

static bool start(struct parts *parts, const sigset_t *signals, int *code, struct error *err)
{
	*code = EXIT_YES;
	if (!make_parts(parts, err))
		return false;
	log_info("pgitops agent", "version", PGITOPS_VERSION, "state", parts->agent.config->state, "listen",
		http_address(parts->http), "kubernetes", parts->agent.cluster_on ? "on" : "off", NULL);
	if (leader_wait(parts->leader, signals, err))
		return work(parts, signals, code, err);
	return err->kind == ERROR_NONE;
}

static int run_agent(struct parts *parts)
{
	sigset_t signals;
	struct error err;
	int code;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &signals, NULL); /* inherited by every thread: only main takes them */
	budget_read();
	bool ok = start(parts, &signals, &code, &err);
	leader_stop(parts->leader, true);
	free_parts(parts);
	if (!ok)
		return command_failed(&err);
	log_info("stopped", NULL);
	return code;
}

int command_agent(struct command_context *context, int argc, char **argv)
{
	struct options options = {0};
	struct config config;
	struct parts parts = {0};
	struct mistakes mistakes = {.mem = context->mem};
	struct error err;

	if (!read_options(context, argc, argv, &options))
		return EXIT_NO_ANSWER;
	if (!context->config_file)
		return command_misused(context, "no agent file: give --config FILE");
	if (!config_read(context->config_file, context->mem, &config, &mistakes, &err)) {
		for (size_t i = 1; i < mistakes.count; i++)
			fprintf(stderr, "pgitops: %s\n", mistake_text(&mistakes.items[i], context->mem));
		return command_failed(&err);
	}
	if (!set_up_log(&config, &options, &err))
		return command_failed(&err);
	if (options.standalone)
		config.kubernetes_off = true;
	if (context->state)
		config.state = context->state;
	if (!private_files(&config, &err))
		return command_failed(&err);
	parts.agent.config = &config;
	parts.agent.once = options.once;
	find_programs(&parts.agent, context->mem);
	return run_agent(&parts);
}
