#include "reconcile/ignore/fields.h"
#include "tests/reconcile/ignore/fixture.h"

static void expect(const char *fields, const char *document, const char *places)
{
	CLEANUP(json_done) json_t *managed = json_array();
	CLEANUP(json_done) json_t *read = from_text(document);
	CLEANUP(json_done) json_t *found = json_array();
	json_array_append_new(
		managed, json_pack("{s:s, s:o}", "manager", "hpa", "fieldsV1", from_text(fields)));
	json_array_append_new(managed, json_pack("{s:s, s:{s:{}}}", "manager", "other", "fieldsV1", "f:data"));
	fields_owned(managed, "hpa", read, found);
	assert_json(found, places);
}

static void values_of_maps(void **state)
{
	(void)state;
	expect("{'f:spec':{'f:replicas':{},'f:absent':{}}}", "{'spec':{'replicas':3,'x':1},'data':{'a':1}}",
		"[['spec','replicas']]");
	expect("{'f:metadata':{'f:annotations':{'.':{},'f:a/b':{}}}}",
		"{'metadata':{'annotations':{'a/b':'1','c':'2'}}}", "[['metadata','annotations','a/b']]");
}

static void elements_are_found_by_their_keys(void **state)
{
	static const char document[] =
		"{'c':[{'name':'proxy','image':'p'},{'name':'web','image':'w','cpu':1}]}";
	(void)state;
	expect("{'f:c':{'k:{\\'name\\':\\'web\\'}':{'f:image':{}}}}", document, "[['c',1,'image']]");
	expect("{'f:c':{'k:{\\'name\\':\\'web\\'}':{'.':{},'f:name':{},'f:image':{}}}}", document,
		"[['c',1,'image']]");
	expect("{'f:c':{'k:{\\'name\\':\\'proxy\\'}':{'.':{},'f:name':{},'f:image':{}}}}", document,
		"[['c',0]]");
	expect("{'f:c':{'k:{\\'name\\':\\'gone\\'}':{'f:image':{}}}}", document, "[]");
}

static void elements_of_sets_and_of_plain_lists(void **state)
{
	(void)state;
	expect("{'f:finalizers':{'v:\\'b\\'':{}}}", "{'finalizers':['a','b']}", "[['finalizers',1]]");
	expect("{'f:l':{'i:0':{'f:x':{}}}}", "{'l':[{'x':1,'y':2}]}", "[['l',0,'x']]");
	expect("{'f:whole':{}}", "{'whole':[1,2]}", "[['whole']]");
}

static void fields_that_fit_nothing_name_nothing(void **state)
{
	(void)state;
	expect("{'f:a':{'f:b':{}},'k:{bad':{},'f:l':{'k:{bad':{},'x:1':{},'v:':{}}}", "{'a':1,'l':[1]}", "[]");
	expect("{'':{},'f:l':{'':{},'k':{}}}", "{'':1,'l':[1]}", "[]");
	CLEANUP(json_done) json_t *found = json_array();
	fields_owned(NULL, "hpa", found, found);
	assert_json(found, "[]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_maps),
		cmocka_unit_test(elements_are_found_by_their_keys),
		cmocka_unit_test(elements_of_sets_and_of_plain_lists),
		cmocka_unit_test(fields_that_fit_nothing_name_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
