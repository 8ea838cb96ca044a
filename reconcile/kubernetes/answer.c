#include "reconcile/kubernetes/answer.h"

#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "base/text.h"

static const char first_wide[] = "9223372036854775808"; /* does not fit 64 bits, but as a negative number */

enum { WIDE_DIGITS = sizeof(first_wide) - 1 };

static bool is_wide(const char *digits, size_t count, bool negative)
{
	int order = count == WIDE_DIGITS ? memcmp(digits, first_wide, WIDE_DIGITS) : 0;
	return count > WIDE_DIGITS || (count == WIDE_DIGITS && (order > 0 || (order == 0 && !negative)));
}

static size_t digits_at(const char *bytes, const char *end)
{
	size_t count = 0;
	while (bytes + count < end && bytes[count] >= '0' && bytes[count] <= '9')
		count++;
	return count;
}

/* The bytes with ".0" behind each integer that does not fit 64 bits, which makes a double of it, as the API server has it. */
static char *widened(const char *bytes, size_t length, size_t *new_length)
{
	char *wide = memory_alloc(length + 2 * (length / WIDE_DIGITS + 1));
	const char *end = bytes + length;
	bool inside = false;
	size_t out = 0;
	for (char before = '\0'; bytes < end;) {
		size_t digits = inside ? 0 : digits_at(bytes, end), step = digits ? digits : 1;
		step += inside && *bytes == '\\' && bytes + 1 < end;
		inside = inside != (*bytes == '"');
		memcpy(wide + out, bytes, step);
		out += step;
		bool integer = before != '.' && (bytes + step == end || !strchr(".eE", bytes[step]));
		if (integer && is_wide(bytes, digits, before == '-')) {
			wide[out++] = '.';
			wide[out++] = '0';
		}
		before = bytes[step - 1];
		bytes += step;
	}
	*new_length = out;
	return wide;
}

bool answer_read(const char *bytes, size_t length, json_t **value, struct error *err)
{
	static const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
	json_error_t place;
	json_t *read = json_loadb(bytes, length, flags, &place);
	if (!read && json_error_code(&place) == json_error_numeric_overflow) {
		CLEANUP(memory_freep) char *wide = widened(bytes, length, &length);
		read = json_loadb(wide, length, flags, &place);
		explicit_bzero(wide, length); /* it may hold secrets */
	}
	if (!read)
		return error_set(
			err, ERROR_RETRY, "not valid JSON at line %d, column %d", place.line, place.column);
	*value = read;
	return true;
}

/* The status cause of this type is among the details ("NamespaceTerminating"). */
static bool has_cause(const json_t *body, const char *type)
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
		return has_cause(answer->body, "NamespaceTerminating") ? ERROR_RETRY : ERROR_DENIED;
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

/* Causes of a refusal: "Invalid value: VALUE: what is wrong with it", VALUE as Go or JSON prints it, or "Forbidden: why" */

enum {
	VALUE_BYTES = 80,
	CAUSES_BYTES = 16 * 1024,
	WORDS_BYTES = 560 /* of the server's words: object, file and remedy stand around them in one error text */
};

/* Where the value that begins here ends: at a ": " outside of its quotes and brackets; NULL when there is none. */
static const char *value_end(const char *at)
{
	int depth = 0;
	bool quoted = false;
	for (; *at; at++) {
		if (quoted && *at == '\\' && at[1])
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (!quoted && strchr("{[(", *at))
			depth++;
		else if (!quoted && strchr("}])", *at))
			depth--;
		else if (!quoted && depth <= 0 && text_starts(at, ": "))
			return at;
	}
	return NULL;
}

/* What is wrong, without the value that it is wrong with. `value` is where that stands, NULL = nowhere. */
static const char *reason_in(const char *message, const char **value, size_t *length)
{
	static const char *const types[] = {
		"Invalid value: ", "Unsupported value: ", "Duplicate value: ", "Not found: ", "Too many: "};
	*value = NULL;
	*length = 0;
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		if (!text_starts(message, types[i]))
			continue;
		const char *start = message + strlen(types[i]);
		const char *end = value_end(start);
		if (!end)
			return message;
		*value = start;
		*length = (size_t)(end - start);
		return end + strlen(": ");
	}
	return message;
}

static bool unchangeable(const char *reason)
{
	static const char *const phrases[] = {
		"immutable", "Forbidden: updates to ", "may not change", "cannot change"};
	for (size_t i = 0; i < COUNT_OF(phrases); i++)
		if (strstr(reason, phrases[i]))
			return true;
	return false;
}

bool answer_immutable(const json_t *body)
{
	size_t index;
	const json_t *cause;
	json_array_foreach (json_at(body, "details.causes"), index, cause) {
		const char *value;
		size_t length;
		if (unchangeable(reason_in(json_text_at(cause, "message", ""), &value, &length)))
			return true;
	}
	return false;
}

/* "spec.template: field is immutable". Values are shown when they are short, and of Secrets never. */
static void tell_cause(const struct answer *answer, const json_t *cause, struct buf *text)
{
	const char *value;
	size_t length;
	const char *message = json_text_at(cause, "message", "");
	const char *reason = reason_in(message, &value, &length);
	const char *field = json_text_at(cause, "field", "?");
	int line = (int)strcspn(reason, "\n"); /* of a Pod a whole diff follows */
	if (answer->secret && strcmp(reason, "field is immutable"))
		buf_text(text, field);
	else if (value && length <= VALUE_BYTES && !answer->secret)
		buf_printf(text, "%s: %s", field, message);
	else
		buf_printf(text, "%s: %.*s", field, line, reason);
}

/* Messages of the server quote whole objects before they come to the point; the causes have the point, field by field. */
static void tell_causes(const struct answer *answer, struct buf *text)
{
	size_t index;
	const json_t *cause;
	json_array_foreach (json_at(answer->body, "details.causes"), index, cause) {
		static const char *const between[][2] = {{": ", "; "}, {" in ", ", "}};
		buf_text(text, between[answer->secret][index > 0]);
		tell_cause(answer, cause, text);
	}
}

/* Causes of this kind name a field and what is wrong with it. */
static bool has_field_causes(const json_t *body)
{
	const json_t *first = json_array_get(json_at(body, "details.causes"), 0);
	return text_starts(json_text_at(first, "reason", ""), "FieldValue") &&
		*json_text_at(first, "field", "");
}

bool answer_failure(const struct answer *answer, struct error *err)
{
	CLEANUP(buf_done) struct buf text = BUF(CAUSES_BYTES);
	const char *message = json_text_at(answer->body, "message", "");
	const char *reason = json_text_at(answer->body, "reason", "");
	if (answer->secret || has_field_causes(answer->body))
		tell_causes(answer, &text);
	else if (*message)
		buf_printf(&text, ": %s", message);
	if (!answer->secret && (buf_failed(&text) || !text.length) && *message) {
		buf_clear(&text);
		buf_printf(&text, ": %.*s", CAUSES_BYTES / 2, message);
	}
	CLEANUP(memory_freep) char *words = memory_copy(buf_string(&text));
	text_shorten(words, WORDS_BYTES);
	return error_set(err, kind_of(answer), "%s %.*s: the API server answered %d%s%s%s", answer->method,
		(int)strcspn(answer->path, "?"), answer->path, answer->status, *reason ? " " : "", reason,
		words);
}
