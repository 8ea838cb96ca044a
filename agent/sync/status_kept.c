/*
 * status_kept.c - what is kept of a status between two passes
 *
 * A status has a row for each object, and another for each that was synced. As a tree such a row takes a kilobyte, in pieces that lie
 * between all else and hold its pages; as text it takes a hundred and fifty bytes. So the rows are text, and a tree only for the
 * moment in which they are shown.
 */
#include "agent/sync/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"

/* Takes the list of rows out of its place; "[]" when there is none. */
static char *take_rows(json_t *from, const char *name)
{
	const json_t *rows = json_object_get(from, name);
	char *text = json_array_size(rows) ? json_canonical(rows) : memory_copy("[]");
	json_object_del(from, name);
	return text;
}

static void put_rows(json_t *to, const char *name, const char *text)
{
	json_t *rows = NULL;
	struct error err;
	if (to && json_read(text, strlen(text), &rows, &err)) /* written by us */
		json_object_set_new(to, name, rows);
}

void status_set_operation(struct app *app, json_t *state)
{
	char *rows = take_rows(json_object_get(state, "syncResult"), "resources");
	app->rows_told = app->rows_told && text_equal(app->operation_rows, rows);
	free(app->operation_rows);
	app->operation_rows = rows;
	json_decref(app->operation_state);
	app->operation_state = state;
}

json_t *status_operation(const struct app *app)
{
	json_t *state = json_deep_copy(app->operation_state);
	if (app->operation_rows)
		put_rows(json_object_get(state, "syncResult"), "resources", app->operation_rows);
	return state;
}

/* In text, without the time of the comparison: two that say the same are equal. */
static char *words_of(const json_t *status)
{
	CLEANUP(json_done) json_t *lasting = json_copy((json_t *)(uintptr_t)status);
	json_object_del(lasting, "reconciledAt");
	return json_canonical(lasting);
}

bool status_set(struct app *app, json_t *status)
{
	char *text = words_of(status);
	bool news = !text_equal(app->status_text, text) || !app->rows_told;
	free(app->status_text);
	app->status_text = text;
	app->rows_told = true;
	json_object_del(status, "resources");
	json_decref(app->status);
	app->status = status;
	return news;
}

void status_complete(const struct app *app, json_t *status)
{
	if (app->operation_state)
		json_object_set_new(status, "operationState", status_operation(app));
}

json_t *status_whole(const struct app *app)
{
	json_t *status = NULL;
	struct error err;
	if (!app->status_text || !json_read(app->status_text, strlen(app->status_text), &status, &err))
		return NULL;
	json_object_set(status, "reconciledAt", json_object_get(app->status, "reconciledAt"));
	status_complete(app, status);
	return status;
}

void status_shorten(json_t *status)
{
	json_t *state = json_copy(json_object_get(status, "operationState"));
	json_t *result = json_copy(json_object_get(state, "syncResult"));
	json_object_del(status, "resources");
	json_object_del(result, "resources");
	if (result)
		json_object_set_new(state, "syncResult", result);
	if (state)
		json_object_set_new(status, "operationState", state);
}

void status_free(struct app *app)
{
	json_done(&app->operation_state);
	memory_freep(&app->operation_rows);
	json_done(&app->status);
	memory_freep(&app->status_text);
}
