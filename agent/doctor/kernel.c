#include "agent/doctor/doctor.h"

#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/budget.h"

/* What Git may bring follows from it (budget.h). */
static void say_memory(struct doctor *doctor)
{
	budget_read();
	if (budget_group())
		doctor_ok(doctor, "memory",
			"a memory group of %zu MiB: room for %zu objects, fewer where they are large, of all Applications together",
			budget_group() >> 20, budget_wanted() / budget_cost(1, 0));
	else
		doctor_ok(doctor, "memory",
			"no memory group narrows it: the limits of the program count alone");
}

/* Both are taken away from the Git process where the kernel has them; it works without them, with one wall less. */
void doctor_check_kernel(struct doctor *doctor)
{
	unsigned action = SECCOMP_RET_ERRNO;
	long landlock = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	bool seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;

	say_memory(doctor);
	if (landlock > 0 && seccomp) {
		doctor_ok(doctor, "kernel", "the Git process is confined by Landlock (ABI %ld) and seccomp",
			landlock);
		return;
	}
	if (landlock <= 0)
		doctor_warn(doctor, "kernel", "Linux 5.13 or newer, with landlock in the kernel's lsm= list",
			"no Landlock: the Git process could read what the agent's user can read");
	if (!seccomp)
		doctor_warn(doctor, "kernel", "a kernel with CONFIG_SECCOMP_FILTER",
			"no seccomp: the Git process may call everything its user may");
}
