#include "agent/users/users_access.h"

#include "agent/users/users_source.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/access/access.h"

static const char *const origins[] = {
	[ACCESS_BY_HAND] = "hand", [ACCESS_BY_GIT] = "git", [ACCESS_BY_DEFAULT] = "default"};

/* Whose list it is. */
struct source {
	const char *commit, *file; /* "" = none */
};

static bool read_question(const struct users_pass *pass, struct access_question *question, struct error *err)
{
	const json_t *asked = pass->wish->access;
	const char *table = json_text_at(asked, "table", NULL);
	*question = (struct access_question){
		.role = json_text_at(asked, "user", NULL),
		.database = json_text_at(asked, "database", NULL),
		.groups = json_bool_at(asked, "groups", false),
	};
	return !table || access_table(table, pass->mem, question) ||
		error_set(err, ERROR_MISSING,
			"a table is named with its schema, public.orders; a name with a dot in it stands in double "
			"quotes");
}

static void add_rest(json_t *document, const struct access_item *item)
{
	json_set_text(document, "setRole", item->set_role);
	json_set_text(document, "needs", item->needs);
	json_set_text(document, "means", item->means);
	json_set_text(document, "hand", item->hand);
	if (item->limited)
		json_object_set_new(document, "rowSecurity", json_true());
	if (item->stands_for)
		json_object_set_new(document, "standsFor", json_integer((json_int_t)item->stands_for));
	if (item->more)
		json_object_set_new(document, "more", json_integer((json_int_t)item->more));
}

static json_t *item_document(const struct access_item *item, const struct source *source)
{
	json_t *via = json_array();
	bool git = item->origin == ACCESS_BY_GIT;
	for (size_t i = 0; i < item->via_count; i++)
		json_array_append_new(via, json_string(item->via[i]));
	json_t *document = json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:s, s:b, s:s, s:s, s:i}", "user",
		item->user, "database", item->database, "kind", access_kind(item), "object", item->object,
		"privilege", item->privilege, "via", via, "grantable", item->grantable, "origin",
		origins[item->origin], "byHand", item->origin == ACCESS_BY_HAND, "commit",
		git ? source->commit : "", "file", git ? source->file : "", "line", item->line);
	add_rest(document, item);
	return document;
}

static json_t *answer_document(
	const struct users_pass *pass, const struct access_answer *answer, const struct source *source)
{
	json_t *items = json_array(), *notes = json_array();
	for (size_t i = 0; i < answer->count && i < LIMIT_ACCESS_ROWS; i++)
		json_array_append_new(items, item_document(&answer->items[i], source));
	for (size_t i = 0; i < answer->note_count; i++)
		json_array_append_new(notes, json_string(answer->notes[i]));
	if (!pass->content)
		json_array_append_new(notes,
			json_string("no users.yaml is in force here: everything counts as given by hand"));
	return json_pack("{s:s, s:s, s:s, s:o, s:i, s:I, s:o, s:o}", "entry", pass->database->config->name,
		"commit", source->commit, "file", source->file, "pending", json_text(pass->pending), "server",
		answer->version, "count", (json_int_t)answer->count, "items", items, "notes", notes);
}

bool users_access_answer(struct users_pass *pass, struct session *session, char **answer, struct error *err)
{
	const struct database_config *config = pass->database->config;
	const struct users *wanted = pass->content ? &content_users(pass->content, config)->users : NULL;
	const struct object *object =
		pass->content ? users_source_object(pass->content->desired, config) : NULL;
	const struct source source = {pass->commit, object && object->file ? object->file : ""};
	struct access_question question;
	struct access_answer found;
	pass->reached = true;
	if (!read_question(pass, &question, err) ||
		!access_ask(session, &question, wanted, pass->mem, &found, err))
		return false;
	CLEANUP(json_done) json_t *document = answer_document(pass, &found, &source);
	*answer = json_canonical(document);
	return true;
}
