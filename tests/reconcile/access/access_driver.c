/*
 * access_driver.c - questions about who may do what, for tests: a request as JSON on stdin, the answers as JSON on stdout
 *
 *   {"connection", "password", "users": TEXT of users.yaml or null,
 *    "questions": [{"role", "database", "table", "groups"}]}
 *
 * Each answer is {"items", "notes", "error", "statements"}.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "reconcile/access/access.h"

static const char *const origins[] = {"hand", "git", "default"};

static json_t *show_item(const struct access_item *item)
{
	json_t *via = json_array();
	for (size_t i = 0; i < item->via_count; i++)
		json_array_append_new(via, json_string(item->via[i]));
	return json_pack("{ss ss ss ss ss so so so so so so ss si so sI sI}", "user", item->user, "database",
		item->database, "kind", access_kind(item), "object", item->object, "privilege",
		item->privilege, "via", via, "setRole", json_string(item->set_role), "needs",
		json_string(item->needs), "means", json_string(item->means), "grantable",
		json_boolean(item->grantable), "limited", json_boolean(item->limited), "origin",
		origins[item->origin], "line", item->line, "hand", json_string(item->hand), "standsFor",
		(json_int_t)item->stands_for, "more", (json_int_t)item->more);
}

static json_t *ask(struct session *session, const json_t *request, const struct users *users, struct arena *mem)
{
	struct access_question question = {
		.role = json_text_at(request, "role", NULL),
		.database = json_text_at(request, "database", NULL),
		.groups = json_bool_at(request, "groups", false),
	};
	const char *table = json_text_at(request, "table", NULL);
	struct access_answer answer = {0};
	struct error err = {0};
	json_t *items = json_array(), *notes = json_array();
	uint64_t before = session_statements(session);
	if (table && !access_table(table, mem, &question))
		error_set(&err, ERROR_INVALID, "%s is no table", table);
	else if (access_ask(session, &question, users, mem, &answer, &err))
		for (size_t i = 0; i < answer.count; i++)
			json_array_append_new(items, show_item(&answer.items[i]));
	for (size_t i = 0; i < answer.note_count; i++)
		json_array_append_new(notes, json_string(answer.notes[i]));
	return json_pack("{so so ss sI}", "items", items, "notes", notes, "error", err.text, "statements",
		(json_int_t)(session_statements(session) - before));
}

static bool read_users(const json_t *request, struct arena *mem, struct users *users)
{
	static const struct roles_policy policy;
	struct mistakes mistakes = {.mem = mem};
	const char *text = json_text_at(request, "users", NULL);
	if (!text)
		return false;
	users_read(&(struct users_place){"users.yaml", 1, 0}, text, strlen(text), "postgres", &policy, mem,
		users, &mistakes);
	for (size_t i = 0; i < mistakes.count; i++)
		fprintf(stderr, "line %d: %s\n", mistakes.items[i].line, mistakes.items[i].text);
	return true;
}

int main(void)
{
	CLEANUP(arena_freep) struct arena *mem = arena_new(LIMIT_PASS_MEMORY);
	struct error err = {0};
	json_error_t problem;
	json_t *request = json_loadf(stdin, 0, &problem), *answers = json_array();
	struct users users;
	struct session *session = NULL;
	size_t i;
	const json_t *question;
	if (!request) {
		fprintf(stderr, "bad request: %s\n", problem.text);
		return 2;
	}
	struct session_target target = {
		.name = "main",
		.connection = json_text_at(request, "connection", ""),
		.deadline = 20000,
	};
	const char *password = json_text_at(request, "password", "");
	bool listed = read_users(request, mem, &users);
	secret_set(&target.password, password, strlen(password));
	if (session_connect(&target, &session, &err))
		json_array_foreach (json_object_get(request, "questions"), i, question)
			json_array_append_new(answers, ask(session, question, listed ? &users : NULL, mem));
	else
		fprintf(stderr, "%s\n", err.text);
	session_close(session);
	secret_done(&target.password);
	json_dumpf(answers, stdout, 0);
	json_decref(answers);
	json_decref(request);
	return 0;
}
