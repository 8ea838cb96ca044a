/*
 * grants_driver.c - one pass over privileges for tests: a request as JSON on stdin, the plan and its outcome as JSON on stdout
 *
 *   {"connection", "password", "mode": "plan" | "apply", "roles": [NAME], "users": [NAME],
 *    "grants": [{"database", "role", "on", "default", "schema", "name", "arguments", "column", "privilege"}]}
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "reconcile/grants/grants.h"

static const char **strings(const json_t *list, struct arena *mem, size_t *count)
{
	const char **items = arena_array(mem, json_array_size(list) + 1, sizeof(*items));
	*count = json_array_size(list);
	for (size_t i = 0; i < *count; i++)
		items[i] = json_string_value(json_array_get(list, i));
	return items;
}

static struct grant read_grant(const json_t *json)
{
	struct grant grant = {
		.database = json_text_at(json, "database", ""),
		.role = json_text_at(json, "role", ""),
		.schema = json_text_at(json, "schema", ""),
		.name = json_text_at(json, "name", ""),
		.grantor = "",
	};
	const char *on = json_text_at(json, "on", "");
	bool known = json_bool_at(json, "default", false) ? grant_default_of(on, &grant.on)
							  : grant_on_of(on, &grant.on);
	grant.column = json_text_at(json, "column", grant.on == GRANT_ON_FUNCTION ? NULL : "");
	grant.privilege = known ? grant_privilege(grant.on, json_text_at(json, "privilege", "")) : NULL;
	if (!grant.privilege) {
		fprintf(stderr, "bad grant on %s\n", on);
		exit(2);
	}
	return grant;
}

static json_t *show(const struct grants_plan *plan)
{
	json_t *steps = json_array(), *differences = json_array();
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct grants_step *step = &plan->steps[i];
		json_array_append_new(steps,
			json_pack("{ss ss ss sb ss}", "role", step->role, "database", step->database, "sql",
				step->sql, "done", step->done, "error", step->error.text));
	}
	for (size_t i = 0; i < plan->difference_count; i++) {
		const struct grants_difference *one = &plan->differences[i];
		json_array_append_new(
			differences, json_pack("[ssss]", one->role, one->field, one->wanted, one->found));
	}
	return json_pack("{so so}", "steps", steps, "differences", differences);
}

static json_t *pass(const json_t *request, struct session *session, struct arena *mem, struct error *err)
{
	const json_t *list = json_object_get(request, "grants");
	struct grants_wanted wanted = {.grants.count = json_array_size(list)};
	struct grants_present *present;
	struct grants_plan plan = {0};
	wanted.roles = strings(json_object_get(request, "roles"), mem, &wanted.role_count);
	wanted.users = strings(json_object_get(request, "users"), mem, &wanted.user_count);
	wanted.grants.items = arena_array(mem, wanted.grants.count + 1, sizeof(*wanted.grants.items));
	for (size_t i = 0; i < wanted.grants.count; i++)
		wanted.grants.items[i] = read_grant(json_array_get(list, i));
	if (!grants_observe(session, &wanted, mem, &present, err))
		return json_object();
	uint64_t asked = session_statements(session);
	grants_plan(present, &wanted, mem, &plan);
	bool whole = strcmp(json_text_at(request, "mode", "apply"), "apply") != 0 ||
		grants_apply(session, &plan, mem, err);
	json_t *answer = show(&plan);
	json_object_set_new(answer, "whole", json_boolean(whole));
	json_object_set_new(answer, "asked", json_integer((json_int_t)asked));
	json_object_set_new(answer, "writes", json_integer((json_int_t)session_writes(session)));
	return answer;
}

int main(void)
{
	struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct error err = {0};
	json_error_t problem;
	json_t *request = json_loadf(stdin, 0, &problem), *answer = NULL;
	if (!request) {
		fprintf(stderr, "bad request: %s\n", problem.text);
		return 2;
	}
	struct session *session = NULL;
	struct session_target target = {
		.name = "main",
		.connection = json_text_at(request, "connection", ""),
		.deadline = 20000,
	};
	const char *password = json_text_at(request, "password", "");
	secret_set(&target.password, password, strlen(password));
	if (session_connect(&target, &session, &err))
		answer = pass(request, session, mem, &err);
	else
		answer = json_object();
	session_close(session);
	secret_done(&target.password);
	json_object_set_new(answer, "error", json_string(err.text));
	json_dumpf(answer, stdout, JSON_INDENT(1));
	json_decref(answer);
	json_decref(request);
	arena_free(mem);
	return 0;
}
