/* What is known by its lines is what YAML reads there, whatever byte is another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/memory.h"
#include "reconcile/manifest/yaml_write.h"
#include "reconcile/sealed/sealed_secret.h"
#include "reconcile/sealed/sealed_written.h"

#define VALUE "AgBQz3Jx1+/0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=="

/* As sealed_users.c writes a new one. */
static char *document(const char *name, const char *namespace, const char *item, const char *value)
{
	CLEANUP(buf_done) struct buf yaml = BUF(4096);
	CLEANUP(json_done)
	json_t *object = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:{s:s}, s:{s:{s:s, s:s}, s:s}}}",
		"apiVersion", SEALED_GROUP "/" SEALED_VERSION, "kind", SEALED_KIND, "metadata", "name", name,
		"namespace", namespace, "spec", "encryptedData", item, value, "template", "metadata", "name",
		name, "namespace", namespace, "type", "Opaque");
	buf_text(&yaml, "---\n");
	yaml_write(object, YAML_SORTED, &yaml);
	return memory_copy(buf_string(&yaml));
}

static bool is_known(const char *text, const char *namespace, const char *item)
{
	struct sealed_written found;
	return sealed_written_read(text, strlen(text), namespace, item, &found);
}

static bool same(const char *text, struct span span, const char *path, const json_t *object)
{
	const char *read = json_text_at(object, path, "");
	size_t length = span.end - span.start;
	return strlen(read) == length && memcmp(read, text + span.start, length) == 0;
}

/* Where the lines are known, YAML says the same of them. */
static void compare(const char *text, struct arena *mem)
{
	struct sealed_written found;
	struct yaml_documents read = {0};
	struct mistakes mistakes = {.mem = mem};
	if (!sealed_written_read(text, strlen(text), "postgres", "password", &found))
		return;
	yaml_read("", text, strlen(text), mem, &read, &mistakes);
	assert_int_equal(mistakes.count, 0);
	assert_int_equal(read.count, 1);
	CLEANUP(json_done) json_t *object = yaml_to_json(read.items[0]);
	assert_true(same(text, found.name, "metadata.name", object));
	assert_true(same(text, found.name, "spec.template.metadata.name", object));
	assert_true(same(text, found.value, "spec.encryptedData.password", object));
	assert_string_equal(json_text_at(object, "metadata.namespace", ""), "postgres");
	assert_string_equal(json_text_at(object, "kind", ""), "SealedSecret");
}

static void what_was_written_here_is_known(void **state)
{
	char *text = document("user-bob-x-secret", "postgres", "password", VALUE);
	struct sealed_written found;
	(void)state;
	assert_true(sealed_written_read(text, strlen(text), "postgres", "password", &found));
	assert_memory_equal(text + found.name.start, "user-bob-x-secret\n", 18);
	assert_memory_equal(text + found.value.start, VALUE "\n", sizeof(VALUE));
	assert_int_equal(found.value.end - found.value.start, strlen(VALUE));
	assert_true(is_known(text + 4, "postgres", "password")); /* the first of a file has no marker */
	assert_false(is_known(text, "other", "password"));
	assert_false(is_known(text, "postgres", "key"));
	free(text);
}

static void what_yaml_takes_for_something_else_is_not(void **state)
{
	static const struct {
		const char *name, *namespace, *item, *value;
	} others[] = {
		{"bob", "postgres", "password", VALUE},  /* no '-': might be a word */
		{"12-3", "postgres", "password", VALUE}, /* begins as a number does */
		{"user-bob", "true", "password", VALUE},
		{"user-bob", "postgres", "on", VALUE},
		{"user-bob", "12", "password", VALUE},
		{"user-bob", "postgres", "pass.word", VALUE},
		{"user-bob", "postgres", "password", "AgB="},
		{"user-bob", "postgres", "password", VALUE "\n  more"},
		{"user-bob", "postgres", "password", "=" VALUE},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		char *text = document(others[i].name, others[i].namespace, others[i].item, others[i].value);
		if (is_known(text, others[i].namespace, others[i].item))
			fail_msg("%s", text);
		free(text);
	}
}

static void one_byte_more_or_another_says_the_same_or_is_not_known(void **state)
{
	static const char bytes[] = "#:'\"\\\n\t\r =-&*!{[|>%@`~0aZ.,?";
	char *text = document("user-bob-secret", "postgres", "password", VALUE);
	size_t length = strlen(text);
	(void)state;
	for (size_t at = 0; at <= length; at++)
		for (const char *byte = bytes; *byte; byte++) {
			struct arena *mem = arena_new(1 << 20);
			char *other = arena_alloc(mem, length + 2), was = text[at];
			memcpy(other, text, at);
			other[at] = *byte;
			memcpy(other + at + 1, text + at, length - at + 1);
			compare(other, mem);
			text[at] = at < length ? *byte : was;
			compare(text, mem);
			text[at] = was;
			arena_free(mem);
		}
	text[length - 1] = '\0';
	assert_false(is_known(text, "postgres", "password")); /* cut off */
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_here_is_known),
		cmocka_unit_test(what_yaml_takes_for_something_else_is_not),
		cmocka_unit_test(one_byte_more_or_another_says_the_same_or_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
