/* Placeholders, encrypted values, and values that are no secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/leak/comment.h"
#include "reconcile/leak/public.h"

static void placeholders_and_encrypted_values_are_public(void **state)
{
	static const char *const values[] = {"", "  ", "${DB_PASSWORD}", "$(DB_PASSWORD)", "$DB_PASSWORD",
		"{{ .Values.password }}", "{{ .p | b64enc | quote }}", "<path:kv/data/db#password>",
		"<your password>", "vault:secret/data/db#password", "ref+vault://secret/db#/password",
		"ENC[AES256_GCM,data:abc,iv:x,tag:y,type:str]", "$ANSIBLE_VAULT;1.1;AES256\n3132",
		"op://vault/item/field", "REPLACE_ME", "CHANGE_ME", "xxxxxxxx", "********", "...", "true",
		"null", "%(password)s", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
		"postgres://{{ user }}:{{ pw }}@host/db"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(values); i++)
		if (!public_value(values[i], strlen(values[i]), false))
			fail_msg("%s", values[i]);
}

static void passwords_are_not(void **state)
{
	static const char *const values[] = {"hunter2", "correct horse", "$ecret", "Pa$$word1", "changeme",
		"your-password", "x1", "12345", "p<a>b", "AgBhunter2",
		"-----BEGIN RSA PRIVATE KEY-----\nMIIE", "tr{ick}y", "пароль", "100%", "a{{b"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(values); i++)
		if (public_value(values[i], strlen(values[i]), false))
			fail_msg("%s", values[i]);
	assert_true(public_value("your-password", 13, true));
	assert_true(public_value("changeme", 8, true));
	assert_true(public_data("PHBhdGg6a3YvZGF0YS9kYiNwYXNzd29yZD4=", 36, false));
	assert_false(public_data("aHVudGVyMg==", 12, false));
}

static void what_kubeseal_made_is_told_from_what_it_did_not(void **state)
{
	char whole[732];
	(void)state;
	memset(whole, 'A', sizeof(whole));
	memcpy(whole, "AgBy", 4);
	assert_true(public_is_sealed(whole, sizeof(whole)));
	assert_true(public_is_sealed("AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq.....", 37));
	assert_false(public_is_sealed(whole, 600));
	assert_false(public_is_sealed("hunter2", 7));
	assert_false(public_is_sealed("aHVudGVyMg==", 12));
	assert_false(public_is_sealed("AgBy hunter2!", 13));
	assert_false(public_is_sealed("hunter2 .....", 13));
}

static void keys_that_hold_a_password_are_told_from_keys_that_name_one(void **state)
{
	static const char *const yes[] = {
		"password", "Old_Password", "passwd", "PGPASSWORD", "pwd", "db.pass", "pass", "passphrase"};
	static const char *const no[] = {"passwordSecretName", "passwordFile", "compass", "bypass",
		"username", "passwordRef", "password_encryption"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(yes); i++)
		if (!public_names_password(yes[i], strlen(yes[i])))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < COUNT_OF(no); i++)
		if (public_names_password(no[i], strlen(no[i])))
			fail_msg("%s", no[i]);
}

static void comments_that_hold_an_old_password_are_told_from_other_comments(void **state)
{
	static const char *const yes[] = {"# password: hunter2", "# old: Tr0ub4dor&3",
		"# was hunter2 until May", "# pw=hunter22", "# password hunter2"};
	static const char *const no[] = {"# the password is in the vault", "# ticket OPS-12345 was closed",
		"# until 2027-05-01", "# ask bob@example.org for the old one", "# see https://wiki/old/Page1",
		"# old: ${OLD}", "# team2 of hall7"};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(yes); i++)
		if (!comment_values(yes[i], strlen(yes[i]), NULL, NULL))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < COUNT_OF(no); i++)
		if (comment_values(no[i], strlen(no[i]), NULL, NULL))
			fail_msg("%s", no[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(placeholders_and_encrypted_values_are_public),
		cmocka_unit_test(passwords_are_not),
		cmocka_unit_test(what_kubeseal_made_is_told_from_what_it_did_not),
		cmocka_unit_test(keys_that_hold_a_password_are_told_from_keys_that_name_one),
		cmocka_unit_test(comments_that_hold_an_old_password_are_told_from_other_comments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
