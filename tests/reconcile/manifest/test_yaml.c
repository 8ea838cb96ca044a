#include "fixture.h"

#include <math.h>

static void first_mistake_is(struct fixture *fixture, const char *text, size_t length, const char *mistake)
{
	fixture_yaml(fixture, text, length);
	assert_true(fixture->desired.mistakes.count > 0);
	assert_string_equal(mistake_text(&fixture->desired.mistakes.items[0], fixture->mem), mistake);
}

/* The answers of sigs.k8s.io/yaml 1.6.0, and our own where we refuse. */
static void check_case(struct fixture *fixture, const json_t *test)
{
	const char *text = json_text_at(test, "yaml", NULL);
	const json_t *wanted = json_object_get(test, "json");
	struct yaml_documents documents = fixture_yaml(fixture, text, strlen(text));
	const struct mistakes *mistakes = &fixture->desired.mistakes;
	if (!wanted) {
		if (!mistakes->count)
			fail_msg("accepted: %s", text);
		assert_int_equal(mistakes->items[0].line, json_number_at(test, "line", 0));
		assert_int_equal(mistakes->items[0].column, json_number_at(test, "column", 0));
		assert_memory_equal(mistakes->items[0].text, json_text_at(test, "mistake", NULL),
			strlen(json_text_at(test, "mistake", "")));
		return;
	}
	if (mistakes->count)
		fail_msg("refused: %s: %s", text, mistakes->items[0].text);
	CLEANUP(json_done) json_t *value = documents.count ? yaml_to_json(documents.items[0]) : json_null();
	CLEANUP(memory_freep) char *got = json_canonical(value);
	CLEANUP(memory_freep) char *want = json_canonical(wanted);
	if (strcmp(got, want) != 0)
		fail_msg("%s: wanted %s, got %s", text, want, got);
}

static void scalars_and_documents_are_read_as_kubectl_reads_them(void **state)
{
	char *line = NULL;
	size_t size = 0, count = 0;
	ssize_t length;
	FILE *file = fopen(TEST_DATA "/kubectl.jsonl", "r");
	assert_non_null(file);
	(void)state;
	while ((length = getline(&line, &size, file)) > 0) {
		struct error err;
		struct fixture *fixture;
		CLEANUP(json_done) json_t *test = NULL;
		fixture_open((void **)&fixture);
		assert_true(json_read(line, (size_t)length, &test, &err));
		check_case(fixture, test);
		fixture_close((void **)&fixture);
		count++;
	}
	free(line);
	fclose(file);
	assert_true(count > 900);
}

static void every_node_knows_its_place(void **state)
{
	struct fixture *fixture = *state;
	const char *text = "# comment\na:\n  - x\n  -   {é: 1, b: 2}\ntext: |\n  line\n";
	struct yaml_documents documents = fixture_yaml(fixture, text, strlen(text));
	assert_int_equal(documents.count, 1);
	const struct yaml_node *list = yaml_get(documents.items[0], "a");
	assert_int_equal(list->items[0]->line, 3);
	assert_int_equal(list->items[0]->column, 5);
	assert_int_equal(list->items[1]->pairs[1].line, 4);
	assert_int_equal(list->items[1]->pairs[1].column, 14);
	const struct yaml_node *block = yaml_get(documents.items[0], "text");
	assert_true(block->block && block->quoted);
	assert_int_equal(block->line, 5);
	assert_null(yaml_get(documents.items[0], "none"));
	assert_null(yaml_get(block, "none"));
	assert_null(yaml_get(NULL, "none"));
}

static void each_mistake_of_a_file_is_reported_and_good_documents_are_kept(void **state)
{
	struct fixture *fixture = *state;
	const char *text = "a: 1\n---\nb: 1\nb: 2\nc: !!str x\n---\n~: 1\n---\nd: 4\n";
	struct yaml_documents documents = fixture_yaml(fixture, text, strlen(text));
	assert_string_equal(fixture_mistakes(fixture),
		"f.yaml:5:4: tags such as !!str or !custom are not supported: remove it, and put a text that looks "
		"like a number or a boolean in quotes\n"
		"f.yaml:4:1: key \"b\" is already set in the line above: remove one of them\n"
		"f.yaml:7:1: a key cannot be empty or null: put it in quotes\n");
	assert_int_equal(documents.count, 2);
	assert_int_equal(yaml_get(documents.items[1], "d")->integer, 4);
}

static void a_syntax_error_keeps_the_documents_before_it(void **state)
{
	struct fixture *fixture = *state;
	const char *text = "a: 1\n---\nb: [1, 2\nc: 3\n";
	struct yaml_documents documents = fixture_yaml(fixture, text, strlen(text));
	assert_int_equal(documents.count, 1);
	assert_string_equal(fixture_mistakes(fixture),
		"f.yaml:4:2: not valid YAML: did not find expected ',' or ']', while parsing a flow sequence that begins "
		"1 line above\n");
}

static void nesting_stops_before_it_costs_anything(void **state)
{
	struct fixture *fixture = *state;
	static const char *const openings[] = {"[", "{", "{a: ", "- ", "? ", "[[{a: "};
	for (size_t i = 0; i < COUNT_OF(openings); i++) {
		char *text = fixture_repeat(fixture, openings[i], 100000);
		fixture_yaml(fixture, text, strlen(text));
		assert_int_equal(fixture->desired.mistakes.count, i + 1);
		if (!strchr(fixture->desired.mistakes.items[i].text, '?'))
			assert_non_null(fixture->desired.mistakes.items[i].text);
	}
	assert_string_equal(fixture->desired.mistakes.items[0].text, "more than 64 levels of nesting");
	assert_string_equal(fixture->desired.mistakes.items[3].text, "more than 64 levels of nesting");
}

static void sixty_four_levels_are_read(void **state)
{
	struct fixture *fixture = *state;
	char *open = fixture_repeat(fixture, "[", LIMIT_YAML_DEPTH);
	char *text = arena_printf(fixture->mem, "%s%s", open, fixture_repeat(fixture, "]", LIMIT_YAML_DEPTH));
	assert_int_equal(fixture_yaml(fixture, text, strlen(text)).count, 1);
	assert_int_equal(fixture->desired.mistakes.count, 0);
}

static void an_alias_bomb_is_counted_expanded(void **state)
{
	struct fixture *fixture = *state;
	const char *text = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
	for (char name = 'b'; name < 'j'; name++) {
		char last = (char)(name - 1);
		text = arena_printf(fixture->mem, "%s%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n",
			text, name, name, last, last, last, last, last, last, last, last, last, last);
	}
	first_mistake_is(fixture, text, strlen(text),
		"f.yaml:6:8: more than 200000 values in one file, aliases expanded");
}

static void a_long_text_repeated_by_aliases_is_counted_too(void **state)
{
	struct fixture *fixture = *state;
	char *text = arena_printf(fixture->mem, "a: &a \"%s\"\nb: [%s]\n",
		fixture_repeat(fixture, "x", 1000000), fixture_repeat(fixture, "*a, ", 5));
	first_mistake_is(fixture, text, strlen(text),
		"f.yaml:2:17: more than 3145728 bytes of text are repeated by aliases");
}

static void aliases_do_not_nest_deeper_than_the_limit(void **state)
{
	struct fixture *fixture = *state;
	char *open = fixture_repeat(fixture, "[", 40), *close = fixture_repeat(fixture, "]", 40);
	char *text = arena_printf(fixture->mem, "- &a %s1%s\n- %s*a%s\n", open, close, open, close);
	first_mistake_is(
		fixture, text, strlen(text), "f.yaml:2:43: more than 64 levels of nesting, aliases expanded");
}

static void aliases_anchors_and_documents_have_a_maximum(void **state)
{
	struct fixture *fixture = *state;
	char *text = arena_printf(fixture->mem, "- &a x\n%s", fixture_repeat(fixture, "- *a\n", 1001));
	first_mistake_is(fixture, text, strlen(text), "f.yaml:1002:3: more than 1000 aliases in one file");
	fixture->desired.mistakes.count = 0;
	text = fixture_repeat(fixture, "- &a x\n", 1001);
	first_mistake_is(fixture, text, strlen(text), "f.yaml:1001:3: more than 1000 anchors in one file");
	fixture->desired.mistakes.count = 0;
	text = fixture_repeat(fixture, "---\n", 2001);
	first_mistake_is(fixture, text, strlen(text), "f.yaml:2001:1: more than 2000 documents in one file");
}

static void a_map_of_many_keys_is_read_and_its_repeats_are_found(void **state)
{
	struct fixture *fixture = *state;
	struct buf text = BUF(3u << 20);
	for (int i = 0; i < 60000; i++)
		buf_printf(&text, "key%d: 1\n", i);
	assert_int_equal(fixture_yaml(fixture, text.data, text.length).items[0]->count, 60000);
	buf_text(&text, "key77: 1\n");
	first_mistake_is(fixture, text.data, text.length,
		"f.yaml:60001:1: key \"key77\" is already set 59923 lines above: remove one of them");
	buf_done(&text);
}

static void a_merge_behind_a_key_is_one_mistake_for_several_bases(void **state)
{
	struct fixture *fixture = *state;
	const char *text = "a: &a {x: 1}\nb: &b {x: 2}\nc:\n  x: 3\n  <<: [*a, *b]\n";
	fixture_yaml(fixture, text, strlen(text));
	assert_string_equal(fixture_mistakes(fixture),
		"f.yaml:5:3: the merge would replace key \"x\" set before it in the line above: put \"<<\" first\n");
}

static void keys_keep_the_order_of_the_file(void **state)
{
	struct fixture *fixture = *state;
	const char *text = "z: 1\na: 2\nm: 3\n1: 4\n2: 5\n3: 6\n4: 7\n5: 8\n6: 9\n7: 10\n";
	struct yaml_documents documents = fixture_yaml(fixture, text, strlen(text));
	assert_string_equal(documents.items[0]->pairs[0].key, "z");
	assert_string_equal(documents.items[0]->pairs[2].key, "m");
	assert_string_equal(documents.items[0]->pairs[9].key, "7");
}

static void empty_documents_are_left_out(void **state)
{
	struct fixture *fixture = *state;
	const char *text = "---\n---\n# nothing\n---\nnull\n---\na: 1\n---\n";
	assert_int_equal(fixture_yaml(fixture, text, strlen(text)).count, 1);
	assert_int_equal(fixture_yaml(fixture, "", 0).count, 0);
	assert_int_equal(fixture_yaml(fixture, NULL, 0).count, 0);
	assert_int_equal(fixture->desired.mistakes.count, 0);
}

static void only_utf8_is_read(void **state)
{
	struct fixture *fixture = *state;
	first_mistake_is(fixture,
		"\xff\xfe"
		"a\0",
		4, "f.yaml:1:1: UTF-16 or UTF-32 text: save the file as UTF-8");
	fixture->desired.mistakes.count = 0;
	first_mistake_is(fixture, "a: b\nc: \xc3\xa9\xe9\n", 11,
		"f.yaml:2:5: byte 0xe9 is not UTF-8: save the file as UTF-8");
	fixture->desired.mistakes.count = 0;
	first_mistake_is(
		fixture, "a: b\0c", 6, "f.yaml:1:5: not valid YAML: control characters are not allowed");
}

static void directives_are_bounded_before_they_cost_anything(void **state)
{
	struct fixture *fixture = *state;
	struct buf text = BUF(3u << 20);
	for (int i = 0; i < 100000; i++)
		buf_printf(&text, "%%TAG !%d! tag:a,2000:\n", i);
	first_mistake_is(fixture, text.data, text.length,
		"f.yaml: more than 16 lines begin with %TAG: tags are not supported");
	buf_done(&text);
}

static void a_file_beyond_the_maximum_is_not_parsed(void **state)
{
	struct fixture *fixture = *state;
	char *text = fixture_repeat(fixture, "# comment\n", 400000);
	first_mistake_is(fixture, text, strlen(text),
		"f.yaml: larger than 3145728 bytes: split it, or keep it out of the path");
}

static void integral_floats_become_integers(void **state)
{
	struct fixture *fixture = *state;
	const char *text = "[1.0, 1e3, 1e17, -2.0, 1.5, 1e300, 9223372036854775807]";
	struct yaml_documents documents = fixture_yaml(fixture, text, strlen(text));
	CLEANUP(json_done) json_t *value = yaml_to_json(documents.items[0]);
	assert_true(json_is_integer(json_array_get(value, 0)));
	assert_int_equal(json_integer_value(json_array_get(value, 2)), 100000000000000000);
	assert_int_equal(json_integer_value(json_array_get(value, 3)), -2);
	assert_true(json_is_real(json_array_get(value, 4)));
	assert_true(json_is_real(json_array_get(value, 5)));
	assert_true(json_integer_value(json_array_get(value, 6)) == INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_and_documents_are_read_as_kubectl_reads_them),
		FIXTURE_TEST(every_node_knows_its_place),
		FIXTURE_TEST(each_mistake_of_a_file_is_reported_and_good_documents_are_kept),
		FIXTURE_TEST(a_syntax_error_keeps_the_documents_before_it),
		FIXTURE_TEST(nesting_stops_before_it_costs_anything),
		FIXTURE_TEST(sixty_four_levels_are_read),
		FIXTURE_TEST(an_alias_bomb_is_counted_expanded),
		FIXTURE_TEST(a_long_text_repeated_by_aliases_is_counted_too),
		FIXTURE_TEST(aliases_do_not_nest_deeper_than_the_limit),
		FIXTURE_TEST(aliases_anchors_and_documents_have_a_maximum),
		FIXTURE_TEST(a_map_of_many_keys_is_read_and_its_repeats_are_found),
		FIXTURE_TEST(a_merge_behind_a_key_is_one_mistake_for_several_bases),
		FIXTURE_TEST(keys_keep_the_order_of_the_file),
		FIXTURE_TEST(empty_documents_are_left_out),
		FIXTURE_TEST(only_utf8_is_read),
		FIXTURE_TEST(directives_are_bounded_before_they_cost_anything),
		FIXTURE_TEST(a_file_beyond_the_maximum_is_not_parsed),
		FIXTURE_TEST(integral_floats_become_integers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
