#include "agent/doctor/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *doctor_folder(struct doctor *doctor, const char *check)
{
	const char *parent = getenv("TMPDIR");
	char *folder = arena_copy(doctor->mem,
		arena_printf(doctor->mem, "%s/pgitops-doctor-XXXXXX", parent && *parent ? parent : "/tmp"));
	if (mkdtemp(folder))
		return folder;
	doctor_fail(doctor, check, "set TMPDIR to a folder that is writable", "cannot make %s: %s", folder,
		strerror(errno));
	return NULL;
}

void doctor_run(struct doctor *doctor)
{
	doctor_check_state(doctor);
	doctor_check_kernel(doctor);
	doctor_check_files(doctor);
	doctor_check_listen(doctor);
	doctor_check_cluster(doctor);
	doctor_check_applications(doctor);
	doctor_check_repositories(doctor);
	doctor_check_rights(doctor);
	doctor_check_takeover(doctor);
	doctor_check_databases(doctor);
}

void doctor_done(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->application_count; i++)
		application_done(&doctor->applications[i].spec);
	secrets_free(doctor->secrets);
	credentials_free(doctor->credentials);
	resources_free(doctor->resources);
	kube_close(doctor->kube);
	kube_config_done(&doctor->kube_config);
}
