#include "agent/hook/ancestor.h"

#include <stdlib.h>
#include <string.h>

#include "agent/hook/seal.h"
#include "base/digest.h"
#include "base/limits.h"
#include "base/memory.h"

void git_side_done(struct git_side *side)
{
	buf_done(&side->users);
	buf_done(&side->sealed);
	if (side->read.mem)
		edit_users_done(&side->read);
	*side = (struct git_side){0};
}

bool git_side_of_commit(const char *commit, const struct layout_users *files, struct arena *mem,
	struct git_side *side, struct error *err)
{
	bool exists[2];
	*side = (struct git_side){.users = BUF(2 * LIMIT_FILE_BYTES), .sealed = BUF(LIMIT_PATH_BYTES)};
	if (!*commit)
		return true;
	const char *const asked[] = {arena_printf(mem, "%s:%s", commit, files->users),
		arena_printf(mem, "%s:%s", commit, files->sealed)};
	struct buf *const texts[] = {&side->users, &side->sealed};
	if (!git_blobs(asked, COUNT_OF(asked), texts, exists, err))
		return false;
	side->exists = exists[0];
	return true;
}

bool git_side_read(
	const struct layout_users *files, struct arena *mem, struct git_side *side, struct mistakes *mistakes)
{
	struct edit_users none = {
		.namespace = files->namespace ? files->namespace : EDIT_USERS_NAMESPACE, .item = "password"};
	side->exists = side->exists && side->users.length;
	if (side->exists &&
		!edit_users_read(files->users, buf_string(&side->users), side->users.length, files->namespace,
			&side->read, mistakes))
		return false;
	const struct sealed_users_input input = {
		.users = side->exists ? &side->read : &none,
		.file = files->sealed,
		.text = buf_string(&side->sealed),
		.length = side->sealed.length,
	};
	return sealed_users_values(&input, mem, &side->values, mistakes);
}

const char *ancestor_head(struct arena *mem)
{
	return git_head_name(mem);
}

bool ancestor_file(const struct checkout *checkout, const char *edit, struct arena *mem, const char **file,
	struct error *err)
{
	const char *name = seal_file_name(checkout, edit, mem), *folder;
	char digest[DIGEST_HEX_SIZE];
	if (!seal_state_folder(checkout, mem, &folder, err))
		return false;
	digest_sha256_hex(name, strlen(name), digest);
	*file = arena_printf(mem, "%s/sealed/%.16s.json", folder, digest);
	return true;
}

bool git_side_of_head(
	const struct layout_users *files, struct arena *mem, struct git_side *side, struct error *err)
{
	struct mistakes wrong = {.mem = mem};
	if (!git_side_of_commit(ancestor_head(mem), files, mem, side, err))
		return false;
	if (!git_side_read(files, mem, side, &wrong)) {
		git_side_done(side);
		*side = (struct git_side){.users = BUF(1), .sealed = BUF(1)};
	}
	return true;
}

static bool is_known_commit(const char *commit)
{
	return git_says("cat-file", "-e", commit, NULL);
}

static bool is_on_a_branch(const char *commit)
{
	CLEANUP(buf_done) struct buf out = BUF(65536);
	struct error ignored;
	return git_ask(&out, &ignored, "for-each-ref", "--count=1", "--format=%(refname)", "--contains",
		       commit, "refs/heads", "refs/remotes", "refs/tags", NULL) &&
		out.length;
}

static const char *merge_base(const char *a, const char *b, struct arena *mem)
{
	CLEANUP(buf_done) struct buf out = BUF(4096);
	struct error ignored;
	if (!git_ask(&out, &ignored, "merge-base", a, b, NULL) || !out.length)
		return "";
	return arena_copy_n(mem, out.data, strcspn(out.data, "\n"));
}

struct going_back {
	const struct users_base *was;
	const struct edit_users *edit;
	const struct receipts *receipts;
	const struct git_side *side;
	struct arena *mem;
};

static const struct edit_user *find_user(const struct edit_users *users, const char *name)
{
	for (size_t i = 0; i < users->count; i++)
		if (strcmp(users->items[i].name, name) == 0)
			return &users->items[i];
	return NULL;
}

/* Is the password of the edit file the one that is sealed there, or one that was left beside that very ciphertext? */
static void note_password(const struct going_back *back, const struct base_user *was, const char *secret,
	const struct edit_user *given, struct base_user *user)
{
	const char *sealed = sealed_values_find(&back->side->values, secret);
	char digest[DIGEST_HEX_SIZE];
	if (!sealed)
		return;
	digest_sha256_hex(sealed, strlen(sealed), digest);
	user->sealed = arena_copy(back->mem, digest);
	if (!given || !given->password || !back->receipts)
		return;
	const char *place =
		arena_printf(back->mem, "%s/%s/%s", back->edit->namespace, given->secret, back->edit->item);
	bool same = receipts_match(back->receipts, place, given->password, given->password_length, sealed);
	receipts_digest(back->receipts, place, given->password, given->password_length, digest);
	bool aside = was && strcmp(was->sealed, user->sealed) == 0 && strcmp(was->password, digest) == 0;
	if (same || aside)
		user->password = arena_copy(back->mem, digest);
	user->aside = aside && was->aside;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct base_user *)a)->name, ((const struct base_user *)b)->name);
}

/* The state of an older commit as ancestor. Who was left in the edit file alone on purpose is left there still. */
static bool go_back(
	const struct going_back *back, const char *commit, struct users_base *base, struct error *err)
{
	struct users_parts parts = {.frame = ""};
	struct users_base made = {.known = true, .commit = commit, .settled = ""};
	char digest[DIGEST_HEX_SIZE];
	if (back->side->exists && !users_parts_read(&back->side->read, back->mem, &parts, err))
		return false;
	made.items = arena_array(back->mem, parts.count + back->was->count + 1, sizeof(*made.items));
	for (size_t i = 0; i < parts.count; i++) {
		const struct base_user *was = users_base_find(back->was, parts.items[i].name);
		const struct edit_user *there = find_user(&back->side->read, parts.items[i].name);
		struct base_user *user = &made.items[made.count++];
		*user = (struct base_user){parts.items[i].name, parts.items[i].text, parts.items[i].text, "",
			"", was && was->seen, false};
		note_password(back, was, there->secret, find_user(back->edit, user->name), user);
	}
	for (size_t i = 0; i < back->was->count; i++)
		if (!back->was->items[i].git && !users_parts_find(&parts, back->was->items[i].name))
			made.items[made.count++] = back->was->items[i];
	qsort(made.items, made.count, sizeof(*made.items), by_name);
	digest_sha256_hex(parts.frame, strlen(parts.frame), digest);
	made.frame_edit = made.frame_git = arena_copy(back->mem, digest);
	*base = made;
	return true;
}

bool ancestor_find(const char *file, const char *head, const struct layout_users *files,
	const struct edit_users *edit, const struct receipts *receipts, struct arena *mem,
	struct ancestor *ancestor, struct error *err)
{
	CLEANUP(git_side_done) struct git_side side = {0};
	struct mistakes wrong = {.mem = mem};
	ancestor->sideways = false;
	if (!ancestor->base.known)
		users_base_read(file, mem, &ancestor->base);
	const char *was = ancestor->base.commit;
	if (!ancestor->base.known || !*was || !*head || strcmp(was, head) == 0)
		return true;
	bool there = is_known_commit(was);
	if (there && git_says("merge-base", "--is-ancestor", was, head, NULL))
		return true;
	ancestor->sideways = there && is_on_a_branch(was);
	if (ancestor->sideways)
		return true;
	const char *common = there ? merge_base(was, head, mem) : "";
	if (!git_side_of_commit(common, files, mem, &side, err))
		return false;
	if (!git_side_read(files, mem, &side, &wrong))
		return error_set(err, ERROR_INVALID, "%s (in commit %.12s)",
			mistake_text(&wrong.items[0], mem), common);
	if (!*common) {
		ancestor->base =
			(struct users_base){.commit = "", .frame_edit = "", .frame_git = "", .settled = ""};
		return true;
	}
	const struct going_back back = {&ancestor->base, edit, receipts, &side, mem};
	struct users_base base;
	if (!go_back(&back, common, &base, err))
		return false;
	ancestor->base = base;
	return true;
}
