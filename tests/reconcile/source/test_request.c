#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "reconcile/source/request.h"

static void a_request_arrives_as_it_was_asked(void **state)
{
	struct arena *mem = arena_new((size_t)1 << 20);
	struct source_access access = {.username = "ci", .ca = "PEM", .insecure = true};
	const struct source_path paths[] = {
		{"users", {.path = "users", .recurse = true, .exclude = "*.yml"}, 0, "1a2b"},
		{"cluster",
			{.path = "c",
				.rendering = {.asked = RENDER_HELM, .options = "{}", .namespace = "n", .plain = true}},
			0, NULL},
	};
	const struct source_request asked = {.url = "https://h/db",
		.revision = "main",
		.folder = "/f",
		.access = &access,
		.paths = paths,
		.path_count = 2,
		.identities = {[RENDER_HELM] = "helm 1 2"},
		.layout = "render-1",
		.stop = -1};
	struct request_read read;
	struct error err = {0};
	int fd;
	(void)state;
	secret_set(&access.password, "p\0q", 3);
	secret_set(&access.ssh_key, "key", 3);
	assert_true(request_write(&asked, 5000, &fd, &err));
	assert_true(request_read(fd, mem, &read, &err));
	close(fd);
	assert_string_equal(read.request.url, "https://h/db");
	assert_string_equal(read.request.revision, "main");
	assert_null(read.request.known);
	assert_int_equal(read.request.deadline, 5000);
	assert_int_equal(read.parent, getpid());
	assert_int_equal(read.request.path_count, 2);
	assert_string_equal(read.request.paths[0].application, "users");
	assert_true(read.request.paths[0].directory.recurse);
	assert_string_equal(read.request.paths[0].directory.exclude, "*.yml");
	assert_null(read.request.paths[0].directory.include);
	assert_string_equal(read.request.paths[0].base, "1a2b");
	assert_null(read.request.paths[1].base);
	const struct rendering *rendering = &read.request.paths[1].directory.rendering;
	assert_int_equal(rendering->asked, RENDER_HELM);
	assert_true(rendering->plain);
	assert_string_equal(rendering->options, "{}");
	assert_string_equal(rendering->namespace, "n");
	assert_null(read.request.paths[0].directory.rendering.options);
	assert_string_equal(read.request.identities[RENDER_HELM], "helm 1 2");
	assert_null(read.request.identities[RENDER_KUSTOMIZE]);
	assert_string_equal(read.request.layout, "render-1");
	assert_string_equal(read.access.username, "ci");
	assert_true(read.access.insecure);
	assert_int_equal(read.access.password.length, 3);
	assert_memory_equal(read.access.password.bytes, "p\0q", 3);
	assert_string_equal(read.access.ssh_key.bytes, "key");
	assert_null(read.access.bearer.bytes);
	request_done(&read);
	source_access_done(&access);
	arena_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_arrives_as_it_was_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
