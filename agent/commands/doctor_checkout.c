#include "agent/commands/doctor_checkout.h"

#include "agent/commands/sealing.h"

static void say(struct doctor *doctor, const struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct row *row = &rows->items[i];
		if (row->state == ROW_GOOD)
			doctor_ok(doctor, "sealing", "%s: %s", row->what, row->found);
		else if (row->state == ROW_WARNING)
			doctor_warn(doctor, "sealing", row->remedy, "%s: %s", row->what, row->found);
		else
			doctor_fail(doctor, "sealing", row->remedy, "%s: %s", row->what, row->found);
	}
}

bool doctor_check_checkout(struct doctor *doctor, bool ask_cluster)
{
	CLEANUP(hook_close) struct hook hook = {0};
	struct sealing_source source = {0};
	struct rows rows = {0};
	struct error err;
	if (!hook_open(doctor->mem, &hook, &err)) {
		if (err.kind == ERROR_INVALID)
			doctor_fail(doctor, "sealing", "correct it", "%s", err.text);
		return err.kind == ERROR_INVALID;
	}
	if (!hook.layout.count)
		return false;
	hook_rows(&hook, &rows);
	certificate_rows(&hook, &rows);
	if (ask_cluster && sealing_source_of_environment(doctor->context, &source)) {
		if (doctor->config) {
			source.kubeconfig = doctor->config->kubeconfig;
			source.kube.context = doctor->config->kube_context;
		}
		sealing_cluster_row(&source, &hook, &rows);
	}
	doctor_wait(doctor, "sealing", "the history of this checkout");
	history_rows(&hook, &rows);
	say(doctor, &rows);
	return true;
}
