/* users.c - the users of a database as its Application wants them, read once for all checks */
#include "agent/doctor/doctor.h"

#include "agent/users/users_source.h"
#include "base/text.h"
#include "reconcile/roles/users.h"

struct doctor_list {
	bool asked;
	struct users *users; /* NULL = it cannot be had, which was said */
};

const struct doctor_application *doctor_application_of(
	const struct doctor *doctor, const struct database_config *database)
{
	for (size_t i = 0; i < doctor->application_count; i++)
		if (text_equal(doctor->applications[i].spec.name, database->application))
			return &doctor->applications[i];
	return NULL;
}

const char *doctor_users_namespace(const struct doctor *doctor, const struct database_config *database)
{
	const struct doctor_application *application = doctor_application_of(doctor, database);
	if (database->users_namespace)
		return database->users_namespace;
	return application ? application->spec.destination : NULL;
}

static struct users *read_users(
	struct doctor *doctor, const struct database_config *database, const struct desired *desired)
{
	struct mistakes mistakes = {.mem = doctor->mem};
	struct users *users = arena_alloc(doctor->mem, sizeof(*users));
	if (!users_source_read(desired, database, doctor->mem, users, &mistakes)) {
		doctor_fail(doctor, "users",
			"push it, or correct users.configMap and users.key in the agent file",
			"%s: %s holds no ConfigMap %s with the key %s", database->name, database->application,
			database->config_map, database->key);
		return NULL;
	}
	doctor_fail_mistakes(doctor, "users",
		"correct it and push; `pgitops check .` in a checkout says the same before", &mistakes);
	return mistakes.count ? NULL : users;
}

const struct users *doctor_users(struct doctor *doctor, const struct database_config *database)
{
	const struct doctor_application *application = doctor_application_of(doctor, database);
	if (!application || !application->desired)
		return NULL;
	if (!doctor->lists)
		doctor->lists =
			arena_array(doctor->mem, doctor->config->database_count, sizeof(*doctor->lists));
	struct doctor_list *list = &doctor->lists[database - doctor->config->databases];
	if (!list->asked)
		list->users = read_users(doctor, database, application->desired);
	list->asked = true;
	return list->users;
}
