/* cluster_drill_clean.c - `pgitops cluster failover-drill NAME --clean`: what a killed drill left is taken away without another one */
#include "agent/commands/cluster_drill.h"
#include "base/text.h"

/* Why the primary cannot be asked; NULL = drilling->target is its. */
static const char *find(struct drilling *drilling)
{
	struct cluster_act *act = drilling->act;
	struct arena *mem = act->context->mem;
	struct cluster_look look = {0};
	struct error err;
	const char *why = NULL;
	if (!cluster_look(act, &look, &err)) {
		drilling->chosen.no_answer = true;
		why = arena_copy(mem, err.text);
	} else {
		const struct database_config *entry = cluster_entry(&act->source, look.cluster);
		const char *trouble = cluster_look_trouble(&look);
		if (trouble)
			why = arena_copy(mem, trouble);
		else if (!entry)
			why = "a way in is needed, and no `databases` entry of an agent file is this cluster's";
		else if (!cluster_target(act->context, &act->source, entry, &drilling->target, &err))
			why = arena_copy(mem, err.text);
	}
	cluster_look_done(&look);
	return why;
}

int cluster_drill_clean(struct drilling *drilling)
{
	struct cluster_act *act = drilling->act;
	struct arena *mem = act->context->mem;
	struct error err;
	bool found = false;
	json_set_text(act->result, "cluster", act->name);
	const char *why = find(drilling);
	if (!why && !drill_clear(&drilling->target, &found, &err)) {
		drilling->chosen.no_answer = err.kind != ERROR_CONFLICT;
		why = arena_copy(mem, err.text);
	}
	if (why) {
		int code = cluster_act_end(
			act, "refused", arena_printf(mem, "%s: nothing was dropped: %s", act->name, why));
		return drilling->chosen.no_answer ? EXIT_NO_ANSWER : code;
	}
	return found ? cluster_act_end(act, "done",
			       arena_printf(mem,
				       "%s: the database " DRILL_DATABASE ", which a drill left, is dropped",
				       act->name))
		     : cluster_act_end(act, "nothing",
			       arena_printf(mem, "%s: no drill has left a database", act->name));
}
