/* edit-users.yaml to users.yaml and sealed-users.yaml, changing only what changed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/commands/sealing.h"
#include "agent/hook/resolve.h"
#include "agent/hook/seal.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/say.h"
#include "base/text.h"

struct seal_users {
	struct command_context *context;
	const char *certificate;
	struct error doubt;  /* ERROR_DENIED: why it takes no password */
	const char *message; /* --commit */
	bool reseal, generate, dry_run, stage, resolve;
	const char **only; /* --generate NAME...: words that are no files */
	size_t only_count;
	struct name_list made; /* who got a password */
	bool inside;           /* of a repository */
	struct checkout checkout;
	struct seal_place place;
};

/* "" when there is none yet. */
static bool read_now(const char *path, struct buf *text, struct error *err)
{
	return file_read(path, text, err) || err->kind == ERROR_MISSING;
}

static const char *given_names(const struct seal_outcome *outcome, struct arena *mem)
{
	enum { SHOWN = 12 };
	const struct sealed_users *sealing = &outcome->sealing;
	const char *list = "";
	for (size_t i = 0; i < sealing->given_count && i < SHOWN; i++)
		list = arena_join(mem, list, ", ", sealing->given[i].name);
	return sealing->given_count > SHOWN
		? arena_printf(mem, "%s and %zu more", list, sealing->given_count - SHOWN)
		: list;
}

static void say_outcome(const struct seal_users *command, const struct layout_users *files,
	const struct seal_outcome *outcome)
{
	bool changed = outcome->sealing.changed || outcome->users_changed || outcome->edit_changed;
	sealing_say_mistakes(&outcome->notes);
	say(stdout, "%s: %s%s\n", files->edit, seal_users_summary(outcome, command->context->mem),
		!changed                   ? " (nothing to write)"
			: command->dry_run ? " (not written: --dry-run)"
					   : "");
	if (outcome->sealing.given_count)
		say(stdout, "%s: a password was made for %s: it stands there%s\n", files->edit,
			given_names(outcome, command->context->mem),
			command->dry_run ? " (not written: --dry-run)" : "");
	if (outcome->dropped_comments)
		sealing_say("warning: %zu comment%s of %s that tell%s of a password left out of %s",
			outcome->dropped_comments, outcome->dropped_comments == 1 ? "" : "s", files->edit,
			outcome->dropped_comments == 1 ? "s" : "", files->users);
	if (outcome->sealing.other_certificate)
		sealing_say("warning: %zu value%s of %s come%s from another certificate than %s: `pgitops seal users --all` seals "
			    "given passwords anew",
			outcome->sealing.other_certificate, outcome->sealing.other_certificate == 1 ? "" : "s",
			files->sealed, outcome->sealing.other_certificate == 1 ? "s" : "",
			files->certificate ? files->certificate : "yours");
}

static bool stage(const struct seal_users *command, const struct layout_users *files, struct error *err)
{
	const char *paths[3];
	if (command->dry_run || (!command->stage && !command->message))
		return true;
	seal_written(files, paths);
	return git_ask(
		NULL, err, "--literal-pathspecs", "add", "--", paths[0], paths[0] ? paths[1] : NULL, NULL);
}

/* HEAD still has the edit file. With paths, git would make the commit of HEAD's files and read that one through the filter, which refuses
   it: so the commit gets an index of its own, HEAD's without the edit file and with what is staged of our two. */
static bool commit_without_edit(const struct seal_users *command, const struct layout_users *files,
	const char *const *paths, struct buf *out, struct error *err)
{
	struct arena *mem = command->context->mem;
	const char *index = arena_printf(mem, "%s/pgitops-commit", command->checkout.folder);
	const char *const read[] = {"read-tree", "HEAD", NULL};
	const char *const remove[] = {"update-index", "--force-remove", "--", files->edit, NULL};
	const char *const add[] = {
		"--literal-pathspecs", "add", "--", paths[0], paths[0] ? paths[1] : NULL, NULL};
	const char *const commit[] = {"commit", "-m", command->message, NULL};
	const struct git_call calls[] = {{.arguments = read, .index = index},
		{.arguments = remove, .index = index}, {.arguments = add, .index = index},
		{.arguments = commit, .index = index}};
	bool ok = true;
	for (size_t i = 0; ok && i < COUNT_OF(calls); i++)
		ok = git_run(&calls[i], out, NULL, err);
	unlink(index);
	return ok;
}

/* A commit of these two files, whatever else is staged. */
static int commit(const struct seal_users *command, const struct layout_users *files)
{
	const char *paths[3];
	seal_written(files, paths);
	bool tracked =
		git_says("cat-file", "-e", arena_printf(command->context->mem, "HEAD:%s", files->edit), NULL);
	const char *const arguments[] = {"--literal-pathspecs", "commit", "-m", command->message, "--",
		paths[0], paths[0] ? paths[1] : NULL, NULL};
	CLEANUP(buf_done) struct buf out = BUF(1024 * 1024);
	struct git_call call = {.arguments = arguments};
	struct error err;
	if (git_says("diff-index", "--cached", "--quiet", git_head(command->context->mem), "--", files->users,
		    files->sealed, NULL)) {
		say(stdout, "%s: nothing to commit\n", files->edit);
		return EXIT_YES;
	}
	if (!(tracked ? commit_without_edit(command, files, paths, &out, &err)
		      : git_run(&call, &out, NULL, &err)))
		return command_failed(&err);
	fputs(buf_string(&out), stdout);
	return EXIT_YES;
}

/* Said before anything is sealed. A certificate that cannot be read is reported where it is needed. */
static void warn(struct seal_users *command, const struct layout_users *files)
{
	struct sealing_source source = {0};
	const char *path = command->certificate ? command->certificate : files->certificate;
	struct certificate certificate;
	struct error ignored;
	command->doubt = (struct error){0};
	if (!path || !sealing_source_of_environment(command->context, &source) ||
		!certificate_read_file(path, &certificate, &ignored))
		return;
	sealing_warn(&source, path, &certificate);
	/* The cluster's own is taken here already; another one is refused where something is sealed with it. */
	if (command->inside &&
		!sealing_take_clusters(&source, &command->checkout, path, certificate.fingerprint,
			command->context->mem, &command->doubt) &&
		command->doubt.kind != ERROR_DENIED)
		sealing_say("warning: %s", command->doubt.text);
	certificate_done(&certificate);
}

/* Git's side of the entry: what a person wrote into the files, else what the index has; outside of a repository the files. */
static bool read_git(const struct seal_users *command, const struct layout_users *files, struct seal_run *run,
	struct git_side *side, struct error *err)
{
	struct seal_states states = {SEAL_MODIFIED, SEAL_MODIFIED, SEAL_MODIFIED};
	*side = (struct git_side){
		.users = BUF(2 * LIMIT_FILE_BYTES), .sealed = BUF(LIMIT_PATH_BYTES), .exists = true};
	if (command->inside && !seal_states(files, &states, err))
		return false;
	bool index = command->inside && seal_is_ours(&command->place, files->users, states.users) &&
		seal_is_ours(&command->place, files->sealed, states.sealed);
	if (!index)
		return read_now(files->users, &side->users, err) && read_now(files->sealed, &side->sealed, err);
	run->users_stale = states.users != SEAL_STAGED;
	run->sealed_stale = states.sealed != SEAL_STAGED;
	return seal_staged(files, &states, side, command->context->mem, err);
}

/* Outside of a repository nothing tells of a commit: what was written is what both sides are now. */
static bool follow(
	const struct seal_users *command, const struct layout_users *files, bool even, struct error *err)
{
	CLEANUP(git_side_done) struct git_side side = {0};
	struct seal_follow how = {.committed = true, .quiet = true};
	struct seal_run ignored = {0};
	struct mistakes wrong = {.mem = command->context->mem};
	if (command->inside)
		return !command->message || seal_follow(&command->place, files, &how, err);
	if (even)
		return true;
	how.side = &side;
	return read_git(command, files, &ignored, &side, err) &&
		git_side_read(files, command->context->mem, &side, &wrong) &&
		seal_follow(&command->place, files, &how, err);
}

static void note_made(struct seal_users *command, const struct seal_outcome *outcome)
{
	const struct name_list *generated = &outcome->sealing.generated;
	for (size_t i = 0; i < generated->count; i++) {
		command->made.items = arena_grow(command->context->mem, (void *)command->made.items,
			command->made.count, sizeof(*command->made.items));
		command->made.items[command->made.count++] = generated->items[i];
	}
}

static int seal_texts(struct seal_users *command, const struct layout_users *files)
{
	CLEANUP(seal_outcome_done) struct seal_outcome outcome = {0};
	CLEANUP(git_side_done) struct git_side git = {0};
	CLEANUP(git_side_done) struct git_side head = {0};
	struct seal_run run = {
		.place = &command->place,
		.files = files,
		.git = &git,
		.head = command->inside ? &head : NULL,
		.reseal = command->reseal,
		.generate = command->generate,
		.only = command->only,
		.only_count = command->only_count,
		.mine = command->resolve,
		.certificate = command->certificate,
		.doubt = command->doubt.kind == ERROR_DENIED ? &command->doubt : NULL,
	};
	struct mistakes mistakes = {.mem = command->context->mem};
	struct error err;
	size_t kept;
	if (!read_git(command, files, &run, &git, &err))
		return command_failed(&err);
	if (seal_has_nothing_to_do(&run, &kept)) {
		say(stdout, "%s: %zu unchanged (nothing to write)\n", files->edit, kept);
		return stage(command, files, &err) ? EXIT_YES : command_failed(&err);
	}
	if (command->inside && !git_side_of_head(files, mistakes.mem, &head, &err))
		return command_failed(&err);
	if (!git_side_read(files, mistakes.mem, &git, &mistakes) ||
		!seal_users_make(&run, &outcome, &mistakes)) {
		sealing_say_mistakes(&mistakes);
		return EXIT_NO;
	}
	if (!command->dry_run && !seal_users_write(&run, &outcome, &err))
		return command_failed(&err);
	say_outcome(command, files, &outcome);
	note_made(command, &outcome);
	return stage(command, files, &err) &&
			(command->inside || command->dry_run || follow(command, files, outcome.even, &err))
		? EXIT_YES
		: command_failed(&err);
}

/* In a merge or rebase that goes on only its two sides are brought together; what comes of it is sealed on when it has ended. */
static int resolve(struct seal_users *command, const struct layout_users *files, bool *ended)
{
	struct mistakes mistakes = {.mem = command->context->mem};
	const struct hook at = {.mem = command->context->mem, .checkout = command->checkout};
	bool mended = false;
	if (!resolve_files(&command->place, files, &mended, &mistakes)) {
		sealing_say_mistakes(&mistakes);
		return EXIT_NO;
	}
	*ended = command->inside && hook_is_replaying(&at);
	if (mended || *ended)
		say(stdout, "%s: both sides of %s and %s %s\n", files->edit, files->users, files->sealed,
			mended ? "are brought together" : "are one already");
	if (*ended)
		printf("now go on with the merge (git commit, git rebase --continue); the edit file follows when it has ended\n");
	return EXIT_YES;
}

static int seal_one(struct seal_users *command, const struct layout_users *files)
{
	const struct seal_follow how = {.quiet = false};
	struct error err;
	bool ended = false;
	int code = command->resolve && !command->dry_run ? resolve(command, files, &ended) : EXIT_YES;
	if (code != EXIT_YES || ended)
		return code;
	warn(command, files);
	if (command->inside && !command->dry_run && seal_is_behind(&command->place, files) &&
		!seal_follow(&command->place, files, &how, &err))
		return command_failed(&err);
	code = seal_texts(command, files);
	if (code != EXIT_YES || !command->message || command->dry_run)
		return code;
	code = commit(command, files);
	return code != EXIT_YES || follow(command, files, false, &err) ? code : command_failed(&err);
}

/* The path as the layout has it, relative to the root that we work in now. */
static const char *rooted(const struct seal_users *command, const char *path)
{
	if (!command->inside || *path == '/')
		return path;
	return arena_printf(command->context->mem, "%s%s", command->checkout.prefix,
		text_starts(path, "./") ? path + 2 : path);
}

static int seal_named(struct seal_users *command, struct layout *layout, const char *path)
{
	const struct layout_users *known = layout_of_edit(layout, path);
	if (known)
		return seal_one(command, known);
	struct layout_users files = layout_of(command->context->mem, path, layout);
	return seal_one(command, &files);
}

static int seal_each(struct seal_users *command, struct layout *layout, int argc, char **argv)
{
	int code = EXIT_YES;
	if (argc == 0 && layout->count == 0) {
		sealing_say("no " LAYOUT_EDIT " was found: name the file, or say in " LAYOUT_FILE
			    " which file is edited");
		return EXIT_NO;
	}
	for (size_t i = 0; argc == 0 && i < layout->count && code == EXIT_YES; i++) {
		/* A declared file that is not in this clone is somebody else's to edit. */
		if (layout->declared && access(layout->users[i].edit, F_OK) != 0)
			say(stdout, "%s: not in this clone\n", layout->users[i].edit);
		else
			code = seal_one(command, &layout->users[i]);
	}
	for (int i = 0; i < argc && code == EXIT_YES; i++)
		code = seal_named(command, layout, rooted(command, argv[i]));
	return code;
}

/* With --generate a word that is no file is a user; a file that is called like one is written with its folder, ./carol. */
static void take_names(struct seal_users *command, int *argc, char **argv)
{
	int kept = 0;
	for (int i = 0; i < *argc; i++) {
		if (!command->generate || strchr(argv[i], '/') || access(argv[i], F_OK) == 0) {
			argv[kept++] = argv[i];
			continue;
		}
		command->only = arena_grow(command->context->mem, (void *)command->only, command->only_count,
			sizeof(*command->only));
		command->only[command->only_count++] = argv[i];
	}
	*argc = kept;
}

/* Whoever was named and got none is told. */
static int check_names(const struct seal_users *command)
{
	int code = EXIT_YES;
	for (size_t i = 0; i < command->only_count; i++) {
		bool found = false;
		for (size_t k = 0; k < command->made.count; k++)
			found = found || text_equal(command->made.items[k], command->only[i]);
		if (found)
			continue;
		sealing_say("no password was made for \"%s\": no user of this name needs one (one that is there is changed in the "
			    "edit file), and it is no file",
			command->only[i]);
		code = EXIT_NO;
	}
	return code;
}

int command_seal_users(struct command_context *context, int argc, char **argv)
{
	struct seal_users command = {.context = context};
	const struct command_option options[] = {{"--cert", NULL, &command.certificate},
		{"--all", &command.reseal, NULL}, {"--generate", &command.generate, NULL},
		{"--dry-run", &command.dry_run, NULL}, {"--stage", &command.stage, NULL},
		{"--resolve", &command.resolve, NULL}, {"--commit", NULL, &command.message}};
	struct mistakes mistakes = {.mem = context->mem};
	struct layout layout;
	struct error err;
	sealing_protect_memory();
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, 1000))
		return EXIT_NO_ANSWER;
	take_names(&command, &argc, argv);
	command.inside = git_checkout(context->mem, &command.checkout, &err);
	if (!command.inside && (command.stage || command.message))
		return command_failed(&err);
	if (command.certificate)
		command.certificate = rooted(&command, command.certificate);
	command.place = (struct seal_place){command.inside ? &command.checkout : NULL, NULL, context->mem};
	if (!seal_receipts_open(command.place.checkout, &command.place.receipts, &err))
		sealing_say("warning: %s: given passwords are all sealed anew", err.text);
	if (!layout_read(context->mem, &layout, &mistakes)) {
		sealing_say_mistakes(&mistakes);
		receipts_close(command.place.receipts);
		return EXIT_NO;
	}
	int code = seal_each(&command, &layout, argc, argv);
	if (code == EXIT_YES)
		code = check_names(&command);
	receipts_close(command.place.receipts);
	if (command.inside)
		sealing_warn_of_hooks(context);
	return code;
}
