/*
 * fuzz_address.c - what names a repository, a server and a revision: URLs, known_hosts, allowed signers, versions
 *
 * The first byte says what the rest is taken for. A URL that was taken is safe to hand to a transport and to show: no control
 * character, no password, no host or user that a program would take for an option; and what was made of it means the same again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/source/allowed_signers.h"
#include "reconcile/source/known_hosts.h"
#include "reconcile/source/object_format.h"
#include "reconcile/source/semver.h"
#include "reconcile/source/source.h"
#include "reconcile/source/url.h"
#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require_no_control(const char *text)
{
	for (const char *at = text; *at; at++)
		require((unsigned char)*at >= ' ' && *at != 127);
}

static void read_url(const char *text, struct arena *mem)
{
	struct url url, again;
	struct error err;
	if (!url_parse(text, mem, &url, &err)) {
		require(source_url_shown(text, mem) && source_url_plain(text, mem) &&
			source_url_identity(text, mem));
		return;
	}
	require_no_control(url.address);
	require_no_control(url.shown);
	require(url.scheme == URL_FILE || text_is_utf8(url.shown, strlen(url.shown)));
	require(*url.path == '/' && *url.host != '-' && url.port >= 0 && url.port <= 65535);
	require((url.scheme == URL_FILE) == !*url.host);
	require(!url.user || (*url.user && *url.user != '-'));
	require(url_same_server(&url, &url));
	require(url_parse(url.address, mem, &again, &err));
	require(again.scheme == url.scheme && strcmp(again.host, url.host) == 0 && again.port == url.port);
	require(strcmp(again.path, url.path) == 0 && strcmp(again.plain, url.plain) == 0);
}

/* The first of the lines is the key's blob, as it came from the network. */
static void read_hosts(const char *text, struct arena *mem)
{
	const char *end = strchr(text, '\n');
	size_t length = end ? (size_t)(end - text) : 0;
	const unsigned char *key = (const unsigned char *)text;
	char algorithms[KNOWN_HOSTS_ALGORITHMS], type[64], fingerprint[FINGERPRINT_SIZE];
	known_hosts_type(key, length, type);
	require_no_control(type);
	known_hosts_fingerprint(key, length, fingerprint);
	require(known_hosts_kind(type));
	for (int port = 22; port < 2223; port += 2200) {
		known_hosts_algorithms(text, "git.example.org", port, algorithms);
		require(strlen(algorithms) < sizeof(algorithms));
		known_hosts_check(text, "git.example.org", port, key, length);
		known_hosts_check(end ? end : text, "10.0.0.1", port, key, length);
	}
	struct allowed_signers signers;
	struct error err;
	bool expired;
	if (!allowed_signers_read(text, mem, &signers, &err))
		return;
	for (size_t i = 0; i < signers.count; i++) {
		const struct allowed_signer *one = &signers.items[i];
		require(one->key_length && *one->principals && one->line > 0);
		allowed_signers_find(&signers, one->key, one->key_length, one->after, &expired);
	}
}

/* Comparing is an order, and a constraint answers for whatever is a version. */
static void read_versions(char *text, struct arena *mem)
{
	struct semver versions[16];
	size_t count = 0;
	char *rest = text, *line = strsep(&rest, "\n");
	const struct semver_range *range = semver_range_parse(line, mem);
	while (rest && count < COUNT_OF(versions))
		count += semver_parse(strsep(&rest, "\n"), &versions[count]);
	for (size_t i = 0; i < count; i++) {
		require(semver_compare(&versions[i], &versions[i]) == 0);
		if (range)
			semver_range_has(range, &versions[i]);
		for (size_t j = 0; j < count; j++) {
			int one = semver_compare(&versions[i], &versions[j]);
			int other = semver_compare(&versions[j], &versions[i]);
			require((one < 0) == (other > 0) && (one == 0) == (other == 0));
		}
	}
	if (range)
		semver_range_takes_pre(range);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct arena *mem = arena_new((size_t)64 << 20);
	char *text = arena_copy_n(mem, (const char *)data + 1, size - 1);
	switch (data[0] % 4) {
	case 0:
		read_url(text, mem);
		break;
	case 1:
		read_hosts(text, mem);
		break;
	case 2:
		read_versions(text, mem);
		break;
	default:
		object_format_is_sha256(text, strlen(text));
	}
	arena_free(mem);
	return 0;
}
