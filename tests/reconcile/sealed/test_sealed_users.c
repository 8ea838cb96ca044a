/* Incremental sealing: what did not change keeps every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "reconcile/sealed/sealed_users.h"

struct fixture {
	struct certificate certificate;
	struct sealing_keys keys;
	struct receipts *receipts;
	struct arena *mem;
	struct mistakes mistakes;
	struct sealed_users result;
	char folder[64];
	char *text; /* sealed-users.yaml as it is now */
};

static int setup(void **state)
{
	struct fixture *f = memory_alloc(sizeof(*f));
	struct error err;
	assert_true(certificate_read_file(TEST_DATA "/vectors/cert-a.pem", &f->certificate, &err));
	assert_true(sealing_keys_add_file(&f->keys, TEST_DATA "/vectors/key-a.pem", &err));
	strcpy(f->folder, "/tmp/sealed-users-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	char *file = memory_printf("%s/receipts", f->folder);
	assert_true(receipts_open(file, &f->receipts, &err));
	free(file);
	f->mem = arena_new(1 << 24);
	f->mistakes.mem = f->mem;
	f->text = memory_copy("");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct error err;
	certificate_done(&f->certificate);
	sealing_keys_done(&f->keys);
	receipts_close(f->receipts);
	arena_free(f->mem);
	assert_true(file_remove_folder(f->folder, &err));
	free(f->text);
	free(f);
	return 0;
}

static bool make_with(struct fixture *f, const char *edit, const struct sealed_users_input *options)
{
	CLEANUP(edit_users_done) struct edit_users users = {0};
	CLEANUP(buf_done) struct buf out = BUF(1 << 22);
	struct sealed_users_input input = *options;
	f->mistakes.count = 0;
	if (!edit_users_read("edit-users.yaml", edit, strlen(edit), NULL, &users, &f->mistakes))
		fail_msg("%s", mistake_text(&f->mistakes.items[0], f->mem));
	input.users = &users;
	input.file = "sealed-users.yaml";
	input.text = f->text;
	input.length = strlen(f->text);
	if (!sealed_users_make(&input, f->mem, &f->result, &out, &f->mistakes))
		return false;
	free(f->text);
	f->text = memory_copy(buf_string(&out));
	return true;
}

static bool make(struct fixture *f, const char *edit)
{
	struct sealed_users_input options = {.certificate = &f->certificate, .receipts = f->receipts};
	return make_with(f, edit, &options);
}

/* The password that the text holds for a Secret; NULL when it is not there. */
static char *password_of(struct fixture *f, const char *secret)
{
	struct yaml_documents documents = {0};
	struct mistakes mistakes = {.mem = f->mem};
	char *found = NULL;
	yaml_read("s", f->text, strlen(f->text), f->mem, &documents, &mistakes);
	assert_int_equal(mistakes.count, 0);
	for (size_t i = 0; i < documents.count; i++) {
		CLEANUP(json_done) json_t *object = yaml_to_json(documents.items[i]);
		CLEANUP(secret_done) struct secret value = {0};
		struct sealed_secret sealed;
		struct error err;
		if (!sealed_secret_read(object, &sealed, &err) || strcmp(sealed.name, secret) != 0)
			continue;
		if (!sealed_secret_open_value(&sealed, "password", &f->keys, NULL, 0, &value, NULL, &err))
			fail_msg("%s", err.text);
		found = arena_copy(f->mem, value.bytes);
	}
	return found;
}

static void assert_mistake(struct fixture *f, const char *says)
{
	assert_true(f->mistakes.count > 0);
	if (!strstr(f->mistakes.items[0].text, says))
		fail_msg("\"%s\" does not say \"%s\"", f->mistakes.items[0].text, says);
}

static void first_all_are_sealed_in_the_predecessors_layout(void **state)
{
	struct fixture *f = *state;
	assert_true(make(
		f, "users:\n- {username: user_9, password: p9p9}\n- {username: user_4, password: p4p4}\n"));
	assert_int_equal(f->result.sealed.count, 2);
	assert_string_equal(password_of(f, "user-user-9-secret"), "p9p9");
	assert_string_equal(password_of(f, "user-user-4-secret"), "p4p4");
	static const char head[] =
		"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: user-user-9-secret\n"
		"  namespace: postgres\nspec:\n  encryptedData:\n    password: AQ";
	static const char tail[] =
		"\n  template:\n    metadata:\n      name: user-user-9-secret\n      namespace: postgres\n"
		"    type: Opaque\n---\napiVersion: ";
	assert_memory_equal(f->text, head, sizeof(head) - 1);
	assert_non_null(strstr(f->text, tail));
}

static void nothing_changes_when_nothing_changed(void **state)
{
	struct fixture *f = *state;
	static const char edit[] = "users:\n- {username: a, password: p1p1}\n- {username: b, password: p2p2}\n";
	assert_true(make(f, edit));
	char *before = memory_copy(f->text);
	assert_true(make(f, edit));
	assert_false(f->result.changed);
	assert_int_equal(f->result.kept, 2);
	assert_string_equal(f->text, before);
	free(before);
}

static void a_user_more_changes_one_document(void **state)
{
	struct fixture *f = *state;
	assert_true(make(f, "users:\n- {username: a, password: p1p1}\n- {username: c, password: p2p2}\n"));
	char *before = memory_copy(f->text), *second = strstr(before, "---\n");
	assert_true(make(f,
		"users:\n- {username: a, password: p1p1}\n- {username: b, password: new1}\n- {username: c, password: p2p2}\n"));
	assert_int_equal(f->result.sealed.count, 1);
	assert_string_equal(f->result.sealed.items[0], "b");
	assert_memory_equal(f->text, before, (size_t)(second - before)); /* a in front of it, c behind it */
	assert_string_equal(f->text + strlen(f->text) - strlen(second), second);
	assert_string_equal(password_of(f, "user-b-secret"), "new1");
	free(before);
}

static void another_password_changes_only_its_value(void **state)
{
	struct fixture *f = *state;
	assert_true(make(f, "users:\n- {username: a, password: p1p1}\n- {username: b, password: p2p2}\n"));
	char *commented = memory_printf("# sealed for the team\n%s# end\n", f->text);
	free(f->text);
	f->text = commented;
	char *before = memory_copy(f->text);
	assert_true(make(f, "users:\n- {username: a, password: p1p1}\n- {username: b, password: other}\n"));
	assert_int_equal(f->result.sealed.count, 1);
	size_t same = 0;
	while (before[same] == f->text[same])
		same++;
	assert_non_null(strstr(before, "user-b-secret"));
	assert_true(before + same > strstr(before, "user-b-secret"));
	assert_non_null(strstr(f->text, "# sealed for the team\n"));
	assert_non_null(strstr(f->text, "# end\n"));
	assert_string_equal(password_of(f, "user-b-secret"), "other");
	assert_string_equal(password_of(f, "user-a-secret"), "p1p1");
	free(before);
}

static void a_user_without_password_keeps_the_sealed_one(void **state)
{
	struct fixture *f = *state;
	assert_true(make(f, "users:\n- {username: a, password: p1p1}\n"));
	assert_true(make(f, "users:\n- username: a\n"));
	assert_false(f->result.changed);
	assert_string_equal(password_of(f, "user-a-secret"), "p1p1");
	assert_false(make(f, "users:\n- username: a\n- username: b\n"));
	assert_mistake(f, "user \"b\" has no password, and there is no sealed one");
}

/* The same by the lines alone and, with a comment in the file, as YAML. */
static void a_comment_in_the_file_changes_nothing_but_how_it_is_read(void **state)
{
	static const char first[] =
		"users:\n- {username: a, password: p1p1}\n- {username: b, password: p2p2}\n",
			  next[] = "users:\n- {username: a, password: p1p1}\n- {username: b, password: p3p3}\n";
	struct fixture *f = *state;
	assert_true(make(f, first));
	char *lines = memory_copy(f->text), *yaml = memory_printf("# by hand\n%s", f->text);
	for (int with = 0; with < 2; with++) {
		free(f->text);
		f->text = memory_copy(with ? yaml : lines);
		size_t length = strlen(f->text), kept = (size_t)(strstr(f->text, "---\n") - f->text);
		assert_true(make(f, next));
		assert_int_equal(f->result.sealed.count, 1);
		assert_int_equal(f->result.kept, 1);
		assert_int_equal(strlen(f->text), length);
		assert_memory_equal(f->text, with ? yaml : lines, kept);
		assert_string_equal(password_of(f, "user-b-secret"), "p3p3");
		assert_true(make(f, first)); /* the receipts as they were */
	}
	free(lines);
	free(yaml);
}

static void a_removed_user_loses_its_document_and_those_of_others_stay(void **state)
{
	struct fixture *f = *state;
	static const char other[] =
		"---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: registry\n"
		"  namespace: postgres\nspec:\n  encryptedData:\n    password: AgX\n";
	assert_true(make(f, "users:\n- {username: a, password: p1p1}\n- {username: b, password: p2p2}\n"));
	char *both = memory_printf("%s%s", f->text, other);
	free(f->text);
	f->text = both;
	static const char *const gone[] = {"user-a-secret", "user-b-secret"};
	struct sealed_users_input removing = {
		.certificate = &f->certificate, .receipts = f->receipts, .removed = gone, .removed_count = 2};
	assert_true(make(f, "users:\n- {username: b, password: p2p2}\n")); /* not named as removed */
	assert_non_null(strstr(f->text, "user-a-secret"));
	assert_true(make_with(f, "users:\n- {username: b, password: p2p2}\n", &removing));
	assert_int_equal(f->result.removed.count, 1); /* b is a user still */
	assert_string_equal(f->result.removed.items[0], "user-a-secret");
	assert_null(strstr(f->text, "user-a-secret"));
	assert_non_null(strstr(f->text, other));
}

static void without_receipts_a_given_password_is_sealed_again(void **state)
{
	struct fixture *f = *state;
	static const char edit[] = "users:\n- {username: a, password: p1p1}\n";
	struct sealed_users_input options = {.certificate = &f->certificate};
	assert_true(make(f, edit));
	char *before = memory_copy(f->text);
	assert_true(make_with(f, edit, &options));
	assert_true(f->result.changed);
	assert_string_not_equal(f->text, before);
	assert_string_equal(password_of(f, "user-a-secret"), "p1p1");
	free(before);
}

static void a_ciphertext_that_somebody_else_replaced_is_not_taken_for_ours(void **state)
{
	struct fixture *f = *state;
	assert_true(make(f, "users:\n- {username: a, password: p1p1}\n"));
	char *ours = memory_copy(f->text);
	struct sealed_users_input theirs = {.certificate = &f->certificate};
	assert_true(make_with(f, "users:\n- {username: a, password: theirs}\n", &theirs));
	assert_string_not_equal(f->text, ours);
	assert_true(make(f, "users:\n- {username: a, password: p1p1}\n"));
	assert_int_equal(f->result.sealed.count, 1);
	assert_string_equal(password_of(f, "user-a-secret"), "p1p1");
	free(ours);
}

static void a_renamed_user_needs_the_password_once_more(void **state)
{
	struct fixture *f = *state;
	assert_true(make(f, "users:\n- {username: carla, password: p1p1}\n"));
	assert_false(make(f, "users:\n- {username: carol, renamedFrom: carla}\n"));
	assert_mistake(f, "bound to the old name");
	static const char *const gone[] = {"user-carla-secret"};
	struct sealed_users_input renaming = {
		.certificate = &f->certificate, .receipts = f->receipts, .removed = gone, .removed_count = 1};
	assert_true(
		make_with(f, "users:\n- {username: carol, renamedFrom: carla, password: p1p1}\n", &renaming));
	assert_string_equal(password_of(f, "user-carol-secret"), "p1p1");
	assert_null(strstr(f->text, "carla"));
}

static void values_of_another_certificate_are_counted_and_kept(void **state)
{
	struct fixture *f = *state;
	struct certificate other;
	struct error err;
	size_t seen = 0;
	assert_true(make(f, "users:\n- {username: a, password: p1p1}\n"));
	assert_true(certificate_read_file(TEST_DATA "/vectors/cert-b.pem", &other, &err));
	struct sealed_users_input options = {.certificate = &other, .receipts = f->receipts};
	assert_true(make_with(f, "users:\n- {username: a, password: p1p1}\n", &options));
	seen = f->result.other_certificate;
	assert_true(seen <= 1); /* one-sided: a number below the modulus proves nothing */
	assert_false(f->result.changed);
	options.reseal = true;
	assert_true(make_with(f, "users:\n- {username: a, password: p1p1}\n", &options));
	assert_true(f->result.changed);
	certificate_done(&other);
}

static void no_certificate_is_a_mistake_only_when_something_must_be_sealed(void **state)
{
	struct fixture *f = *state;
	struct sealed_users_input none = {.receipts = f->receipts};
	assert_true(make(f, "users:\n- {username: a, password: p1p1}\n"));
	assert_true(make_with(f, "users:\n- {username: a, password: p1p1}\n", &none));
	assert_false(make_with(f, "users:\n- {username: a, password: p1p2}\n", &none));
	assert_mistake(f, "there is no certificate");
}

static void a_damaged_sealed_file_is_refused_with_its_line(void **state)
{
	struct fixture *f = *state;
	free(f->text);
	f->text = memory_copy("a: b\n---\nc: d\ne: [\n");
	assert_false(make(f, "users:\n- {username: a, password: p1p1}\n"));
	assert_true(f->mistakes.items[0].line >= 4);
	free(f->text);
	f->text = memory_copy("kind: SealedSecret\nmetadata: {name: x, namespace: postgres}\n---\n"
			      "kind: SealedSecret\nmetadata: {name: x, namespace: postgres}\n");
	assert_false(make(f, "users:\n- {username: a, password: p1p1}\n"));
	assert_mistake(f, "stands there twice");
}

static void receipts_survive_and_tell_no_password(void **state)
{
	struct fixture *f = *state;
	struct receipts *again;
	struct error err;
	CLEANUP(buf_done) struct buf file = BUF(1 << 20);
	char *path = memory_printf("%s/receipts", f->folder);
	assert_true(
		make(f, "users:\n- {username: a, password: hunter2}\n- {username: b, password: hunter2}\n"));
	assert_true(receipts_write(f->receipts, &err));
	assert_true(file_read(path, &file, &err));
	assert_null(strstr(buf_string(&file), "hunter2"));
	char *first = strchr(buf_string(&file), '\n') + 1, *second = strchr(first, '\n') + 1;
	assert_true(strncmp(first, second, 64) != 0); /* equal passwords do not show */
	assert_true(receipts_open(path, &again, &err));
	receipts_close(f->receipts);
	f->receipts = again;
	assert_true(
		make(f, "users:\n- {username: a, password: hunter2}\n- {username: b, password: hunter2}\n"));
	assert_false(f->result.changed);
	free(path);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(first_all_are_sealed_in_the_predecessors_layout),
		TEST(nothing_changes_when_nothing_changed),
		TEST(a_user_more_changes_one_document),
		TEST(another_password_changes_only_its_value),
		TEST(a_user_without_password_keeps_the_sealed_one),
		TEST(a_comment_in_the_file_changes_nothing_but_how_it_is_read),
		TEST(a_removed_user_loses_its_document_and_those_of_others_stay),
		TEST(without_receipts_a_given_password_is_sealed_again),
		TEST(a_ciphertext_that_somebody_else_replaced_is_not_taken_for_ours),
		TEST(a_renamed_user_needs_the_password_once_more),
		TEST(values_of_another_certificate_are_counted_and_kept),
		TEST(no_certificate_is_a_mistake_only_when_something_must_be_sealed),
		TEST(a_damaged_sealed_file_is_refused_with_its_line),
		TEST(receipts_survive_and_tell_no_password),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
