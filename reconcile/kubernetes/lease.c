#include "reconcile/kubernetes/lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

#define API "/apis/coordination.k8s.io/v1/namespaces/"

enum { LEAST_SECONDS = 2 };

int64_t lease_deadline(const struct lease *lease)
{
	return lease->duration * 2 / 3;
}

int64_t lease_period(const struct lease *lease)
{
	return lease->duration / 6;
}

void lease_done(struct lease *lease)
{
	json_done(&lease->object);
	json_done(&lease->record);
}

/* ---- what was seen ---- */

static void forget(struct lease *lease)
{
	lease_done(lease);
	lease->held = false;
	lease->holder[0] = lease->term[0] = '\0';
}

/* Takes the object over. Its time begins anew when its record changed. */
static void see(struct lease *lease, json_t *object)
{
	json_t *spec = json_object_get(object, "spec");
	const char *holder = json_text_at(spec, "holderIdentity", "");
	if (!lease->record || !spec || !json_equal(lease->record, spec)) {
		json_decref(lease->record);
		lease->record = spec ? json_deep_copy(spec) : NULL;
		lease->seen = clock_boot();
	}
	json_decref(lease->object);
	lease->object = object;
	lease->held = strcmp(holder, lease->identity) == 0;
	snprintf(lease->holder, sizeof(lease->holder), "%s", holder);
	snprintf(lease->term, sizeof(lease->term), "%.64s %" PRId64, json_text_at(object, "metadata.uid", ""),
		json_number_at(spec, "leaseTransitions", 0));
}

/* Somebody else has it, and has not been silent for long enough. */
static bool is_taken(const struct lease *lease)
{
	int64_t seconds = json_number_at(lease->record, "leaseDurationSeconds", lease->duration / 1000);
	return *lease->holder && !lease->held && clock_boot() < lease->seen + seconds * 1000;
}

/* ---- requests ---- */

static int seconds_for(const struct lease *lease)
{
	int64_t seconds = lease_period(lease) / 1000;
	return seconds > LEAST_SECONDS ? (int)seconds : LEAST_SECONDS;
}

static char *path_of(const struct lease *lease, bool collection)
{
	return memory_printf(
		API "%s/leases%s%s", lease->namespace, collection ? "" : "/", collection ? "" : lease->name);
}

static bool look(struct lease *lease, struct kube *kube, struct error *err)
{
	CLEANUP(memory_freep) char *path = path_of(lease, false);
	struct kube_request request = {.method = "GET", .path = path, .seconds = seconds_for(lease)};
	json_t *object = NULL;
	if (kube_one(kube, &request, &object, err)) {
		see(lease, object);
		return true;
	}
	if (err->kind != ERROR_MISSING)
		return false;
	forget(lease);
	return true;
}

static bool send(struct lease *lease, struct kube *kube, const json_t *object, struct error *err)
{
	bool create = !lease->object;
	CLEANUP(memory_freep) char *path = path_of(lease, create);
	CLEANUP(memory_freep) char *body = json_canonical(object);
	struct kube_request request = {.method = create ? "POST" : "PUT",
		.path = path,
		.body = body,
		.body_length = strlen(body),
		.seconds = seconds_for(lease),
		.election = true};
	json_t *answer = NULL;
	if (!kube_one(kube, &request, &answer, err))
		return false;
	see(lease, answer);
	return true;
}

/* ---- what is written ---- */

/* metav1.MicroTime takes six digits and no fewer. */
static void set_now(json_t *spec, const char *key)
{
	char text[CLOCK_TEXT_SIZE];
	clock_text(clock_now(), text);
	CLEANUP(memory_freep) char *micro = memory_printf("%.*s000Z", (int)strlen(text) - 1, text);
	json_object_set_new(spec, key, json_string(micro));
}

/* The object as it was seen, whoever made it and whatever else stands in it. */
static json_t *copy_of(const struct lease *lease)
{
	if (lease->object)
		return json_deep_copy(lease->object);
	return json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion", "coordination.k8s.io/v1", "kind", "Lease",
		"metadata", "name", lease->name, "namespace", lease->namespace);
}

static json_t *held_by_us(const struct lease *lease)
{
	json_t *object = copy_of(lease);
	bool first = !json_object_get(object, "spec");
	json_t *spec = json_make_object(object, "spec");
	if (!lease->held) {
		int64_t transitions = first ? 0 : json_number_at(spec, "leaseTransitions", 0) + 1;
		json_object_set_new(spec, "leaseTransitions", json_integer(transitions));
		set_now(spec, "acquireTime");
	}
	json_object_set_new(spec, "holderIdentity", json_string(lease->identity));
	json_object_set_new(spec, "leaseDurationSeconds", json_integer(lease->duration / 1000));
	set_now(spec, "renewTime");
	return object;
}

static json_t *held_by_nobody(const struct lease *lease)
{
	json_t *object = copy_of(lease);
	json_t *spec = json_make_object(object, "spec");
	json_object_del(spec, "holderIdentity");
	json_object_set_new(spec, "leaseDurationSeconds", json_integer(1));
	set_now(spec, "renewTime");
	return object;
}

/* ---- one attempt ---- */

/* Whatever went wrong, the object may be another by now: it is read before the next attempt. */
static bool write_record(struct lease *lease, struct kube *kube, json_t *object, struct error *err)
{
	CLEANUP(json_done) json_t *owned = object;
	if (send(lease, kube, owned, err))
		return true;
	json_done(&lease->object);
	return false;
}

bool lease_try(struct lease *lease, struct kube *kube, struct error *err)
{
	bool holder = lease->held;
	if (!(holder && lease->object) && !look(lease, kube, err))
		return false;
	if (is_taken(lease))
		return true;
	int64_t begun = clock_boot();
	if (!holder)
		memcpy(lease->before, lease->term, sizeof(lease->before));
	if (!write_record(lease, kube, held_by_us(lease), err))
		return !holder && err->kind == ERROR_CONFLICT; /* another one was quicker */
	if (lease->held)
		lease->renewed = begun;
	return true;
}

bool lease_release(struct lease *lease, struct kube *kube, struct error *err)
{
	if (!lease->object && !look(lease, kube, err))
		return false;
	if (!lease->held)
		return true;
	return write_record(lease, kube, held_by_nobody(lease), err);
}
