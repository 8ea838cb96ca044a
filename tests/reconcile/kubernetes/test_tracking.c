#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "reconcile/kubernetes/tracking.h"

static void tracking_ids_name_application_and_object(void **state)
{
	(void)state;
	struct object_key key = {"apps", "Deployment", "team", "web"};
	struct object_key role = {"rbac.authorization.k8s.io", "ClusterRole", "", "r"};
	assert_true(tracking_names("app:apps/Deployment:team/web", &key, "app", "other"));
	assert_false(tracking_names("app2:apps/Deployment:team/web", &key, "app", "team"));
	assert_false(tracking_names("app:apps/Deployment:team/web2", &key, "app", "team"));
	assert_false(tracking_names("app:apps/Deployment:other/web", &key, "app", "team"));
	assert_true(tracking_names("app:rbac.authorization.k8s.io/ClusterRole:dest/r", &role, "app", "dest"));
	assert_false(tracking_names("", &key, "app", "team"));
}

static void the_application_is_what_stands_before_the_first_colon(void **state)
{
	(void)state;
	char application[TRACKING_APPLICATION_SIZE];
	tracking_application("team_app:apps/Deployment:team/web", application);
	assert_string_equal(application, "team_app");
	tracking_application("no id", application);
	assert_string_equal(application, "");
	tracking_application("", application);
	assert_string_equal(application, "");
	char text[400];
	memset(text, 'a', sizeof(text));
	text[398] = ':';
	text[399] = '\0';
	tracking_application(text, application);
	assert_string_equal(application, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tracking_ids_name_application_and_object),
		cmocka_unit_test(the_application_is_what_stands_before_the_first_colon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
