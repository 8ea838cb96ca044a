/* cluster_drill_report.c - what a drill measured, as a table, JSON, and Markdown */
#include "agent/commands/cluster_drill.h"
#include "base/clock.h"
#include "base/text.h"

enum { LOST_SHOWN = 20 };

static const struct {
	const char *title, *word;
} ways[] = {
	[DRILL_SWITCHOVER] = {"a switchover", "switchover"},
	[DRILL_KILL] = {"the leader's Pod was deleted, without grace", "kill"},
	[DRILL_AWAIT] = {"the leader was ended by somebody else", "wait"},
};

/* ---- the report ---- */

static const char *seconds(const struct drilling *drilling, int64_t milliseconds)
{
	return milliseconds < 0
		? "not in time"
		: arena_printf(drilling->act->context->mem, "%.2fs", (double)milliseconds / 1000);
}

struct line {
	const char *what, *value;
	enum cell_style style;
};

static void show(const struct drilling *drilling, const struct line *lines, size_t count)
{
	static const char *const headers[] = {"DRILL", "MEASURED"};
	const struct command_context *context = drilling->act->context;
	if (context->output.format == OUTPUT_MARKDOWN) {
		puts("| drill | measured |\n|---|---|");
		for (size_t i = 0; i < count; i++)
			command_block(context, stdout, 0,
				arena_printf(context->mem, "| %s | %s |", lines[i].what, lines[i].value),
				CELL_PLAIN);
		return;
	}
	struct table *table = table_new(&context->output, headers, COUNT_OF(headers));
	for (size_t i = 0; i < count; i++) {
		table_cell(table, lines[i].what, CELL_PLAIN);
		table_cell(table, lines[i].value, lines[i].style);
	}
	table_print(table);
	table_free(table);
}

static void show_lost(const struct drilling *drilling)
{
	const struct drill_figures *figures = &drilling->figures;
	for (size_t i = 0; i < figures->lost_count && i < LOST_SHOWN; i++) {
		char time[CLOCK_TEXT_SIZE];
		clock_text(figures->lost[i].time, time);
		command_block(drilling->act->context, stdout, 0,
			arena_printf(drilling->act->context->mem,
				"lost: writer %zu, number %zu, acknowledged by %s at %s",
				figures->lost[i].writer, figures->lost[i].number, figures->lost[i].server, time),
			CELL_BAD);
	}
	if (figures->lost_count > LOST_SHOWN)
		printf("and %zu more; -o json has all of them\n", figures->lost_count - LOST_SHOWN);
}

static void show_figures(const struct drilling *drilling)
{
	struct arena *mem = drilling->act->context->mem;
	const struct drill_figures *figures = &drilling->figures;
	const struct patroni_settings *settings = &drilling->settings;
	const struct line lines[] = {
		{"what was done", ways[drilling->way].title, CELL_PLAIN},
		{"longest time without a write",
			arena_printf(mem, "%s; %s by the servers' clocks",
				seconds(drilling, figures->without_writes / 1000),
				seconds(drilling, figures->servers_without_writes / 1000)),
			CELL_PLAIN},
		{"longest time without a read",
			arena_printf(mem, "%s, of %zu reads, each of any member that answers",
				seconds(drilling, figures->without_reads / 1000), figures->reads),
			CELL_PLAIN},
		{"acknowledged writes", arena_printf(mem, "%zu", figures->acknowledged), CELL_PLAIN},
		{"acknowledged and lost", arena_printf(mem, "%zu", figures->lost_count),
			figures->lost_count ? CELL_BAD : CELL_GOOD},
		{"outcome not told",
			arena_printf(
				mem, "%zu, of which %zu are there", figures->unknown, figures->unknown_there),
			CELL_PLAIN},
		{"refused",
			arena_printf(mem, "%zu, of which %zu by a server that takes no writes any more",
				figures->refused, figures->readonly),
			CELL_PLAIN},
		{"two members took writes",
			figures->two_primaries ? seconds(drilling, figures->two_primaries / 1000) : "never",
			figures->two_primaries ? CELL_BAD : CELL_GOOD},
		{"new leader takes writes after", seconds(drilling, drilling->chosen.writes), CELL_PLAIN},
		{"old leader streams after", seconds(drilling, drilling->chosen.streaming), CELL_PLAIN},
		{"clients left with the old leader",
			drilling->clients_known ? arena_printf(mem, "%zu", drilling->clients) : "not known",
			drilling->clients ? CELL_BAD : CELL_PLAIN},
		{"users as Git says after", drilling->users ? drilling->users : "not known",
			drilling->users && drilling->users_after < 0 ? CELL_BAD : CELL_PLAIN},
		{"synchronous_mode",
			drilling->synchronous == PATRONI_QUORUM                ? "quorum"
				: drilling->synchronous == PATRONI_SYNCHRONOUS ? "on"
									       : "off",
			CELL_PLAIN},
		{"a leader that dies is replaced after",
			!drilling->settings_known
				? "not known: nobody said the cluster's configuration"
				: arena_printf(mem,
					  "ttl %llds, and loop_wait %llds at most (retry_timeout %llds)",
					  (long long)settings->ttl, (long long)settings->loop_wait,
					  (long long)settings->retry_timeout),
			CELL_DIM},
	};
	show(drilling, lines, COUNT_OF(lines));
	show_lost(drilling);
}

static json_t *lost_document(const struct drill_figures *figures)
{
	json_t *lost = json_array();
	for (size_t i = 0; i < figures->lost_count; i++) {
		char time[CLOCK_TEXT_SIZE];
		clock_text(figures->lost[i].time, time);
		json_array_append_new(lost,
			json_pack("{s:I,s:I,s:s,s:s}", "writer", (json_int_t)figures->lost[i].writer,
				"number", (json_int_t)figures->lost[i].number, "server",
				figures->lost[i].server, "time", time));
	}
	return lost;
}

static void fill_result(const struct drilling *drilling)
{
	const struct drill_figures *figures = &drilling->figures;
	json_t *out = drilling->act->result;
	json_t *times = cluster_switch_document(drilling->act, &drilling->chosen);
	if (drilling->measured) {
		cluster_set_seconds(times, "withoutWrites", figures->without_writes / 1000);
		cluster_set_seconds(times, "withoutWritesByServers", figures->servers_without_writes / 1000);
		cluster_set_seconds(times, "withoutReads", figures->without_reads / 1000);
		cluster_set_seconds(times, "twoPrimaries", figures->two_primaries / 1000);
		json_object_set_new(out, "writes",
			json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "acknowledged",
				(json_int_t)figures->acknowledged, "lost", (json_int_t)figures->lost_count,
				"refused", (json_int_t)figures->refused, "readOnly",
				(json_int_t)figures->readonly, "unknown", (json_int_t)figures->unknown,
				"unknownThere", (json_int_t)figures->unknown_there));
		json_object_set_new(out, "reads", json_integer((json_int_t)figures->reads));
		json_object_set_new(out, "lost", lost_document(figures));
	}
	cluster_set_seconds(times, "users", drilling->users_after);
	json_set_text(out, "users", drilling->users);
	json_object_set_new(out, "killed", json_boolean(drilling->way == DRILL_KILL));
	json_set_text(out, "way", ways[drilling->way].word);
	if (drilling->clients_known)
		json_object_set_new(out, "clientsLeft", json_integer((json_int_t)drilling->clients));
	if (drilling->settings_known)
		json_object_set_new(out, "settings",
			json_pack("{s:I,s:I,s:I,s:b}", "ttl", (json_int_t)drilling->settings.ttl, "loopWait",
				(json_int_t)drilling->settings.loop_wait, "retryTimeout",
				(json_int_t)drilling->settings.retry_timeout, "synchronousMode",
				drilling->synchronous != PATRONI_ASYNCHRONOUS));
}

int cluster_drill_report(struct drilling *drilling)
{
	struct cluster_act *act = drilling->act;
	struct arena *mem = act->context->mem;
	const char *left = !drilling->left
		? ""
		: arena_printf(mem,
			  "; its database " DRILL_DATABASE
			  " is still there (%s): the next drill drops it, or `pgitops cluster failover-drill %s --clean`",
			  drilling->left, act->name);
	fill_result(drilling);
	if (drilling->measured && !command_is_document(act->context))
		show_figures(drilling);
	if (drilling->trouble)
		return cluster_act_end(act, "failed",
			arena_printf(
				mem, "%s: the drill is not whole: %s%s", act->name, drilling->trouble, left));
	if (drilling->figures.lost_count)
		return cluster_act_end(act, "lost",
			arena_printf(mem, "%s: %zu acknowledged writes are lost%s", act->name,
				drilling->figures.lost_count, left));
	if (drilling->left)
		return cluster_act_end(act, "failed", arena_printf(mem, "%s: done%s", act->name, left));
	if (text_equal(drilling->chosen.leader, drilling->chosen.from))
		return cluster_act_end(act, "done",
			arena_printf(mem,
				"%s: %s came back before its ttl had run out and leads as before, and no acknowledged write is lost",
				act->name, drilling->chosen.from));
	return cluster_act_end(act, "done",
		arena_printf(mem, "%s: %s is the leader instead of %s, and no acknowledged write is lost",
			act->name, drilling->chosen.leader, drilling->chosen.from));
}
