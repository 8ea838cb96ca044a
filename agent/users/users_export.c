#include "agent/users/users_export.h"

#include <stdlib.h>

#include "agent/users/users_ownership.h"
#include "base/memory.h"
#include "reconcile/roles/export.h"

static json_t *left_out_of(const struct roles_export *found)
{
	json_t *list = json_array();
	for (size_t i = 0; i < found->left_out_count; i++)
		json_array_append_new(list,
			json_pack("{s:o, s:o}", "name", json_text(found->left_out[i].name), "reason",
				json_text(found->left_out[i].reason)));
	return list;
}

bool users_export(struct users_pass *pass, struct session *session)
{
	const struct database_config *config = pass->database->config;
	struct roles_plan_input input = {.policy = &config->policy, .target = config->name, .commit = ""};
	struct roles_export found;
	users_ownership_input(pass, &input);
	if (!roles_export(session, &input, pass->mem, &found, &pass->error))
		return false;
	pass->reached = pass->ok = true;
	CLEANUP(json_done)
	json_t *result = json_pack("{s:[{s:s, s:I, s:I, s:o, s:o}]}", "items", "database", config->name,
		"users", (json_int_t)found.user_count, "groups", (json_int_t)found.group_count, "leftOut",
		left_out_of(&found), "text", json_text(found.text));
	CLEANUP(memory_freep) char *text = json_canonical(result);
	agent_answer(pass->agent, pass->wish->operation, "Succeeded",
		arena_printf(pass->mem, "%zu users and %zu groups; %zu notes on what is left out",
			found.user_count, found.group_count, found.left_out_count),
		text);
	return true;
}
