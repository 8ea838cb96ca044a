/*
 * fuzz_edit_users - an edit file, and behind a line "=====" the sealed file or another users file
 *
 * Whatever the layout: what goes into Git reads as the same users without passwords, and what was sealed stays sealed.
 */
#include <stdlib.h>
#include <string.h>

#include "reconcile/sealed/users_merge.h"

#define SEPARATOR "\n=====\n"

static struct certificate certificate;

static void load(void)
{
	struct error err;
	if (!certificate.key && !certificate_read_file(SEALED_VECTORS "/cert-a.pem", &certificate, &err))
		abort();
}

/* The text for Git has no passwords any more, and the same users. */
static void check_public(const struct edit_users *users, struct arena *mem)
{
	CLEANUP(buf_done) struct buf out = BUF(1 << 22);
	CLEANUP(edit_users_done) struct edit_users again = {0};
	struct mistakes mistakes = {.mem = mem};
	struct error err;
	struct edit_users_bare bare = {0};
	bool made = edit_users_public(users, &out, &bare, &err);
	edit_users_done(&bare.read);
	if (!made)
		return;
	if (!edit_users_read("users", buf_string(&out), out.length, NULL, &again, &mistakes))
		abort();
	if (again.count != users->count || edit_users_has_password(&again))
		abort();
	for (size_t i = 0; i < again.count; i++)
		if (strcmp(again.items[i].name, users->items[i].name) != 0)
			abort();
}

/* Brought together with another file: no password of ours is lost, and what is written reads. */
static void check_merge(const struct edit_users *users, const char *text, size_t length, struct arena *mem)
{
	CLEANUP(buf_done) struct buf out = BUF(1 << 22);
	CLEANUP(buf_done) struct buf public = BUF(1 << 22);
	CLEANUP(edit_users_done) struct edit_users git = {0};
	CLEANUP(edit_users_done) struct edit_users again = {0};
	const struct users_base base = {.commit = "", .frame_edit = "", .frame_git = ""};
	const struct sealed_values none = {0};
	struct mistakes mistakes = {.mem = mem};
	struct users_merge merge;
	struct error err;
	size_t dropped, passwords = 0;
	if (!edit_users_read("git", text, length, NULL, &git, &mistakes) || edit_users_has_password(&git))
		return;
	const struct users_merge_input input = {.edit = users, .git = &git, .sealed = &none, .base = &base};
	if (!users_merge_make(&input, mem, &merge, &mistakes, &err) || !users_merge_edit(&merge, &out, &err))
		return;
	if (!edit_users_read("again", buf_string(&out), out.length, NULL, &again, &mistakes))
		abort();
	for (size_t i = 0; i < users->count; i++)
		passwords += users->items[i].password != NULL;
	for (size_t i = 0; i < again.count; i++)
		passwords -= again.items[i].password != NULL;
	if (passwords)
		abort();
	if (users_merge_public(&merge, &public, &dropped, &err) && public.length == 0)
		abort();
}

static void check_sealed(const struct edit_users *users, const char *text, size_t length, struct arena *mem)
{
	CLEANUP(buf_done) struct buf out = BUF(1 << 22);
	CLEANUP(buf_done) struct buf again = BUF(1 << 22);
	struct mistakes mistakes = {.mem = mem};
	struct sealed_users result;
	struct sealed_users_input input = {
		.users = users, .file = "sealed", .text = text, .length = length, .certificate = &certificate};
	if (users->count > 20 || !sealed_users_make(&input, mem, &result, &out, &mistakes))
		return;
	struct sealed_users_input second = {.users = users,
		.file = "sealed",
		.text = buf_string(&out),
		.length = out.length,
		.certificate = &certificate};
	if (!sealed_users_make(&second, mem, &result, &again, &mistakes) || result.removed.count)
		abort(); /* what we write, we read, and every user is in it */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *mark = memmem(text, size, SEPARATOR, strlen(SEPARATOR));
	size_t first = mark ? (size_t)(mark - text) : size;
	const char *other = mark ? mark + strlen(SEPARATOR) : "";
	size_t other_length = mark ? size - first - strlen(SEPARATOR) : 0;
	CLEANUP(edit_users_done) struct edit_users users = {0};
	struct arena *mem = arena_new(1 << 28);
	struct mistakes mistakes = {.mem = mem};
	load();
	if (edit_users_read("edit", text, first, NULL, &users, &mistakes)) {
		check_public(&users, mem);
		check_merge(&users, other, other_length, mem);
		check_sealed(&users, other, other_length, mem);
	}
	arena_free(mem);
	return 0;
}
