#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/http/webhook.h"
#include "base/digest.h"
#include "base/text.h"

static const char push[] =
	"{\"ref\":\"refs/heads/main\",\"repository\":{\"clone_url\":\"https://git.example.org/team/db.git\","
	"\"ssh_url\":\"git@git.example.org:team/db.git\",\"html_url\":\"https://git.example.org/team/db\"}}";

static struct secret secret = {.bytes = (char *)"It's a Secret to Everybody", .length = 26};

static void sign(const void *body, size_t length, char signature[80])
{
	unsigned char digest[DIGEST_SIZE];
	digest_hmac(secret.bytes, secret.length, body, length, digest);
	memcpy(signature, "sha256=", 7);
	text_hex(digest, sizeof(digest), signature + 7);
}

/* A request's headers: the forge's for event and proof, and the content type. */
struct sent {
	const char *event_header, *event, *proof_header, *proof, *type;
};

static const char *sent_header(const void *context, const char *name)
{
	const struct sent *sent = context;
	if (strcmp(name, "Content-Type") == 0)
		return sent->type;
	if (strcmp(name, sent->event_header) == 0)
		return sent->event;
	return strcmp(name, sent->proof_header) == 0 ? sent->proof : NULL;
}

static struct sent github(const char *event, const char *proof, const char *type)
{
	return (struct sent){"X-GitHub-Event", event, "X-Hub-Signature-256", proof, type};
}

/* The caller ends `verdict`. */
static void deliver(const struct secret *known, const struct sent *sent, const char *body, size_t length,
	struct webhook_verdict *verdict)
{
	const struct webhook_delivery delivery = {sent_header, sent, body, length};
	webhook_read(known, &delivery, verdict);
}

static int status_of(const char *event, const char *type, const char *body, size_t length)
{
	char signature[80];
	struct webhook_verdict verdict;
	sign(body, length, signature);
	const struct sent sent = github(event, signature, type);
	deliver(&secret, &sent, body, length, &verdict);
	int status = verdict.status;
	if (status != 202)
		assert_int_equal(verdict.url_count, 0);
	assert_non_null(verdict.text);
	webhook_done(&verdict);
	return status;
}

static int push_status(const char *body)
{
	return status_of("push", "application/json", body, strlen(body));
}

/* The example of GitHub's own documentation. */
static void the_signature_is_githubs(void **state)
{
	(void)state;
	char signature[80];
	sign("Hello, World!", 13, signature);
	assert_string_equal(
		signature, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
}

static void a_push_names_every_url_of_its_repository(void **state)
{
	(void)state;
	char signature[80];
	struct webhook_verdict verdict;
	sign(push, strlen(push), signature);
	const struct sent sent = github("push", signature, "application/json; charset=utf-8");
	deliver(&secret, &sent, push, strlen(push), &verdict);
	assert_int_equal(verdict.status, 202);
	assert_int_equal(verdict.url_count, 3);
	assert_string_equal(verdict.urls[0], "https://git.example.org/team/db.git");
	assert_string_equal(verdict.urls[1], "git@git.example.org:team/db.git");
	assert_string_equal(verdict.urls[2], "https://git.example.org/team/db");
	webhook_done(&verdict);
}

static void without_a_secret_there_is_no_webhook(void **state)
{
	(void)state;
	struct webhook_verdict verdict;
	struct secret none = {0};
	const struct sent sent = github("push", "sha256=", "application/json");
	deliver(&none, &sent, push, strlen(push), &verdict);
	assert_int_equal(verdict.status, 404);
	deliver(NULL, &sent, push, strlen(push), &verdict);
	assert_int_equal(verdict.status, 404);
}

static int signed_as(const char *signature, const char *body)
{
	struct webhook_verdict verdict;
	const struct sent sent = github("push", signature, "application/json");
	deliver(&secret, &sent, body, strlen(body), &verdict);
	int status = verdict.status;
	webhook_done(&verdict);
	return status;
}

static void any_other_signature_is_refused(void **state)
{
	(void)state;
	char good[80], bad[96];
	sign(push, strlen(push), good);
	assert_int_equal(signed_as(good, push), 202);
	assert_int_equal(signed_as(NULL, push), 401);
	assert_int_equal(signed_as("", push), 401);
	assert_int_equal(signed_as("sha256=", push), 401);
	assert_int_equal(signed_as(good + 7, push), 401);
	snprintf(bad, sizeof(bad), "sha1=%s", good + 7);
	assert_int_equal(signed_as(bad, push), 401);
	snprintf(bad, sizeof(bad), "%s00", good);
	assert_int_equal(signed_as(bad, push), 401);
	snprintf(bad, sizeof(bad), "%.*s", (int)strlen(good) - 1, good);
	assert_int_equal(signed_as(bad, push), 401);
	for (size_t i = 7; i < strlen(good); i++) {
		memcpy(bad, good, sizeof(good));
		bad[i] = bad[i] == 'f' ? '0' : 'f';
		assert_int_equal(signed_as(bad, push), 401);
		bad[i] = 'g';
		assert_int_equal(signed_as(bad, push), 401);
	}
	for (size_t i = 7; i < strlen(good); i++)
		good[i] = (char)(good[i] >= 'a' ? good[i] - 32 : good[i]);
	assert_int_equal(signed_as(good, push), 202);
}

/* A body that is not JSON at all, and no other header: it is still the signature that decides. */
static void the_signature_is_checked_before_anything_else(void **state)
{
	(void)state;
	struct webhook_verdict verdict;
	const struct sent sent = github(NULL, "sha256=00", NULL);
	deliver(&secret, &sent, "\xff{", 2, &verdict);
	assert_int_equal(verdict.status, 401);
	webhook_done(&verdict);
}

static void pings_and_other_events_ask_for_nothing(void **state)
{
	(void)state;
	assert_int_equal(status_of("ping", "application/json", "{\"zen\":\"x\"}", 11), 202);
	assert_int_equal(status_of("issues", "application/json", "{}", 2), 202);
	assert_int_equal(status_of("issues", "application/json", "", 0), 202);
	assert_int_equal(status_of(NULL, "application/json", "{}", 2), 400);
	assert_int_equal(status_of("", "application/json", "{}", 2), 400);
	assert_int_equal(status_of("push", "application/x-www-form-urlencoded", "payload=%7B%7D", 14), 415);
	assert_int_equal(status_of("push", NULL, push, strlen(push)), 415);
}

static void a_payload_of_the_wrong_shape_is_refused(void **state)
{
	(void)state;
	static const char *const bodies[] = {
		"",
		" ",
		"{",
		"null",
		"true",
		"42",
		"\"push\"",
		"[]",
		"[[]]",
		"{}",
		"{\"repository\":null}",
		"{\"repository\":[]}",
		"{\"repository\":7}",
		"{\"repository\":\"https://x/y\"}",
		"{\"repository\":{}}",
		"{\"repository\":{\"clone_url\":null}}",
		"{\"repository\":{\"clone_url\":1}}",
		"{\"repository\":{\"clone_url\":[\"https://x/y\"]}}",
		"{\"repository\":{\"clone_url\":{}}}",
		"{\"repository\":{\"clone_url\":\"\"}}",
		"{\"repository\":{\"clone_url\":\"https://x/\\u0000y\"}}",
		"{\"repository\":{\"clone_url\":\"https://x/y\",\"ssh_url\":{}}}",
		"{\"repository\":{\"clone_url\":\"a\",\"clone_url\":\"b\"}}",
		"{\"repository\":{\"clone_url\":\"\xff\xfe\"}}",
		"{\"repository\":{\"clone_url\":\"x\"}} trailing",
	};
	for (size_t i = 0; i < COUNT_OF(bodies); i++)
		assert_int_equal(push_status(bodies[i]), 400);
	assert_int_equal(push_status("{\"repository\":{\"clone_url\":\"https://x/y\"}}"), 202);
}

static void nesting_and_long_urls_are_bounded(void **state)
{
	(void)state;
	static char body[200000];
	memset(body, '[', sizeof(body) - 1);
	assert_int_equal(push_status(body), 400);
	int length = snprintf(body, sizeof(body), "{\"repository\":{\"clone_url\":\"");
	memset(body + length, 'a', 3000);
	memcpy(body + length + 3000, "\"}}", 4);
	assert_int_equal(push_status(body), 400);
}

/* ---- GitLab and Bitbucket ---- */

static int verdict_of(const struct sent *sent, const char *body, const char *urls[WEBHOOK_URLS], size_t *count)
{
	static char kept[WEBHOOK_URLS][256];
	struct webhook_verdict verdict;
	deliver(&secret, sent, body, strlen(body), &verdict);
	*count = verdict.url_count;
	for (size_t i = 0; i < verdict.url_count; i++) {
		snprintf(kept[i], sizeof(kept[i]), "%s", verdict.urls[i]);
		urls[i] = kept[i];
	}
	int status = verdict.status;
	webhook_done(&verdict);
	return status;
}

static struct sent gitlab(const char *event, const char *token)
{
	return (struct sent){"X-Gitlab-Event", event, "X-Gitlab-Token", token, "application/json"};
}

static const char gitlab_push[] =
	"{\"object_kind\":\"push\",\"event_name\":\"push\",\"ref\":\"refs/heads/main\",\"project\":{\"name\":\"db\",\"web_url\":"
	"\"https://gitlab.example.org/team/db\",\"git_ssh_url\":\"git@gitlab.example.org:team/db.git\",\"git_http_url\":"
	"\"https://gitlab.example.org/team/db.git\"},\"repository\":{\"homepage\":\"https://gitlab.example.org/team/db\"}}";

static void gitlab_sends_the_secret_itself(void **state)
{
	(void)state;
	const char *urls[WEBHOOK_URLS];
	size_t count;
	static const char *const wrong[] = {NULL, "", "It's a Secret to Everybody ",
		"It's a Secret to Everybod", "it's a Secret to Everybody"};
	struct sent sent = gitlab("Push Hook", "It's a Secret to Everybody");
	assert_int_equal(verdict_of(&sent, gitlab_push, urls, &count), 202);
	assert_int_equal(count, 4);
	assert_string_equal(urls[0], "https://gitlab.example.org/team/db.git");
	assert_string_equal(urls[1], "git@gitlab.example.org:team/db.git");
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		sent = gitlab("Push Hook", wrong[i]);
		assert_int_equal(verdict_of(&sent, gitlab_push, urls, &count), 401);
		assert_int_equal(count, 0);
	}
}

/* A signature is no token, and a token no signature. */
static void each_forge_is_believed_in_its_own_way(void **state)
{
	(void)state;
	const char *urls[WEBHOOK_URLS];
	size_t count;
	char signature[80];
	sign(gitlab_push, strlen(gitlab_push), signature);
	struct sent sent = gitlab("Push Hook", signature);
	assert_int_equal(verdict_of(&sent, gitlab_push, urls, &count), 401);
	sent = github("push", "It's a Secret to Everybody", "application/json");
	assert_int_equal(verdict_of(&sent, push, urls, &count), 401);
}

static void gitlab_pushes_of_branches_tags_and_the_system_count(void **state)
{
	(void)state;
	static const struct {
		const char *event, *body;
		int status;
		size_t urls;
	} cases[] = {
		{"Tag Push Hook", gitlab_push, 202, 4},
		{"System Hook", gitlab_push, 202, 4},
		{"System Hook", "{\"event_name\":\"project_create\"}", 202, 0},
		{"Issue Hook", gitlab_push, 202, 0},
		{"", gitlab_push, 400, 0},
		{"Push Hook", "{\"project\":{}}", 400, 0},
		{"Push Hook", "{\"project\":{\"web_url\":1}}", 400, 0},
		{"Push Hook", "{", 400, 0},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *urls[WEBHOOK_URLS];
		size_t count;
		const struct sent sent = gitlab(cases[i].event, "It's a Secret to Everybody");
		assert_int_equal(verdict_of(&sent, cases[i].body, urls, &count), cases[i].status);
		assert_int_equal(count, cases[i].urls);
	}
}

static int bitbucket(const char *event, const char *body, const char *urls[WEBHOOK_URLS], size_t *count)
{
	char signature[80];
	sign(body, strlen(body), signature);
	const struct sent sent = {
		"X-Event-Key", event, "X-Hub-Signature", signature, "application/json; charset=utf-8"};
	return verdict_of(&sent, body, urls, count);
}

static void bitbucket_cloud_names_its_page_which_is_its_address_by_ssh_too(void **state)
{
	(void)state;
	const char *urls[WEBHOOK_URLS];
	size_t count;
	assert_int_equal(bitbucket("repo:push",
				 "{\"repository\":{\"full_name\":\"team/db\",\"links\":{\"html\":{\"href\":"
				 "\"https://bitbucket.org/team/db\"}}},\"push\":{\"changes\":[]}}",
				 urls, &count),
		202);
	assert_int_equal(count, 2);
	assert_string_equal(urls[0], "https://bitbucket.org/team/db");
	assert_string_equal(urls[1], "ssh://git@bitbucket.org/team/db");
	assert_int_equal(bitbucket("repo:push", "{\"repository\":{}}", urls, &count), 400);
	assert_int_equal(bitbucket("pullrequest:created", "{}", urls, &count), 202);
	assert_int_equal(count, 0);
}

static void bitbucket_server_names_where_to_clone_from(void **state)
{
	(void)state;
	const char *urls[WEBHOOK_URLS];
	size_t count;
	assert_int_equal(
		bitbucket("repo:refs_changed",
			"{\"eventKey\":\"repo:refs_changed\",\"repository\":{\"slug\":\"db\",\"project\":{\"key\":\"TEAM\"},\"links\":"
			"{\"clone\":[{\"href\":\"ssh://git@bitbucket.example.org:7999/team/db.git\",\"name\":\"ssh\"},"
			"{\"href\":\"https://bitbucket.example.org/scm/team/db.git\",\"name\":\"http\"}]}}}",
			urls, &count),
		202);
	assert_int_equal(count, 2);
	assert_string_equal(urls[0], "ssh://git@bitbucket.example.org:7999/team/db.git");
	assert_string_equal(urls[1], "https://bitbucket.example.org/scm/team/db.git");
	assert_int_equal(bitbucket("diagnostics:ping", "{\"test\":true}", urls, &count), 202);
	assert_int_equal(count, 0);
	assert_int_equal(
		bitbucket("repo:refs_changed", "{\"repository\":{\"slug\":\"db\"}}", urls, &count), 400);
}

/* ---- Gogs, Azure DevOps, anything else ---- */

static void gogs_sends_the_signature_alone(void **state)
{
	(void)state;
	const char *urls[WEBHOOK_URLS];
	size_t count;
	char signature[80];
	sign(push, strlen(push), signature);
	struct sent sent = {"X-Gogs-Event", "push", "X-Gogs-Signature", signature + 7, "application/json"};
	assert_int_equal(verdict_of(&sent, push, urls, &count), 202);
	assert_int_equal(count, 3);
	sent.proof = signature;
	assert_int_equal(verdict_of(&sent, push, urls, &count), 401);
	sent.proof = "";
	assert_int_equal(verdict_of(&sent, push, urls, &count), 401);
	sent.proof = NULL;
	assert_int_equal(verdict_of(&sent, push, urls, &count), 401);
}

/* Gitea and Forgejo send the headers of GitHub and Gogs beside their own; old ones sign GitHub's by SHA-1 alone. */
static const char *gitea_header(const void *context, const char *name)
{
	const char *const *signatures = context;
	static const char *const events[] = {
		"X-Gitea-Event", "X-Gogs-Event", "X-GitHub-Event", "X-Forgejo-Event"};
	for (size_t i = 0; i < COUNT_OF(events); i++)
		if (strcmp(name, events[i]) == 0)
			return "push";
	if (strcmp(name, "X-Hub-Signature-256") == 0)
		return signatures[0];
	if (strcmp(name, "X-Gogs-Signature") == 0)
		return signatures[1];
	if (strcmp(name, "X-Hub-Signature") == 0)
		return "sha1=0000000000000000000000000000000000000000";
	return strcmp(name, "Content-Type") == 0 ? "application/json" : NULL;
}

static void gitea_is_believed_by_either_of_its_signatures_and_by_no_wrong_one(void **state)
{
	(void)state;
	char signature[80];
	sign(push, strlen(push), signature);
	const struct {
		const char *signatures[2];
		int status;
	} cases[] = {{{signature, signature + 7}, 202}, {{NULL, signature + 7}, 202}, {{signature, NULL}, 202},
		{{NULL, NULL}, 401}, {{"sha256=00", NULL}, 401}, {{NULL, "00"}, 401}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct webhook_verdict verdict;
		const struct webhook_delivery delivery = {
			gitea_header, cases[i].signatures, push, strlen(push)};
		webhook_read(&secret, &delivery, &verdict);
		assert_int_equal(verdict.status, cases[i].status);
		webhook_done(&verdict);
	}
}

static const char azure_push[] =
	"{\"eventType\":\"git.push\",\"publisherId\":\"tfs\",\"resource\":{\"pushId\":14,\"repository\":{\"name\":\"db\","
	"\"remoteUrl\":\"https://dev.azure.com/team/db/_git/db\",\"sshUrl\":\"git@ssh.dev.azure.com:v3/team/db/db\"}}}";

static struct sent azure(const char *proof)
{
	return (struct sent){"-", NULL, "Authorization", proof, "application/json; charset=utf-8"};
}

static void azure_devops_shows_the_secret_as_a_password(void **state)
{
	(void)state;
	const char *urls[WEBHOOK_URLS];
	size_t count;
	static const char *const wrong[] = {"Basic", "Basic ", "Basic :", "Basic !!!!",
		"Basic SXQ=", "Basic SXQncyBhIFNlY3JldCB0byBFdmVyeWJvZHk=", /* no colon */
		"Basic Oi4uLg==", "Bearer It's a Secret to Everybody", ""};
	struct sent sent = azure("Basic Okl0J3MgYSBTZWNyZXQgdG8gRXZlcnlib2R5");
	assert_int_equal(verdict_of(&sent, azure_push, urls, &count), 202);
	assert_int_equal(count, 2);
	assert_string_equal(urls[0], "https://dev.azure.com/team/db/_git/db");
	sent = azure("basic aG9vazpJdCdzIGEgU2VjcmV0IHRvIEV2ZXJ5Ym9keQ==");
	assert_int_equal(verdict_of(&sent, azure_push, urls, &count), 202);
	assert_int_equal(verdict_of(&sent, "{\"eventType\":\"git.pullrequest.created\"}", urls, &count), 202);
	assert_int_equal(count, 0);
	assert_int_equal(verdict_of(&sent, "{\"eventType\":\"git.push\",\"resource\":{}}", urls, &count), 400);
	assert_int_equal(verdict_of(&sent, "[", urls, &count), 400);
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		sent = azure(wrong[i]);
		assert_int_equal(verdict_of(&sent, azure_push, urls, &count), 401);
		assert_int_equal(count, 0);
	}
	static char long_one[20000] = "Basic ";
	memset(long_one + 6, 'A', sizeof(long_one) - 7);
	sent = azure(long_one);
	assert_int_equal(verdict_of(&sent, azure_push, urls, &count), 401);
}

static int own(const char *body, const char *urls[WEBHOOK_URLS], size_t *count)
{
	char signature[80];
	sign(body, strlen(body), signature);
	const struct sent sent = {"-", NULL, "X-Pgitops-Signature", signature, "application/json"};
	return verdict_of(&sent, body, urls, count);
}

static void whoever_can_sign_names_a_repository(void **state)
{
	(void)state;
	const char *urls[WEBHOOK_URLS];
	size_t count;
	assert_int_equal(own("{\"url\":\"https://git.example.org/db.git\"}", urls, &count), 202);
	assert_int_equal(count, 1);
	const char *two = "{\"urls\":[\"https://git.example.org/db.git\",\"git@git.example.org:db\"]}";
	assert_int_equal(own(two, urls, &count), 202);
	assert_int_equal(count, 2);
	assert_string_equal(urls[1], "git@git.example.org:db");
	static const char *const bad[] = {"{\"urls\":[1]}", "{\"urls\":2}", "{}",
		"{\"url\":\"a\",\"urls\":[\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\",\"a\"]}"};
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(own(bad[i], urls, &count), 400);
	const struct sent wrong = {"-", NULL, "X-Pgitops-Signature", "sha256=00", "application/json"};
	assert_int_equal(verdict_of(&wrong, "{}", urls, &count), 401);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_signature_is_githubs),
		cmocka_unit_test(a_push_names_every_url_of_its_repository),
		cmocka_unit_test(without_a_secret_there_is_no_webhook),
		cmocka_unit_test(any_other_signature_is_refused),
		cmocka_unit_test(the_signature_is_checked_before_anything_else),
		cmocka_unit_test(pings_and_other_events_ask_for_nothing),
		cmocka_unit_test(a_payload_of_the_wrong_shape_is_refused),
		cmocka_unit_test(nesting_and_long_urls_are_bounded),
		cmocka_unit_test(gitlab_sends_the_secret_itself),
		cmocka_unit_test(each_forge_is_believed_in_its_own_way),
		cmocka_unit_test(gogs_sends_the_signature_alone),
		cmocka_unit_test(gitea_is_believed_by_either_of_its_signatures_and_by_no_wrong_one),
		cmocka_unit_test(azure_devops_shows_the_secret_as_a_password),
		cmocka_unit_test(whoever_can_sign_names_a_repository),
		cmocka_unit_test(gitlab_pushes_of_branches_tags_and_the_system_count),
		cmocka_unit_test(bitbucket_cloud_names_its_page_which_is_its_address_by_ssh_too),
		cmocka_unit_test(bitbucket_server_names_where_to_clone_from),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
