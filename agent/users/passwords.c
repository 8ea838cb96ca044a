#include "agent/users/passwords.h"

#include <string.h>

#include "agent/users/generate.h"
#include "base/log.h"
#include "base/text.h"

static const char *namespace_of(const struct passwords *passwords, const struct user_password *place)
{
	return place->namespace ? place->namespace : passwords->namespace;
}

static const struct object *find_sealed(const struct passwords *passwords, const struct user_password *place)
{
	if (!passwords->config->sealing_key_count && !passwords->foretold)
		return NULL;
	return sealed_find(passwords->objects, namespace_of(passwords, place), place->secret);
}

/* Git names it, and Git alone cannot open a namespace: what lies there may be a password of something else. */
bool passwords_may_be_in(const struct roles_policy *policy, const char *own, const char *namespace)
{
	if (text_equal(own, namespace))
		return true;
	for (size_t i = 0; i < policy->secret_namespace_count; i++)
		if (text_equal(policy->secret_namespaces[i], namespace))
			return true;
	return false;
}

static const char *not_for_passwords(const char *namespace, struct arena *mem)
{
	return arena_printf(mem,
		"namespace %s is not for passwords: name it under policy.secretNamespaces of this database in "
		"the agent file",
		namespace);
}

static bool version(void *context, const struct user_password *place, struct arena *mem, const char **out,
	const char **why)
{
	struct passwords *passwords = context;
	const char *namespace = namespace_of(passwords, place);
	if (!passwords_may_be_in(passwords->policy, passwords->namespace, namespace)) {
		*why = not_for_passwords(namespace, mem);
		return false;
	}
	if (secrets_version(passwords->secrets, namespace, place->secret, mem, out, why))
		return true;
	const struct object *sealed = find_sealed(passwords, place);
	if (sealed)
		*out = arena_copy(mem, sealed->hash);
	return sealed != NULL;
}

/* Once a pass, and only in one that needs them. */
static bool read_keys(struct passwords *passwords, struct error *err)
{
	struct mistakes problems = {.mem = passwords->mem};
	if (passwords->keys_read)
		return true;
	bool ok = sealed_open_keys(passwords->config->sealing_keys, passwords->config->sealing_key_count,
		&passwords->keys, &problems, err);
	for (size_t i = 0; i < problems.count; i++)
		log_warning("a sealing key cannot be used", "reason",
			mistake_text(&problems.items[i], passwords->mem), NULL);
	passwords->keys_read = ok;
	return ok;
}

/* Never becomes anybody's: the plan it is in is shown, with its verifier hidden, and thrown away. */
static const char foretold[] = "not known yet";

static bool get(void *context, const struct user_password *place, struct secret *password, struct error *err)
{
	struct passwords *passwords = context;
	const struct object *sealed = find_sealed(passwords, place);
	const char *namespace = namespace_of(passwords, place);

	if (secrets_value(
		    passwords->secrets, passwords->kube, namespace, place->secret, place->key, password, err))
		return true;
	if (err->kind != ERROR_MISSING || !sealed)
		return false;
	if (!passwords->config->sealing_key_count) {
		secret_set(password, foretold, strlen(foretold));
		return true;
	}
	return read_keys(passwords, err) &&
		sealed_open_value(passwords->objects, &passwords->keys, namespace, place->secret, place->key,
			password, err);
}

static void note_right(struct passwords *passwords, const unsigned char digest[DIGEST_SIZE])
{
	passwords->right = arena_grow(passwords->mem, passwords->right, passwords->right_count, DIGEST_SIZE);
	memcpy(passwords->right[passwords->right_count++], digest, DIGEST_SIZE);
}

/* The store is asked once in a process: a question for each of ten thousand users is most of a quiet pass. */
static bool known(void *context, const char *user, const char *verifier, const char *version_now)
{
	struct passwords *passwords = context;
	unsigned char digest[DIGEST_SIZE];

	users_memory_digest(user, verifier, version_now, digest);
	bool right = (passwords->memory && users_memory_knows(passwords->memory, digest)) ||
		store_verifier_known(passwords->store, passwords->database, user, verifier, version_now);
	if (right)
		note_right(passwords, digest);
	return right;
}

static bool is_asked(const struct passwords *passwords, const char *user)
{
	for (size_t i = 0; i < json_array_size(passwords->asked); i++)
		if (text_equal(json_string_value(json_array_get(passwords->asked, i)), user))
			return true;
	return false;
}

static enum password_look looked(
	void *context, const char *user, const char *version_now, struct arena *mem, const char **why)
{
	struct passwords *passwords = context;
	const char *said = "";
	enum password_look look =
		password_looks_ask(passwords->looks, user, version_now, is_asked(passwords, user), &said);
	*why = arena_copy(mem, said);
	return look;
}

static enum password_look look(void *context, const char *user, const char *version_now, const char *database,
	const struct secret *password, struct arena *mem, const char **why)
{
	static const enum password_look looks[] = {
		[LOGIN_DONE] = LOOK_RIGHT, [LOGIN_WRONG_PASSWORD] = LOOK_WRONG, [LOGIN_UNKNOWN] = LOOK_UNKNOWN};
	struct passwords *passwords = context;
	struct login_result result;
	session_try_login(passwords->session, user, database, password, &result);
	if (result.silent)
		password_looks_stop(passwords->looks);
	password_looks_note(passwords->looks, user, version_now, looks[result.outcome], result.why);
	*why = arena_copy(mem, result.why);
	return looks[result.outcome];
}

/* Kept until the pass is recorded: one flush for all, not one for each user. */
static void remember(void *context, const char *user, const char *verifier, const char *version_now)
{
	struct passwords *passwords = context;
	struct arena *mem = passwords->mem;
	unsigned char digest[DIGEST_SIZE];
	users_memory_digest(user, verifier, version_now, digest);
	note_right(passwords, digest);
	if (passwords->session)
		password_looks_note(passwords->looks, user, version_now, LOOK_RIGHT, "");
	passwords->verified =
		arena_grow(mem, passwords->verified, passwords->verified_count, sizeof(*passwords->verified));
	passwords->verified[passwords->verified_count++] = (struct verified){
		arena_copy(mem, user), arena_copy(mem, verifier), arena_copy(mem, version_now)};
}

/* Who opens its SealedSecret makes the Secret, and would refuse one that is there already. */
static bool is_sealed(const struct passwords *passwords, const struct user_password *place, const char **why)
{
	const struct object *sealed =
		sealed_find(passwords->objects, namespace_of(passwords, place), place->secret);
	if (sealed)
		*why = arena_printf(passwords->mem,
			"no password is generated, as %s:%d has one sealed, which nobody has opened yet",
			sealed->file, sealed->line);
	return sealed != NULL;
}

/* In a plan another one stands for it, which nobody ever learns. A server that does not answer is not asked for each user. */
static bool generate(void *context, const struct user_password *place, struct secret *password,
	struct arena *mem, const char **version_made, const char **why)
{
	struct passwords *passwords = context;
	const char *namespace = namespace_of(passwords, place);
	struct error err = {0};
	bool ok = passwords_may_be_in(passwords->policy, passwords->namespace, namespace);

	if (!ok)
		*why = not_for_passwords(namespace, mem);
	if (!ok || is_sealed(passwords, place, why))
		return false;
	if (passwords->writes && passwords->cannot_generate) {
		*why = passwords->cannot_generate;
		return false;
	}
	ok = passwords->writes ? generate_secret(passwords->secrets, passwords->kube, namespace, place,
					 password, mem, version_made, &err)
			       : secret_random(password, SECRET_GENERATED, &err);
	/* The pass over another database has made it in between. */
	if (!ok && err.kind == ERROR_CONFLICT)
		return version(context, place, mem, version_made, why) && get(context, place, password, &err);
	if (!ok)
		*why = arena_copy(mem, err.text);
	if (!ok && (err.kind == ERROR_RETRY || err.kind == ERROR_DENIED))
		passwords->cannot_generate = *why;
	return ok;
}

struct roles_passwords passwords_calls(struct passwords *passwords)
{
	bool logs_in = passwords->session;
	return (struct roles_passwords){passwords, version, get, known, remember, generate,
		logs_in ? looked : NULL, logs_in ? look : NULL};
}

const char *passwords_version(struct passwords *passwords, const struct user_password *place)
{
	const char *now, *why;
	return version(passwords, place, passwords->mem, &now, &why) ? now : "";
}

void passwords_done(struct passwords *passwords)
{
	sealing_keys_done(&passwords->keys);
}
