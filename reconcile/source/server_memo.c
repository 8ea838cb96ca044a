#include "reconcile/source/server_memo.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

enum { MEMO_MAXIMUM = 8192, MEMO_VERSION = 3 };

static const char *path_of(const struct repository *repository)
{
	return arena_printf(repository->mem, "%s/server.json", repository->place);
}

bool server_memo_read(const struct repository *repository, const struct url *url, struct server_memo *memo)
{
	CLEANUP(buf_done) struct buf text = BUF(MEMO_MAXIMUM);
	CLEANUP(json_done) json_t *json = NULL;
	struct error err = {0};
	struct url base;
	if (!file_read(path_of(repository), &text, &err) ||
		!json_read(buf_string(&text), text.length, &json, &err) ||
		json_number_at(json, "version", 0) != MEMO_VERSION ||
		!url_parse(json_text_at(json, "base", ""), repository->mem, &base, &err))
		return false;
	/* Credentials go where this points. */
	if (!url_same_server(&base, url))
		return false;
	memo->base = base.address;
	memo->shallow = json_bool_at(json, "shallow", false);
	memo->agent = json_bool_at(json, "agent", false);
	memo->object_format = json_bool_at(json, "objectFormat", false);
	return true;
}

bool server_memo_write(const struct repository *repository, const struct server_memo *memo, struct error *err)
{
	CLEANUP(json_done) json_t *json = json_object();
	json_object_set_new(json, "version", json_integer(MEMO_VERSION));
	json_object_set_new(json, "shallow", json_boolean(memo->shallow));
	json_object_set_new(json, "agent", json_boolean(memo->agent));
	json_object_set_new(json, "objectFormat", json_boolean(memo->object_format));
	json_set_text(json, "base", memo->base);
	CLEANUP(memory_freep) char *text = json_canonical(json);
	return file_replace(path_of(repository), text, strlen(text), 0600, err);
}

void server_memo_forget(const struct repository *repository)
{
	unlink(path_of(repository));
}
