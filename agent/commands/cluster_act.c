#include "agent/commands/cluster_act.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/say.h"
#include "base/text.h"

enum { STEP = 200, OPTIONS = 16 };

/* ---- the command line ---- */

static bool read_arguments(struct cluster_act *act, int *argc, char **argv, const struct command_option *own,
	size_t own_count, int most)
{
	const char *timeout = NULL;
	struct command_option options[OPTIONS] = {
		{"--yes", &act->yes, NULL},
		{"--timeout", NULL, &timeout},
		{"--namespace", NULL, &act->source.namespace},
		{"-n", NULL, &act->source.namespace},
		{"--kubeconfig", NULL, &act->source.kubeconfig},
		{"--context", NULL, &act->source.kube_context},
	};
	size_t count = 6;
	for (size_t i = 0; i < own_count && count < OPTIONS; i++)
		options[count++] = own[i];
	if (!command_arguments(act->context, argc, argv, options, count, 1, most) ||
		!command_timeout(act->context, timeout, &act->timeout))
		return false;
	act->name = argv[0];
	return cluster_arguments_good(act->context, &act->source, act->name);
}

bool cluster_act_begin(struct cluster_act *act, struct command_context *context, int *argc, char **argv,
	const struct command_option *own, size_t own_count, int most, int *code)
{
	struct error err;
	act->context = context;
	act->source.acting = true;
	act->result = json_object();
	*code = EXIT_NO_ANSWER;
	if (!read_arguments(act, argc, argv, own, own_count, most))
		return false;
	cluster_act_go(act);
	if (cluster_source_open(context, &act->source, &err))
		return true;
	command_failed(&err);
	return false;
}

void cluster_act_done(struct cluster_act *act)
{
	cluster_source_close(&act->source);
	json_decref(act->result);
}

/* ---- time, and what is said ---- */

void cluster_act_go(struct cluster_act *act)
{
	act->started = clock_steady();
}

int64_t cluster_act_passed(const struct cluster_act *act)
{
	return clock_steady() - act->started;
}

bool cluster_act_is_stopped(const struct cluster_act *act)
{
	sigset_t pending;
	return act->stoppable && sigpending(&pending) == 0 &&
		(sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
			sigismember(&pending, SIGHUP) == 1);
}

bool cluster_act_is_late(const struct cluster_act *act)
{
	return cluster_act_is_stopped(act) || cluster_act_passed(act) >= act->timeout;
}

void cluster_act_say(const struct cluster_act *act, const char *format, ...)
{
	char text[ERROR_TEXT_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "%6.1fs  ", (double)cluster_act_passed(act) / 1000);
	command_block(act->context, stderr, 0, text, CELL_PLAIN);
	fflush(stderr);
}

bool cluster_act_confirm(struct cluster_act *act, const char *question, int *code)
{
	char answer[16] = "";
	if (act->yes)
		return true;
	command_block(act->context, stderr, 0, question, CELL_PLAIN);
	if (!isatty(STDIN_FILENO)) {
		*code = cluster_act_end(act, "refused",
			"nothing was done: this is asked first, and there is no terminal to ask at; --yes says it beforehand");
		return false;
	}
	fputs("Go on? [y/N] ", stderr);
	fflush(stderr);
	if (!fgets(answer, sizeof(answer), stdin))
		answer[0] = '\0';
	answer[strcspn(answer, "\r\n")] = '\0';
	if (text_equal(answer, "y") || text_equal(answer, "Y") || text_equal(answer, "yes"))
		return true;
	*code = cluster_act_end(act, "refused", "nothing was done");
	return false;
}

int cluster_act_end(struct cluster_act *act, const char *outcome, const char *message)
{
	bool good = text_equal(outcome, "done") || text_equal(outcome, "nothing");
	json_object_set_new(act->result, "outcome", json_string(outcome));
	json_object_set_new(act->result, "message", json_string(message));
	if (command_is_document(act->context))
		output_document(&act->context->output, act->result);
	if (!good || !command_is_document(act->context))
		command_block(act->context, good ? stdout : stderr, 0, message, good ? CELL_GOOD : CELL_BAD);
	return good ? EXIT_YES : EXIT_NO;
}

/* ---- one look ---- */

bool cluster_look(const struct cluster_act *act, struct cluster_look *look, struct error *err)
{
	struct command_context own = *act->context;
	*look = (struct cluster_look){.mem = arena_new(LIMIT_PASS_MEMORY)};
	look->set.mem = own.mem = look->mem;
	if (cluster_read(&own, &act->source, act->name, &look->set, &look->note, err))
		look->cluster = cluster_pick(&look->set, act->name, err);
	if (!look->cluster)
		return false;
	const struct database_config *entry = cluster_entry(&act->source, look->cluster);
	const char *trouble = entry ? act->source.troubles[entry - act->source.config.databases] : NULL;
	if (!trouble)
		return true;
	look->cluster = NULL;
	return error_set(err, ERROR_INVALID, "%s", trouble);
}

void cluster_look_done(struct cluster_look *look)
{
	patroni_done(&look->set);
	arena_freep(&look->mem);
	*look = (struct cluster_look){0};
}

const char *cluster_look_trouble(const struct cluster_look *look)
{
	const struct patroni_member *leader = patroni_member(look->cluster, look->cluster->leader);
	if (look->cluster->bad)
		return look->cluster->problems[0].text;
	if (!leader || leader->contact != PATRONI_ANSWERED)
		return look->note ? look->note : "the leader was not asked: it says no address of its REST API";
	return NULL;
}

const char *cluster_look_going(const struct cluster_look *look, struct arena *mem)
{
	const struct patroni_cluster *cluster = look->cluster;
	return cluster->leaving
		? arena_printf(mem,
			  "postgresql %s/%s is being deleted, and the operator takes its servers away: there is nothing to do but to wait until it is gone",
			  cluster->namespace, cluster->name)
		: NULL;
}

/* ---- an order ---- */

void cluster_order_begin(struct cluster_act *act, const struct patroni_cluster *cluster, const char *member,
	const char *path, json_t *body, struct cluster_order *order)
{
	*order = (struct cluster_order){0};
	order->telling =
		patroni_tell(cluster, patroni_member(cluster, member), path, body, act->timeout + 1000);
	json_decref(body);
}

enum { HTTP_OK = 200, HTTP_ACCEPTED = 202, HTTP_UNAVAILABLE = 503 };

static void take_answer(struct cluster_act *act, struct cluster_order *order)
{
	struct error err;
	long status;
	const char *words;
	bool sent;
	if (patroni_telling_end(order->telling, act->context->mem, &status, &words, &sent, &err)) {
		order->answered = true;
		order->doubtful = status == HTTP_UNAVAILABLE;
		order->refused = !order->doubtful && status != HTTP_OK && status != HTTP_ACCEPTED;
		order->words = arena_printf(act->context->mem, "Patroni says: %s",
			*words ? words : arena_printf(act->context->mem, "HTTP %ld", status));
	} else {
		order->refused = !sent || err.kind == ERROR_DENIED;
		order->doubtful = !order->refused;
		order->words = arena_copy(act->context->mem, err.text);
	}
	cluster_order_done(order);
}

void cluster_order_step(struct cluster_act *act, struct cluster_order *order)
{
	if (!order->telling)
		clock_pause(STEP);
	else if (patroni_telling_step(order->telling, STEP))
		take_answer(act, order);
}

void cluster_order_done(struct cluster_order *order)
{
	patroni_telling_free(order->telling);
	order->telling = NULL;
}
