#include "reconcile/source/ssh_transport.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<git2/sys/errors.h>)
#include <git2/sys/errors.h> /* since libgit2 1.8 git_error_set_str() is declared there */
#endif

#include "base/buf.h"
#include "base/http/percent.h"
#include "base/memory.h"
#include "base/text.h"
#include "reconcile/source/object_format.h"
#include "reconcile/source/ssh_link.h"

enum { LENGTH_DIGITS = 4, COMMAND_BYTES = 16384, COMPLAINT_BYTES = 400 };

struct subtransport {
	git_smart_subtransport parent; /* must be first: libgit2 hands it back */
	struct ssh_transport *carrier;
	struct ssh_link *link;
	struct stream *stream; /* the one that is open: refs and objects come by the same command */
};

struct stream {
	git_smart_subtransport_stream parent; /* must be first */
	struct subtransport *owner;
	bool begun; /* the first bytes were looked at */
};

/* "git@host:2222/team/db.git" is a path that begins with 2222 for git, too; who wrote it mostly meant a port. */
static void explain_number(const struct url *url, struct error *err)
{
	size_t digits = strspn(url->path + 1, "0123456789");
	char said[ERROR_TEXT_SIZE];
	if (!url->relative || !digits || url->path[1 + digits] != '/')
		return;
	memcpy(said, err->text, sizeof(said));
	error_set(err, err->kind,
		"%s; port %d and the path %s in the home of the user were asked for, as git does: with a port the URL is "
		"ssh://%s%s%s:%s",
		said, url->port, url->path + 1, url->user ? url->user : "", url->user ? "@" : "", url->host,
		url->path + 1);
}

static int fail(struct subtransport *owner)
{
	explain_number(owner->carrier->url, &owner->carrier->failure);
	git_error_set_str(GIT_ERROR_SSH, owner->carrier->failure.text);
	return -1;
}

char *ssh_transport_command(const struct url *url)
{
	CLEANUP(buf_done) struct buf command = BUF(COMMAND_BYTES);
	CLEANUP(arena_freep) struct arena *mem = arena_new(COMMAND_BYTES);
	const char *path = url->literal ? url->path : percent_decode(url->path, strlen(url->path), mem);
	if (url->relative || text_starts(path, "/~"))
		path++;
	if (*path == '-' || (!url->literal && strstr(url->path, "%00")))
		return NULL;
	buf_text(&command, "git-upload-pack '");
	for (; *path; path++) {
		if (iscntrl((unsigned char)*path))
			return NULL;
		/* As git quotes: some shells take '!' within quotes for more than itself. */
		if (*path == '\'' || *path == '!')
			buf_printf(&command, "'\\%c'", *path);
		else
			buf_char(&command, *path);
	}
	buf_char(&command, '\'');
	return memory_copy(buf_string(&command));
}

/* --- the stream --- */

/* The server ended without a word of Git's: what it complained of is the reason. */
static int fail_silent(struct subtransport *owner)
{
	static const char *const missing[] = {"not found", "does not exist", "no such file",
		"does not appear to be", "not a git repository", "could not be found", "cannot find"};
	char complaint[COMPLAINT_BYTES];
	enum error_kind kind = ERROR_DENIED;
	ssh_link_complaint(owner->link, complaint, sizeof(complaint));
	for (size_t i = 0; i < COUNT_OF(missing); i++)
		if (strcasestr(complaint, missing[i]))
			kind = ERROR_MISSING;
	error_set(&owner->carrier->failure, *complaint ? kind : ERROR_MISSING,
		"the server ended without an answer%s%s; the repository does not exist there, or this user may not see it",
		*complaint ? ": " : "", complaint);
	return fail(owner);
}

/* "LLLLID NAME\0CAPABILITIES" */
static bool check_first(struct subtransport *owner, const char *bytes, size_t size)
{
	if (size <= LENGTH_DIGITS)
		return true;
	CLEANUP(memory_freep) char *line = memory_alloc(size);
	memcpy(line, bytes + LENGTH_DIGITS, size - LENGTH_DIGITS);
	return !object_format_is_sha256(line, size - LENGTH_DIGITS) ||
		object_format_refused(&owner->carrier->failure);
}

static int stream_read(git_smart_subtransport_stream *parent, char *bytes, size_t size, size_t *got)
{
	struct stream *stream = (struct stream *)parent;
	struct subtransport *owner = stream->owner;
	ssize_t count = ssh_link_read(owner->link, bytes, size, &owner->carrier->failure);
	if (count < 0)
		return fail(owner);
	if (!stream->begun && !count)
		return fail_silent(owner);
	if (!stream->begun && !check_first(owner, bytes, (size_t)count))
		return fail(owner);
	stream->begun = true;
	*got = (size_t)count;
	return 0;
}

static int stream_write(git_smart_subtransport_stream *parent, const char *bytes, size_t size)
{
	struct subtransport *owner = ((struct stream *)parent)->owner;
	return ssh_link_write(owner->link, bytes, size, &owner->carrier->failure) ? 0 : fail(owner);
}

static void stream_free(git_smart_subtransport_stream *parent)
{
	struct stream *stream = (struct stream *)parent;
	stream->owner->stream = NULL;
	free(stream);
}

static bool run(struct subtransport *owner)
{
	struct ssh_transport *carrier = owner->carrier;
	CLEANUP(memory_freep) char *command = ssh_transport_command(carrier->url);
	if (!command)
		return error_set(&carrier->failure, ERROR_INVALID,
			"the path of the repository URL has forbidden characters");
	return ssh_link_open(carrier->url, carrier->access, carrier->dialer, &owner->link, &carrier->failure) &&
		ssh_link_run(owner->link, command, &carrier->failure);
}

static int open_stream(git_smart_subtransport_stream **out, git_smart_subtransport *parent, const char *url,
	git_smart_service_t action)
{
	struct subtransport *owner = (struct subtransport *)parent;
	(void)url;
	if (action != GIT_SERVICE_UPLOADPACK_LS && action != GIT_SERVICE_UPLOADPACK) {
		git_error_set_str(GIT_ERROR_SSH, "only reading is supported");
		return -1;
	}
	if (!owner->stream) {
		if (!run(owner))
			return fail(owner);
		owner->stream = memory_alloc(sizeof(*owner->stream));
		owner->stream->parent.subtransport = parent;
		owner->stream->parent.read = stream_read;
		owner->stream->parent.write = stream_write;
		owner->stream->parent.free = stream_free;
		owner->stream->owner = owner;
	}
	*out = &owner->stream->parent;
	return 0;
}

/* --- the transport --- */

static int close_subtransport(git_smart_subtransport *parent)
{
	struct subtransport *owner = (struct subtransport *)parent;
	ssh_link_close(owner->link);
	owner->link = NULL;
	return 0;
}

static void free_subtransport(git_smart_subtransport *parent)
{
	close_subtransport(parent);
	free(parent);
}

static int new_subtransport(git_smart_subtransport **out, git_transport *owner, void *carrier)
{
	struct subtransport *subtransport = memory_alloc(sizeof(*subtransport));
	(void)owner;
	subtransport->parent.action = open_stream;
	subtransport->parent.close = close_subtransport;
	subtransport->parent.free = free_subtransport;
	subtransport->carrier = carrier;
	*out = &subtransport->parent;
	return 0;
}

int ssh_transport_new(git_transport **out, git_remote *owner, void *payload)
{
	git_smart_subtransport_definition definition = {.callback = new_subtransport, .param = payload};
	return git_transport_smart(out, owner, &definition);
}
