#include "reconcile/kubernetes/answer.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"

bool answer_read(const char *bytes, size_t length, json_t **value, struct error *err)
{
	json_error_t place;
	json_t *read =
		json_loadb(bytes, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &place);
	if (!read)
		return error_set(
			err, ERROR_RETRY, "not valid JSON at line %d, column %d", place.line, place.column);
	*value = read;
	return true;
}

bool answer_has_cause(const json_t *body, const char *type)
{
	size_t index;
	const json_t *cause;
	json_array_foreach (json_at(body, "details.causes"), index, cause)
		if (text_equal(json_text_at(cause, "reason", ""), type))
			return true;
	return false;
}

static enum error_kind kind_of(const struct answer *answer)
{
	switch (answer->status) {
	case 401:
		return ERROR_DENIED;
	case 403: /* a namespace on its way out refuses like a missing permission, but the next try may be well */
		return answer_has_cause(answer->body, "NamespaceTerminating") ? ERROR_RETRY : ERROR_DENIED;
	case 404:
		return ERROR_MISSING;
	case 409:
		return ERROR_CONFLICT;
	case 500: /* an unknown field in server-side apply comes as an internal error */
		return text_starts(json_text_at(answer->body, "message", ""),
			       "failed to create typed patch object")
			? ERROR_INVALID
			: ERROR_RETRY;
	case 400:
	case 405:
	case 413:
	case 415:
	case 422:
		return ERROR_INVALID;
	default:
		return ERROR_RETRY;
	}
}

/* Messages of the server quote values; the names of the fields do not. */
static void list_fields(const json_t *body, struct buf *text)
{
	size_t index;
	const json_t *cause;
	json_array_foreach (json_at(body, "details.causes"), index, cause)
		buf_printf(text, "%s%s", index ? ", " : " in ", json_text_at(cause, "field", "?"));
}

bool answer_failure(const struct answer *answer, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(ERROR_TEXT_SIZE * 4);
	const char *message = json_text_at(answer->body, "message", "");
	const char *reason = json_text_at(answer->body, "reason", "");
	if (answer->secret)
		list_fields(answer->body, &text);
	else if (*message)
		buf_printf(&text, ": %s", message);
	return error_set(err, kind_of(answer), "%s %.*s: the API server answered %d%s%s%s", answer->method,
		(int)strcspn(answer->path, "?"), answer->path, answer->status, *reason ? " " : "", reason,
		buf_string(&text));
}
