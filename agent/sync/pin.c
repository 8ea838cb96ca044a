#include "agent/sync/pin.h"

#include <string.h>

#include "agent/sync/status.h"
#include "base/text.h"

const json_t *pin_source(const struct app *app, const struct sync_request *request)
{
	if (request->rollback_id < 0)
		return request->source;
	const json_t *entry = status_history_find(app->history, request->rollback_id);
	const json_t *list = json_object_get(entry, "sources");
	return json_array_size(list) ? list : json_object_get(entry, "source");
}

bool pin_names_content(const struct app *app, const struct sync_request *request)
{
	const char *own = app->spec.source_count ? app->spec.sources[0].revision : "";
	bool revision = request->revision && *request->revision && !text_equal(request->revision, own);
	return revision || request->revision_count || request->source || request->rollback_id >= 0;
}

/* "1 = https://git.example.org/team/db users, 2 = ..." */
static const char *sources_text(const struct app *app, struct arena *mem)
{
	const char *text = "";
	for (size_t i = 0; i < app->spec.source_count; i++) {
		const struct application_source *source = &app->spec.sources[i];
		text = arena_printf(mem, "%s%s%zu = %s%s%s", text, i ? ", " : "", i + 1,
			source_url_shown(source->repo_url, mem), *source->directory.path ? " " : "",
			source->directory.path);
	}
	return text;
}

static bool one_revision(const struct app *app, const struct sync_request *request, struct arena *mem,
	struct pin *pin, const char **why)
{
	if (pin->count == 1) {
		pin->revisions[0] = request->revision;
		return true;
	}
	*why = arena_printf(mem,
		"a revision is that of one source, and %s has %zu: give revisions and the sourcePositions they are for "
		"(--revisions REV --source-positions N; %s)",
		app->spec.name, pin->count, sources_text(app, mem));
	return false;
}

/* One for each source, or for those that are named by their positions. */
static bool several_revisions(struct sync_request *request, struct arena *mem, struct pin *pin, const char **why)
{
	if (!request->positions && request->revision_count != pin->count) {
		*why = arena_printf(mem,
			"revisions has %zu of them, and there %s %zu source%s: one for each, or "
			"sourcePositions beside them",
			request->revision_count, pin->count == 1 ? "is" : "are", pin->count,
			pin->count == 1 ? "" : "s");
		return false;
	}
	for (size_t i = 0; i < request->revision_count; i++) {
		size_t position = request->positions ? request->positions[i] : i + 1;
		if (position < 1 || position > pin->count) {
			*why = arena_printf(mem, "source position %zu is out of range: there %s %zu source%s",
				position, pin->count == 1 ? "is" : "are", pin->count,
				pin->count == 1 ? "" : "s");
			return false;
		}
		pin->revisions[position - 1] = request->revisions[i];
	}
	request->revisions = arena_array(request->mem, pin->count, sizeof(*request->revisions));
	for (size_t i = 0; i < pin->count; i++)
		request->revisions[i] = pin->revisions[i];
	request->revision_count = pin->count;
	request->positions = NULL;
	return true;
}

static bool of_history(
	const struct app *app, const struct sync_request *request, struct pin *pin, const char **why)
{
	const json_t *entry = status_history_find(app->history, request->rollback_id);
	char commits[COMMITS_SIZE];
	commits_read(entry, commits);
	if (commits_count(commits) != pin->count) {
		*why = "this entry of status.history does not say a commit of each of its sources";
		return false;
	}
	for (size_t i = 0; i < pin->count; i++) {
		commits_at(commits, i, pin->commit[i]);
		pin->revisions[i] = pin->commit[i];
	}
	return true;
}

/* What the source says itself, or what its newest content has, is the newest: by its commit, so that it stays this one. */
static void take_newest(const struct app *app, struct pin *pin)
{
	for (size_t i = 0; i < pin->count; i++) {
		const char *revision = pin->revisions[i];
		commits_at(app->commit, i, pin->commit[i]);
		if (*revision && strcmp(revision, pin->commit[i]) != 0 &&
			strcmp(revision, app->spec.sources[i].revision) != 0)
			pin->newest = false;
		else
			pin->revisions[i] = pin->commit[i];
	}
}

bool pin_request(const struct app *app, struct sync_request *request, struct arena *mem, struct pin *pin,
	const char **why)
{
	*pin = (struct pin){.source = pin_source(app, request), .count = app->spec.source_count};
	if (pin->source)
		pin->count = json_is_array(pin->source) ? json_array_size(pin->source) : 1;
	if (!pin->count || pin->count > LIMIT_SOURCES) {
		*why = arena_printf(
			mem, "there are %zu sources: from 1 to %d can be read", pin->count, LIMIT_SOURCES);
		return false;
	}
	for (size_t i = 0; i < pin->count; i++)
		pin->revisions[i] = "";
	if (request->rollback_id >= 0)
		return of_history(app, request, pin, why);
	if (request->revision && *request->revision && !one_revision(app, request, mem, pin, why))
		return false;
	if (request->revision_count && !several_revisions(request, mem, pin, why))
		return false;
	pin->newest = !pin->source;
	if (pin->newest)
		take_newest(app, pin);
	return true;
}
