#include "base/log.h"

#include <fcntl.h>

#include "base/json.h"
#include "base/limits.h"
#include "fixture.h"

static char said[4 * LIMIT_LOG_LINE];

/* What the function writes to stderr. */
static const char *heard(void (*function)(void))
{
	FILE *file = tmpfile();
	int old = dup(STDERR_FILENO);
	assert_non_null(file);
	dup2(fileno(file), STDERR_FILENO);
	function();
	dup2(old, STDERR_FILENO);
	close(old);
	rewind(file);
	size_t length = fread(said, 1, sizeof(said) - 1, file);
	said[length] = '\0';
	fclose(file);
	return said;
}

static void say_fields(void)
{
	log_setup(LOG_INFO, LOG_LOGFMT);
	log_info("applied", "objects", "3", "message", "two words", "empty", "", "quote", "a\"b\nc\x1b",
		"role", "\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81", NULL);
}

static void a_line_has_its_fields_in_logfmt(void **state)
{
	const char *line = heard(say_fields);
	(void)state;
	assert_memory_equal(line, "time=", 5);
	assert_non_null(strstr(line,
		" level=info msg=applied objects=3 message=\"two words\" quote=\"a\\\"b\\nc\\u001b\" "
		"role=\"\\u009b\\u202e\\udb40\\udc41\"\n"));
	assert_null(strstr(line, "empty"));
}

static void say_json(void)
{
	log_setup(LOG_INFO, LOG_JSON);
	log_context("app", "abc");
	log_warning("it is \"so\"", "key", "\\\n\t\x01é", NULL);
	log_context(NULL, NULL);
}

static json_t *parsed(const char *line)
{
	struct error err;
	json_t *value = NULL;
	assert_int_equal(line[strlen(line) - 1], '\n');
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	if (!json_read(line, strlen(line), &value, &err))
		fail_msg("%s: %s", err.text, line);
	return value;
}

static void a_line_is_one_json_object(void **state)
{
	CLEANUP(json_done) json_t *value = parsed(heard(say_json));
	(void)state;
	assert_string_equal(json_text_at(value, "msg", ""), "it is \"so\"");
	assert_string_equal(json_text_at(value, "key", ""), "\\\n\t\x01é");
	assert_string_equal(json_text_at(value, "application", ""), "app");
	assert_string_equal(json_text_at(value, "revision", ""), "abc");
	assert_string_equal(json_text_at(value, "level", ""), "warning");
}

static char long_text[3 * LIMIT_LOG_LINE];

static void say_long(void)
{
	log_error("long", "before", "1", "value", long_text, "after", "2", NULL);
}

static void a_long_value_is_cut_and_the_line_stays_whole(void **state)
{
	static const char *const fills[] = {"x", "\"", "é", "\xf0\x9f\x98\x80", "\x01", "\xff"};
	(void)state;
	log_setup(LOG_INFO, LOG_JSON);
	for (size_t i = 0; i < COUNT_OF(fills); i++) {
		long_text[0] = '\0';
		for (size_t length = 0; length + 8 < sizeof(long_text); length += strlen(fills[i]))
			memcpy(long_text + length, fills[i], strlen(fills[i]) + 1);
		CLEANUP(json_done) json_t *value = parsed(heard(say_long));
		assert_true(strlen(said) <= LIMIT_LOG_LINE);
		assert_string_equal(json_text_at(value, "before", ""), "1");
		assert_true(strlen(json_text_at(value, "value", "")) > 1000);
	}
}

static void say_levels(void)
{
	log_setup(LOG_WARNING, LOG_LOGFMT);
	log_debug("one", NULL);
	log_info("two", NULL);
	log_warning("three", NULL);
	log_error("four", NULL);
}

static void lower_levels_are_silent(void **state)
{
	const char *lines = heard(say_levels);
	(void)state;
	assert_null(strstr(lines, "one"));
	assert_null(strstr(lines, "two"));
	assert_non_null(strstr(lines, "msg=three"));
	assert_non_null(strstr(lines, "level=error msg=four"));
}

static void the_same_error_is_said_once(void **state)
{
	char slot[64] = "";
	(void)state;
	assert_true(log_changed(slot, "down"));
	assert_false(log_changed(slot, "down"));
	assert_true(log_changed(slot, "denied"));
	assert_false(log_changed(slot, ""));
	assert_true(log_changed(slot, "denied"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_its_fields_in_logfmt),
		cmocka_unit_test(a_line_is_one_json_object),
		cmocka_unit_test(a_long_value_is_cut_and_the_line_stays_whole),
		cmocka_unit_test(lower_levels_are_silent),
		cmocka_unit_test(the_same_error_is_said_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
