#include "reconcile/ignore/place.h"
#include "tests/reconcile/ignore/fixture.h"

static void expect_pointer(const char *document, const char *pointer, const char *places)
{
	CLEANUP(json_done) json_t *read = from_text(document);
	CLEANUP(json_done) json_t *found = json_array();
	place_of_pointer(read, pointer, found);
	assert_json(found, places);
}

static void expect_path(const char *document, const char *path, const char *places)
{
	CLEANUP(json_done) json_t *read = from_text(document);
	CLEANUP(json_done) json_t *step = from_text(path);
	CLEANUP(json_done) json_t *found = json_array();
	place_of_path(read, step, found);
	assert_json(found, places);
}

static void pointers_follow_rfc_6901(void **state)
{
	static const char document[] = "{'a':{'b/c':1,'d~e':2,'':3},'l':[10,{'x':1}],'~1':4,'n':null}";
	(void)state;
	expect_pointer(document, "/a/b~1c", "[['a','b/c']]");
	expect_pointer(document, "/a/d~0e", "[['a','d~e']]");
	expect_pointer(document, "/~01", "[['~1']]");
	expect_pointer(document, "/a/", "[['a','']]");
	expect_pointer(document, "/l/0", "[['l',0]]");
	expect_pointer(document, "/l/1/x", "[['l',1,'x']]");
	expect_pointer(document, "/n", "[['n']]");
}

static void a_pointer_to_nothing_names_nothing(void **state)
{
	static const char document[] = "{'a':{'b':1},'l':[10,11]}";
	static const char *const pointers[] = {
		"/x", "/a/b/c", "/l/2", "/l/01", "/l/-", "/l/-1", "/l/x", "/l/99999999999999999999", ""};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(pointers); i++)
		expect_pointer(document, pointers[i], "[]");
}

static void paths_of_jq_count_from_the_end_and_have_slices(void **state)
{
	static const char document[] = "{'l':[0,1,2,3],'m':[{'n':1},{'n':2}]}";
	(void)state;
	expect_path(document, "['l',-1]", "[['l',3]]");
	expect_path(document, "['l',-5]", "[]");
	expect_path(document, "['l',7]", "[]");
	expect_path(document, "['l',{'start':1,'end':3}]", "[['l',1],['l',2]]");
	expect_path(document, "['l',{'start':-2,'end':null}]", "[['l',2],['l',3]]");
	expect_path(document, "['l',{'start':3,'end':1}]", "[]");
	expect_path(document, "['l',{'start':1,'end':null},{'start':1,'end':2}]", "[['l',2]]");
	expect_path(document, "['m',{'start':1,'end':null},0,'n']", "[['m',1,'n']]");
	expect_path(document, "['m',0,'absent']", "[]");
	expect_path(document, "['l','n']", "[]");
}

static void places_are_removed_from_the_end_and_from_the_inside(void **state)
{
	CLEANUP(json_done) json_t *document = from_text("{'l':[0,1,2,3],'m':{'a':1,'b':2}}");
	CLEANUP(json_done)
	json_t *places = from_text("[['l',0],['m','a'],['l',10],['l',2],['m'],['l',2]]");
	size_t i;
	const json_t *place;
	(void)state;
	json_array_remove(places, 2);
	place_sort(places);
	assert_json(places, "[['m','a'],['m'],['l',2],['l',0]]");
	json_array_foreach (places, i, place)
		place_remove(document, place);
	assert_json(document, "{'l':[1,3]}");
}

static void expect_counterpart(const char *from, const char *to, const char *place, const char *other)
{
	CLEANUP(json_done) json_t *one = from_text(from);
	CLEANUP(json_done) json_t *two = from_text(to);
	CLEANUP(json_done) json_t *step = from_text(place);
	CLEANUP(json_done) json_t *found = place_counterpart(one, two, step);
	if (other)
		assert_json(found, other);
	else
		assert_null(found);
}

static void elements_are_found_by_what_names_them(void **state)
{
	(void)state;
	expect_counterpart("{'c':[{'name':'web','image':1}]}", "{'c':[{'name':'proxy'},{'name':'web'}]}",
		"['c',0,'image']", "['c',1,'image']");
	expect_counterpart("{'c':[{'name':'web'}]}", "{'c':[{'name':'proxy'}]}", "['c',0,'image']", NULL);
	expect_counterpart("{'c':[{'name':'web'}]}", "{'c':[{'name':'proxy'}]}", "['c',0]", "['c',1]");
	expect_counterpart("{'p':[{'port':53,'protocol':'UDP'}]}",
		"{'p':[{'port':53},{'port':53,'protocol':'UDP'}]}", "['p',0,'x']", "['p',1,'x']");
	expect_counterpart("{'v':['a','b']}", "{'v':['x','y']}", "['v',1]", "['v',1]");
	expect_counterpart("{'a':{'b':1}}", "{}", "['a','b']", "['a','b']");
}

static void setting_makes_the_way(void **state)
{
	CLEANUP(json_done) json_t *document = from_text("{'l':[1],'s':'text'}");
	CLEANUP(json_done) json_t *value = json_integer(7);
	CLEANUP(json_done) json_t *deep = from_text("['a','b','c']");
	CLEANUP(json_done) json_t *beyond = from_text("['l',5]");
	CLEANUP(json_done) json_t *blocked = from_text("['s','x']");
	(void)state;
	assert_true(place_set(document, deep, value));
	assert_true(place_set(document, beyond, value));
	assert_false(place_set(document, blocked, value));
	assert_json(document, "{'a':{'b':{'c':7}},'l':[1,7],'s':'text'}");
}

static void what_is_empty_on_both_sides_goes(void **state)
{
	CLEANUP(json_done) json_t *a = from_text("{'m':{'n':{}},'o':{}}");
	CLEANUP(json_done) json_t *b = from_text("{'o':{'p':1}}");
	CLEANUP(json_done) json_t *inside = from_text("['m','n','x']");
	CLEANUP(json_done) json_t *other = from_text("['o','x']");
	(void)state;
	place_tidy(a, b, inside);
	place_tidy(a, b, other);
	assert_json(a, "{'o':{}}");
	assert_json(b, "{'o':{'p':1}}");
}

static void places_touch_when_one_holds_the_other(void **state)
{
	CLEANUP(json_done) json_t *places = from_text("[['a','b'],['l',1]]");
	static const struct {
		const char *place;
		bool touches;
	} cases[] = {
		{"['a','b']", true},
		{"['a']", true},
		{"['a','b','c']", true},
		{"['a','c']", false},
		{"['l',0]", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		CLEANUP(json_done) json_t *place = from_text(cases[i].place);
		assert_int_equal(place_touches(places, place), cases[i].touches);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pointers_follow_rfc_6901),
		cmocka_unit_test(a_pointer_to_nothing_names_nothing),
		cmocka_unit_test(paths_of_jq_count_from_the_end_and_have_slices),
		cmocka_unit_test(places_are_removed_from_the_end_and_from_the_inside),
		cmocka_unit_test(elements_are_found_by_what_names_them),
		cmocka_unit_test(setting_makes_the_way),
		cmocka_unit_test(what_is_empty_on_both_sides_goes),
		cmocka_unit_test(places_touch_when_one_holds_the_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
