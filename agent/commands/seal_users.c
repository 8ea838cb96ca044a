/* edit-users.yaml to users.yaml and sealed-users.yaml, changing only what changed. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/commands/sealing.h"
#include "agent/hook/seal.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

struct seal_users {
	struct command_context *context;
	const char *certificate;
	const char *message; /* --commit */
	bool reseal, generate, dry_run, stage;
	bool inside; /* of a repository */
	struct checkout checkout;
	struct receipts *receipts;
};

/* "" when there is none yet. */
static bool read_now(const char *path, struct buf *text, struct error *err)
{
	return file_read(path, text, err) || err->kind == ERROR_MISSING;
}

static void say_outcome(const struct seal_users *command, const struct layout_users *files,
	const struct seal_outcome *outcome)
{
	bool changed = outcome->sealing.changed || outcome->users_changed;
	printf("%s: %s%s\n", files->edit, seal_users_summary(outcome, command->context->mem),
		!changed                   ? " (nothing to write)"
			: command->dry_run ? " (not written: --dry-run)"
					   : "");
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

/* The receipts are written first: one without its ciphertext costs nothing, a ciphertext without receipt is sealed again by
   the next commit. */
static bool write_out(struct seal_users *command, const struct layout_users *files,
	struct seal_outcome *outcome, struct error *err)
{
	if (command->dry_run)
		return true;
	if (command->receipts) {
		seal_note(command->receipts, command->inside ? &command->checkout : NULL, files, outcome,
			command->context->mem);
		if (!receipts_write(command->receipts, err))
			return false;
	}
	if (!seal_users_write(files, outcome, err))
		return false;
	if (!command->stage && !command->message)
		return true;
	const char *paths[3];
	seal_written(files, paths);
	return git_ask(
		NULL, err, "--literal-pathspecs", "add", "--", paths[0], paths[0] ? paths[1] : NULL, NULL);
}

/* A commit of these two files, whatever else is staged. */
static int commit(const struct seal_users *command, const struct layout_users *files)
{
	const char *paths[3];
	seal_written(files, paths);
	const char *const arguments[] = {"--literal-pathspecs", "commit", "-m", command->message, "--",
		paths[0], paths[0] ? paths[1] : NULL, NULL};
	CLEANUP(buf_done) struct buf out = BUF(1024 * 1024);
	struct git_call call = {.arguments = arguments};
	struct error err;
	if (git_says("diff-index", "--cached", "--quiet", git_head(command->context->mem), "--", files->users,
		    files->sealed, NULL)) {
		printf("%s: nothing to commit\n", files->edit);
		return EXIT_YES;
	}
	if (!git_run(&call, &out, NULL, &err))
		return command_failed(&err);
	fputs(buf_string(&out), stdout);
	return EXIT_YES;
}

/* Said before anything is sealed. A certificate that cannot be read is reported where it is needed. */
static void warn(const struct seal_users *command, const struct layout_users *files)
{
	const struct sealing_source source = {0};
	const char *path = command->certificate ? command->certificate : files->certificate;
	struct certificate certificate;
	struct error ignored;
	if (!path || !certificate_read_file(path, &certificate, &ignored))
		return;
	sealing_warn(&source, path, &certificate);
	certificate_done(&certificate);
}

static int seal_one(struct seal_users *command, const struct layout_users *files)
{
	CLEANUP(buf_done) struct buf users = BUF(2 * LIMIT_FILE_BYTES);
	CLEANUP(buf_done) struct buf sealed = BUF(LIMIT_PATH_BYTES);
	CLEANUP(seal_outcome_done) struct seal_outcome outcome = {0};
	struct mistakes mistakes = {.mem = command->context->mem};
	struct error err;
	warn(command, files);
	if (!read_now(files->users, &users, &err) || !read_now(files->sealed, &sealed, &err))
		return command_failed(&err);
	struct seal_run run = {
		.files = files,
		.receipts = command->receipts,
		.users_now = buf_string(&users),
		.users_now_length = users.length,
		.sealed_now = buf_string(&sealed),
		.sealed_now_length = sealed.length,
		.reseal = command->reseal,
		.generate = command->generate,
		.certificate = command->certificate,
	};
	if (!seal_users_make(&run, command->context->mem, &outcome, &mistakes)) {
		sealing_say_mistakes(&mistakes);
		return EXIT_NO;
	}
	if (!write_out(command, files, &outcome, &err))
		return command_failed(&err);
	say_outcome(command, files, &outcome);
	return command->message ? commit(command, files) : EXIT_YES;
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
			printf("%s: not in this clone\n", layout->users[i].edit);
		else
			code = seal_one(command, &layout->users[i]);
	}
	for (int i = 0; i < argc && code == EXIT_YES; i++)
		code = seal_named(command, layout, rooted(command, argv[i]));
	return code;
}

int command_seal_users(struct command_context *context, int argc, char **argv)
{
	struct seal_users command = {.context = context};
	const struct command_option options[] = {{"--cert", NULL, &command.certificate},
		{"--all", &command.reseal, NULL}, {"--generate", &command.generate, NULL},
		{"--dry-run", &command.dry_run, NULL}, {"--stage", &command.stage, NULL},
		{"--commit", NULL, &command.message}};
	struct mistakes mistakes = {.mem = context->mem};
	struct layout layout;
	struct error err;
	sealing_protect_memory();
	if (!command_arguments(context, &argc, argv, options, COUNT_OF(options), 0, 1000))
		return EXIT_NO_ANSWER;
	command.inside = git_checkout(context->mem, &command.checkout, &err);
	if (!command.inside && (command.stage || command.message))
		return command_failed(&err);
	if (command.certificate)
		command.certificate = rooted(&command, command.certificate);
	if (!seal_receipts_open(command.inside ? &command.checkout : NULL, &command.receipts, &err))
		sealing_say("warning: %s: given passwords are all sealed anew", err.text);
	if (!layout_read(context->mem, &layout, &mistakes)) {
		sealing_say_mistakes(&mistakes);
		receipts_close(command.receipts);
		return EXIT_NO;
	}
	int code = seal_each(&command, &layout, argc, argv);
	receipts_close(command.receipts);
	return code;
}
