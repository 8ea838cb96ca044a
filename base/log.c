#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"

static enum log_level lowest_level = LOG_INFO;
static enum log_format line_format = LOG_LOGFMT;

static _Thread_local char context_application[128];
static _Thread_local char context_revision[128];

struct line {
	char bytes[LIMIT_LOG_LINE];
	size_t length;
};

void log_setup(enum log_level level, enum log_format format)
{
	lowest_level = level;
	line_format = format;
}

void log_context(const char *application, const char *revision)
{
	snprintf(context_application, sizeof(context_application), "%s", application ? application : "");
	snprintf(context_revision, sizeof(context_revision), "%s", revision ? revision : "");
}

enum {
	ROOM_FOR_END = 8,   /* closing quote, brace, line end */
	ROOM_FOR_FIELD = 64 /* what is left when a value is cut, and when further fields are left out */
};

static bool is_nearly_full(const struct line *line, size_t more)
{
	return line->length + more + ROOM_FOR_FIELD > sizeof(line->bytes);
}

static void put(struct line *line, const char *bytes, size_t length)
{
	size_t room = sizeof(line->bytes) - ROOM_FOR_END - line->length;
	if (length > room)
		length = room;
	memcpy(line->bytes + line->length, bytes, length);
	line->length += length;
}

static void put_text(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

/* One character: what would end the string or the line is escaped, a byte that is no character is shown as \xNN. */
/* JSON has two of them for what is beyond U+FFFF. */
static void put_unicode(struct line *line, uint32_t character)
{
	char shown[16];
	if (character < 0x10000)
		snprintf(shown, sizeof(shown), "\\u%04x", character);
	else
		snprintf(shown, sizeof(shown), "\\u%04x\\u%04x", 0xd7c0 + (character >> 10),
			0xdc00 + (character & 0x3ff));
	put_text(line, shown);
}

static void put_character(struct line *line, const char *c, size_t length, uint32_t character)
{
	static const struct {
		char from;
		const char *to;
	} escapes[] = {{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\t', "\\t"}};
	char shown[8];
	for (size_t i = 0; i < COUNT_OF(escapes); i++)
		if (*c == escapes[i].from) {
			put_text(line, escapes[i].to);
			return;
		}
	if (!length) {
		snprintf(shown, sizeof(shown), "\\\\x%02x", (unsigned)(unsigned char)*c);
		put_text(line, shown);
	} else if (text_is_hidden(character)) {
		put_unicode(line, character);
	} else {
		put(line, c, length);
	}
}

/* The inside of a double-quoted string, good for JSON and logfmt alike; cut between characters when the line is full. */
static void put_escaped(struct line *line, const char *text)
{
	while (*text && !is_nearly_full(line, 0)) {
		uint32_t character;
		size_t length = text_character(text, SIZE_MAX, &character);
		put_character(line, text, length, character);
		text += length ? length : 1;
	}
}

static bool needs_quotes(const char *value)
{
	if (!*value)
		return true;
	for (const char *c = value; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == '"' || *c == '=' || *c == '\\' || *c == 0x7f)
			return true;
	for (const char *at = value; *at;) { /* mended while it is escaped */
		uint32_t character;
		size_t step = text_character(at, SIZE_MAX, &character);
		if (!step || text_is_hidden(character))
			return true;
		at += step;
	}
	return strlen(value) > LIMIT_LOG_LINE / 2; /* cut there */
}

static void put_field(struct line *line, const char *key, const char *value)
{
	bool json = line_format == LOG_JSON;
	if (is_nearly_full(line, strlen(key)))
		return;
	if (line->length)
		put_text(line, json ? "," : " ");
	if (json)
		put_text(line, "\"");
	put_text(line, key);
	put_text(line, json ? "\":" : "=");
	if (json || needs_quotes(value)) {
		put_text(line, "\"");
		put_escaped(line, value);
		put_text(line, "\"");
	} else {
		put_text(line, value);
	}
}

static void write_line(const struct line *line)
{
	size_t done = 0;
	while (done < line->length) {
		ssize_t wrote = write(STDERR_FILENO, line->bytes + done, line->length - done);
		if (wrote <= 0)
			return; /* nowhere left to complain */
		done += (size_t)wrote;
	}
}

static void log_line(enum log_level level, const char *message, va_list args)
{
	static const char *const names[] = {"debug", "info", "warning", "error"};
	struct line line;
	char now[CLOCK_TEXT_SIZE];

	if (level < lowest_level)
		return;
	line.length = 0;
	clock_text(clock_now(), now);
	put_field(&line, "time", now);
	put_field(&line, "level", names[level]);
	put_field(&line, "msg", message);
	if (context_application[0])
		put_field(&line, "application", context_application);
	if (context_revision[0])
		put_field(&line, "revision", context_revision);
	for (const char *key = va_arg(args, const char *); key; key = va_arg(args, const char *)) {
		const char *value = va_arg(args, const char *);
		if (!value)
			break;
		if (*value)
			put_field(&line, key, value);
	}
	struct line whole = {.length = 0};
	if (line_format == LOG_JSON)
		put_text(&whole, "{");
	memcpy(whole.bytes + whole.length, line.bytes, line.length);
	whole.length += line.length;
	const char *end = line_format == LOG_JSON ? "}\n" : "\n";
	memcpy(whole.bytes + whole.length, end, strlen(end));
	whole.length += strlen(end);
	write_line(&whole);
}

#define LOG_FUNCTION(name, level)                                                                            \
	void name(const char *message, ...)                                                                  \
	{                                                                                                    \
		va_list args;                                                                                \
		va_start(args, message);                                                                     \
		log_line(level, message, args);                                                              \
		va_end(args);                                                                                \
	}

LOG_FUNCTION(log_debug, LOG_DEBUG)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_warning, LOG_WARNING)
LOG_FUNCTION(log_error, LOG_ERROR)

bool log_changed(char slot[64], const char *text)
{
	/* A 64-bit FNV-1a is enough to see a change; the slot keeps no foreign text. */
	uint64_t hash = 14695981039346656037u;
	for (const char *c = text; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 1099511628211u;
	char now[64] = "";
	if (*text)
		snprintf(now, sizeof(now), "%016llx", (unsigned long long)hash);
	if (strcmp(slot, now) == 0)
		return false;
	memcpy(slot, now, sizeof(now));
	return *text != '\0';
}
