/*
 * application_fixture.h - an Application that is read from YAML, and what is wrong with its spec
 */
#pragma once

#include "agent/config/application.h"

#include "json_fixture.h"

struct fixture {
	struct arena *mem;
	struct application application;
	struct error err;
};

static inline int open_fixture(void **state)
{
	static struct fixture fixture;
	fixture = (struct fixture){.mem = arena_new(64u << 20)};
	*state = &fixture;
	return 0;
}

static inline int close_fixture(void **state)
{
	struct fixture *fixture = *state;
	application_done(&fixture->application);
	arena_free(fixture->mem);
	return 0;
}

static inline bool read_document(struct fixture *fixture, const char *text)
{
	CLEANUP(json_done) json_t *document = json_of(text, fixture->mem);
	application_done(&fixture->application);
	return application_read(document, "a.yaml", fixture->mem, &fixture->application, &fixture->err);
}

#define HEAD                                                                                                 \
	"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: a, namespace: argocd, uid: u-1}\n"
#define GOOD_SOURCE "  source: {repoURL: https://h/x, path: team}\n"
#define GOOD_DESTINATION "  destination: {server: https://kubernetes.default.svc, namespace: team}\n"

/* Reads a spec (its lines indented by two) and expects these errors, one a line. */
static inline void expect(struct fixture *fixture, const char *spec, const char *errors)
{
	const char *all = "";
	assert_true(read_document(fixture, arena_printf(fixture->mem, HEAD "spec:\n%s", spec)));
	for (size_t i = 0; i < fixture->application.spec_error_count; i++)
		all = arena_printf(fixture->mem, "%s%s\n", all, fixture->application.spec_errors[i]);
	assert_string_equal(all, errors);
}
