#include "reconcile/source/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/frame.h"
#include "reconcile/render/render.h"

static bool send_json(int fd, const json_t *json, struct error *err)
{
	CLEANUP(memory_freep) char *text = json_canonical(json);
	return frame_write(fd, text, strlen(text), err);
}

/* Git allows any bytes in names and messages, JSON does not: what is no UTF-8 becomes \xNN. */
static void set_text(json_t *json, const char *key, const char *text)
{
	if (!text || text_is_utf8(text, strlen(text))) {
		json_set_text(json, key, text);
		return;
	}
	CLEANUP(buf_done) struct buf out = BUF(LIMIT_FRAME_BYTES);
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < 0x80)
			buf_char(&out, *c);
		else
			buf_printf(&out, "\\x%02x", (unsigned)(unsigned char)*c);
	}
	json_set_text(json, key, buf_string(&out));
}

static json_t *message(const char *type)
{
	json_t *json = json_object();
	json_object_set_new(json, "type", json_string(type));
	return json;
}

bool answer_step(int fd, const char *text, struct error *err)
{
	CLEANUP(json_done) json_t *json = message("step");
	set_text(json, "text", text);
	return send_json(fd, json, err);
}

bool answer_head(int fd, const struct source_result *result, struct error *err)
{
	CLEANUP(json_done) json_t *json = message("head");
	set_text(json, "commit", result->commit);
	set_text(json, "tree", result->tree);
	set_text(json, "leftOut", result->left_out);
	set_text(json, "ref", result->ref);
	set_text(json, "signer", result->signer);
	set_text(json, "author", result->author);
	set_text(json, "message", result->message);
	json_object_set_new(json, "authorTime", json_integer(result->author_time));
	json_object_set_new(json, "received", json_integer(result->received));
	json_object_set_new(json, "unchanged", json_boolean(result->unchanged));
	json_object_set_new(json, "fetched", json_boolean(result->fetched));
	json_object_set_new(json, "rewritten", json_boolean(result->rewritten));
	json_object_set_new(json, "historyUnknown", json_boolean(result->history_unknown));
	return send_json(fd, json, err);
}

/* Any bytes, hence base64. */
static void set_bytes(json_t *json, const char *key, const char *bytes, size_t length)
{
	char *text = memory_alloc(4 * ((length + 2) / 3) + 1);
	text_base64((const unsigned char *)bytes, length, text);
	json_set_text(json, key, text);
	free(text);
}

bool answer_signature(int fd, const struct signature *signature, struct error *err)
{
	CLEANUP(json_done) json_t *json = message("signature");
	set_bytes(json, "text", signature->text, signature->text_length);
	set_bytes(json, "payload", signature->payload, signature->payload_length);
	return send_json(fd, json, err);
}

static bool send_object(int fd, const struct object *object, struct error *err)
{
	CLEANUP(json_done) json_t *json = message("object");
	set_text(json, "group", object->key.group);
	set_text(json, "kind", object->key.kind);
	set_text(json, "namespace", object->key.namespace);
	set_text(json, "name", object->key.name);
	set_text(json, "version", object->version);
	set_text(json, "file", object->file);
	set_text(json, "json", object->json);
	json_object_set_new(json, "line", json_integer(object->line));
	if (object->plain)
		json_object_set_new(json, "plain", json_true());
	if (object->text_line)
		json_object_set_new(json, "textLine", json_integer(object->text_line));
	if (object->text_indent)
		json_object_set_new(json, "textIndent", json_integer(object->text_indent));
	return send_json(fd, json, err);
}

static bool send_mistakes(int fd, const char *type, const struct mistakes *mistakes, struct error *err)
{
	for (size_t i = 0; i < mistakes->count; i++) {
		const struct mistake *mistake = &mistakes->items[i];
		CLEANUP(json_done) json_t *json = message(type);
		set_text(json, "file", mistake->file);
		set_text(json, "text", mistake->text);
		json_object_set_new(json, "line", json_integer(mistake->line));
		json_object_set_new(json, "column", json_integer(mistake->column));
		if (!send_json(fd, json, err))
			return false;
	}
	return true;
}

static bool send_changed(int fd, const struct source_content *content, struct error *err)
{
	for (size_t i = 0; i < content->changed_count; i++) {
		CLEANUP(json_done) json_t *json = message("changed");
		set_text(json, "name", content->changed[i]);
		if (!send_json(fd, json, err))
			return false;
	}
	return true;
}

bool answer_content(int fd, size_t index, const struct source_content *content, struct error *err)
{
	const struct desired *desired = &content->desired;
	CLEANUP(json_done) json_t *begin = message("path");
	CLEANUP(json_done) json_t *end = message("path-end");

	json_object_set_new(begin, "index", json_integer((json_int_t)index));
	json_object_set_new(begin, "found", json_boolean(content->found));
	json_object_set_new(begin, "based", json_boolean(content->based));
	set_text(begin, "renderFile", content->render_file);
	json_object_set_new(end, "files", json_integer((json_int_t)desired->files));
	json_object_set_new(end, "rendered", json_integer(desired->rendered));
	json_object_set_new(end, "mistakesDropped", json_integer((json_int_t)desired->mistakes.dropped));
	json_object_set_new(end, "warningsDropped", json_integer((json_int_t)desired->warnings.dropped));
	if (!send_json(fd, begin, err) || !send_mistakes(fd, "mistake", &desired->mistakes, err) ||
		!send_mistakes(fd, "warning", &desired->warnings, err) || !send_changed(fd, content, err))
		return false;
	/* Objects of a path with mistakes are of no use to anybody. */
	for (size_t i = 0; !desired->mistakes.count && i < desired->objects.count; i++)
		if (!send_object(fd, &desired->objects.items[i], err))
			return false;
	return send_json(fd, end, err);
}

bool answer_end(int fd, struct error *err)
{
	CLEANUP(json_done) json_t *json = message("end");
	return send_json(fd, json, err);
}

bool answer_error(int fd, const struct error *answer, struct error *err)
{
	CLEANUP(json_done) json_t *json = message("error");
	json_object_set_new(json, "kind", json_integer(answer->kind));
	set_text(json, "text", answer->text);
	json_object_set_new(json, "rest", json_integer(answer->rest));
	return send_json(fd, json, err);
}

void answer_start(struct answer *answer, const struct source_request *request, struct arena *mem)
{
	*answer = (struct answer){.mem = mem, .request = request};
	answer->result.ref = "";
	answer->result.left_out = "";
	answer->result.signer = "";
	answer->result.author = "";
	answer->result.message = "";
}

static bool unexpected(struct error *err, const char *what)
{
	return error_set(err, ERROR_BUG, "the Git process answered with something unexpected (%s)", what);
}

static const char *copy(struct answer *answer, const json_t *json, const char *key)
{
	return arena_copy(answer->mem, json_text_at(json, key, ""));
}

static bool take_step(struct answer *answer, const json_t *json, struct error *err)
{
	(void)err;
	snprintf(answer->step, sizeof(answer->step), "%s", json_text_at(json, "text", ""));
	return true;
}

static bool is_id(const char *text)
{
	return strlen(text) == 40 && strspn(text, "0123456789abcdef") == 40;
}

static bool take_head(struct answer *answer, const json_t *json, struct error *err)
{
	const char *commit = json_text_at(json, "commit", ""), *tree = json_text_at(json, "tree", "");
	struct source_result *result = &answer->result;
	if (answer->headed || !is_id(commit) || (*tree && !is_id(tree)))
		return unexpected(err, "head");
	memcpy(result->commit, commit, sizeof(result->commit));
	memcpy(result->tree, tree, strlen(tree));
	result->left_out = copy(answer, json, "leftOut");
	result->ref = copy(answer, json, "ref");
	result->signer = copy(answer, json, "signer");
	result->author = copy(answer, json, "author");
	result->message = copy(answer, json, "message");
	result->author_time = json_number_at(json, "authorTime", 0);
	result->received = json_number_at(json, "received", 0);
	result->unchanged = json_bool_at(json, "unchanged", false);
	result->fetched = json_bool_at(json, "fetched", false);
	result->rewritten = json_bool_at(json, "rewritten", false);
	result->history_unknown = json_bool_at(json, "historyUnknown", false);
	if (!result->unchanged) {
		result->content_count = answer->request->path_count;
		result->contents = arena_array(answer->mem, result->content_count, sizeof(*result->contents));
	}
	answer->headed = true;
	return true;
}

static bool take_bytes(
	struct answer *answer, const json_t *json, const char *key, const char **bytes, size_t *length)
{
	char *text = arena_copy(answer->mem, json_text_at(json, key, ""));
	*bytes = text;
	return text_base64_decode(text, strlen(text), (unsigned char *)text, length);
}

static bool take_signature(struct answer *answer, const json_t *json, struct error *err)
{
	struct signature *signature = &answer->signature;
	if (answer->headed || signature->text ||
		!take_bytes(answer, json, "text", &signature->text, &signature->text_length) ||
		!take_bytes(answer, json, "payload", &signature->payload, &signature->payload_length))
		return unexpected(err, "signature");
	return true;
}

/* One of the few names that there are: it becomes part of a path. */
static bool take_render_file(struct answer *answer, const json_t *json, struct error *err)
{
	const char *name = json_text_at(json, "renderFile", NULL);
	size_t i = 0;
	while (name && render_files[i] && strcmp(render_files[i], name) != 0)
		i++;
	answer->current->render_file = name ? render_files[i] : NULL;
	bool wanted = !name || (render_files[i] && answer->request->layout && *answer->result.tree);
	return wanted || unexpected(err, "renderFile");
}

static bool take_path(struct answer *answer, const json_t *json, struct error *err)
{
	if (!answer->headed || answer->current || answer->next >= answer->result.content_count ||
		json_number_at(json, "index", -1) != (int64_t)answer->next)
		return unexpected(err, "path");
	answer->current = &answer->result.contents[answer->next];
	answer->current->application = answer->request->paths[answer->next].application;
	answer->current->found = json_bool_at(json, "found", false);
	answer->current->based = json_bool_at(json, "based", false);
	if (answer->current->based && !answer->request->paths[answer->next].base)
		return unexpected(err, "a base that was not named");
	if (!take_render_file(answer, json, err))
		return false;
	answer->current->desired.mistakes.mem = answer->mem;
	answer->current->desired.warnings.mem = answer->mem;
	answer->next++;
	return true;
}

static bool take_changed(struct answer *answer, const json_t *json, struct error *err)
{
	struct source_content *content = answer->current;
	if (!content || !content->based)
		return unexpected(err, "changed");
	content->changed =
		arena_grow(answer->mem, content->changed, content->changed_count, sizeof(*content->changed));
	content->changed[content->changed_count++] = copy(answer, json, "name");
	return true;
}

static bool take_object(struct answer *answer, const json_t *json, struct error *err)
{
	if (!answer->current)
		return unexpected(err, "object");
	struct objects *objects = &answer->current->desired.objects;
	if (objects->count >= LIMIT_OBJECTS)
		return error_set(err, ERROR_INVALID, "a path holds more than %d objects", LIMIT_OBJECTS);
	struct object object = {
		.key.group = copy(answer, json, "group"),
		.key.kind = copy(answer, json, "kind"),
		.key.namespace = copy(answer, json, "namespace"),
		.key.name = copy(answer, json, "name"),
		.version = copy(answer, json, "version"),
		.file = copy(answer, json, "file"),
		.json = copy(answer, json, "json"),
		.line = (int)json_number_at(json, "line", 0),
		.text_line = (int)json_number_at(json, "textLine", 0),
		.text_indent = (int)json_number_at(json, "textIndent", 0),
		.plain = json_bool_at(json, "plain", false),
	};
	object.json_length = strlen(object.json);
	if (!*object.key.kind || !*object.version || !object.json_length)
		return unexpected(err, "object without kind");
	digest_sha256_hex(object.json, object.json_length, object.hash);
	object_options_read_text(object.json, object.json_length, object.key.group, &object.options);
	object.generated = text_ends(object.key.name, "-");
	objects->items = arena_grow(answer->mem, objects->items, objects->count, sizeof(*objects->items));
	objects->items[objects->count++] = object;
	return true;
}

static bool take_place(struct answer *answer, struct mistakes *mistakes, const json_t *json)
{
	(void)answer;
	mistakes_add(mistakes, json_text_at(json, "file", ""), (int)json_number_at(json, "line", 0),
		(int)json_number_at(json, "column", 0), "%s", json_text_at(json, "text", ""));
	return true;
}

static bool take_mistake(struct answer *answer, const json_t *json, struct error *err)
{
	if (!answer->current)
		return unexpected(err, "mistake");
	return take_place(answer, &answer->current->desired.mistakes, json);
}

static bool take_warning(struct answer *answer, const json_t *json, struct error *err)
{
	if (!answer->current)
		return unexpected(err, "warning");
	return take_place(answer, &answer->current->desired.warnings, json);
}

static bool take_path_end(struct answer *answer, const json_t *json, struct error *err)
{
	if (!answer->current)
		return unexpected(err, "path-end");
	int64_t rendered = json_number_at(json, "rendered", RENDER_NONE);
	if (rendered < RENDER_NONE || rendered >= RENDER_TOOLS)
		return unexpected(err, "rendered");
	struct desired *desired = &answer->current->desired;
	desired->files = (size_t)json_number_at(json, "files", 0);
	desired->rendered = (enum render_tool)rendered;
	desired->mistakes.dropped += (size_t)json_number_at(json, "mistakesDropped", 0);
	desired->warnings.dropped += (size_t)json_number_at(json, "warningsDropped", 0);
	answer->current = NULL;
	return true;
}

static bool take_end(struct answer *answer, const json_t *json, struct error *err)
{
	(void)json;
	if (!answer->headed || answer->current || answer->next != answer->result.content_count)
		return unexpected(err, "end");
	answer->complete = true;
	return true;
}

static bool take_error(struct answer *answer, const json_t *json, struct error *err)
{
	int64_t kind = json_number_at(json, "kind", 0);
	if (kind <= ERROR_NONE || kind > ERROR_BUG)
		return unexpected(err, "error");
	error_set(&answer->error, (enum error_kind)kind, "%s", json_text_at(json, "text", ""));
	answer->error.rest = json_number_at(json, "rest", 0);
	answer->complete = true;
	return true;
}

bool answer_take(struct answer *answer, const char *bytes, size_t length, struct error *err)
{
	static const struct {
		const char *type;
		bool (*take)(struct answer *answer, const json_t *json, struct error *err);
	} types[] = {
		{"step", take_step},
		{"signature", take_signature},
		{"head", take_head},
		{"path", take_path},
		{"changed", take_changed},
		{"object", take_object},
		{"mistake", take_mistake},
		{"warning", take_warning},
		{"path-end", take_path_end},
		{"end", take_end},
		{"error", take_error},
	};
	CLEANUP(json_done) json_t *json = NULL;

	answer->bytes += length;
	if (++answer->frames > LIMIT_FRAMES || answer->bytes > LIMIT_GIT_ANSWER)
		return error_set(err, ERROR_INVALID,
			"the manifests of these paths are larger than %ld MiB in all", LIMIT_GIT_ANSWER >> 20);
	if (answer->complete)
		return unexpected(err, "more after the end");
	if (!json_read(bytes, length, &json, err))
		return unexpected(err, "no JSON");
	const char *type = json_text_at(json, "type", "");
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (strcmp(types[i].type, type) == 0)
			return types[i].take(answer, json, err);
	return unexpected(err, "type");
}
