#include "base/digest.h"

#include "base/text.h"
#include "fixture.h"

static void sha256_gives_the_standards_values(void **state)
{
	char hex[DIGEST_HEX_SIZE];
	(void)state;
	digest_sha256_hex("", 0, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	digest_sha256_hex("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void sha1_gives_the_standards_value(void **state)
{
	unsigned char digest[DIGEST_SHA1_SIZE];
	char hex[2 * DIGEST_SHA1_SIZE + 1];
	(void)state;
	digest_sha1("abc", 3, digest);
	text_hex(digest, sizeof(digest), hex);
	assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

/* RFC 4231, test case 2. */
static void hmac_gives_the_standards_value(void **state)
{
	unsigned char digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];
	(void)state;
	struct digest_mac *mac = digest_mac_new();
	digest_mac(mac, "another key", 11, "another text", 12, digest);
	digest_mac(mac, "Jefe", 4, "what do ya want for nothing?", 28, digest);
	text_hex(digest, sizeof(digest), hex);
	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	digest_mac_free(mac);
	digest_mac_free(NULL);
	digest_hmac("Jefe", 4, "what do ya want for nothing?", 28, digest);
	text_hex(digest, sizeof(digest), hex);
	assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void equal_compares_all_bytes(void **state)
{
	(void)state;
	assert_true(digest_equal("abcd", "abcd", 4));
	assert_false(digest_equal("abcd", "abce", 4));
	assert_true(digest_equal("a", "b", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_gives_the_standards_values),
		cmocka_unit_test(sha1_gives_the_standards_value),
		cmocka_unit_test(hmac_gives_the_standards_value),
		cmocka_unit_test(equal_compares_all_bytes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
