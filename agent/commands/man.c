/*
 * man.c - the manual page, made from the same texts as --help, so that they cannot disagree (`pgitops help --man`)
 */
#include <string.h>

#include "agent/commands/common.h"
#include "base/text.h"

/* ---- roff ---- */

/* Text as roff prints it unchanged: hyphens that can be searched for, quotes that can be pasted. */
static void put_text(FILE *out, const char *text, size_t length)
{
	static const struct {
		char character;
		const char *escape;
	} escapes[] = {
		{'\\', "\\e"}, {'-', "\\-"}, {'\'', "\\(aq"}, {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"}};

	for (size_t i = 0; i < length; i++) {
		const char *escape = NULL;
		for (size_t j = 0; j < COUNT_OF(escapes); j++)
			if (escapes[j].character == text[i])
				escape = escapes[j].escape;
		if (i == 0 && text[i] == '.')
			fputs("\\&", out);
		if (escape)
			fputs(escape, out);
		else
			fputc(text[i], out);
	}
}

/* Running text: what stands between backticks is bold instead. */
static void put_prose(FILE *out, const char *text, size_t length)
{
	bool bold = false;
	while (length) {
		const char *tick = memchr(text, '`', length);
		size_t part = tick ? (size_t)(tick - text) : length;
		put_text(out, text, part);
		if (!tick)
			break;
		bold = !bold;
		fputs(bold ? "\\fB" : "\\fR", out);
		text += part + 1;
		length -= part + 1;
	}
	fputs(bold ? "\\fR\n" : "\n", out);
}

/* ---- a command's help: paragraphs, options with two blanks before them, examples ---- */

enum block { BLOCK_PARAGRAPH, BLOCK_OPTIONS, BLOCK_EXAMPLE };

/* "  --timeout D      how long to wait": the words before the gap are what is typed. */
static void put_option(FILE *out, const char *line, size_t length)
{
	size_t lead = strspn(line, " "), name = lead;
	while (name < length && !(line[name] == ' ' && line[name + 1] == ' '))
		name++;
	size_t text = name + strspn(line + name, " ");
	fputs(".TP\n\\fB", out);
	put_text(out, line + lead, name - lead);
	fputs("\\fR\n", out);
	if (text < length)
		put_prose(out, line + text, length - text);
}

static enum block kind_of(const char *line)
{
	if (*line != ' ')
		return BLOCK_PARAGRAPH;
	return line[strspn(line, " ")] == '-' ? BLOCK_OPTIONS : BLOCK_EXAMPLE;
}

/* Further lines of an option's text are indented deeper than its name. */
static bool continues_option(enum block now, const char *line)
{
	return now == BLOCK_OPTIONS && strspn(line, " ") > 6 && kind_of(line) == BLOCK_EXAMPLE;
}

static enum block put_line(FILE *out, enum block now, const char *line, size_t length)
{
	size_t lead = strspn(line, " ");
	if (continues_option(now, line)) {
		put_prose(out, line + lead, length - lead);
		return now;
	}
	enum block next = kind_of(line);
	if (now == BLOCK_EXAMPLE && next != BLOCK_EXAMPLE)
		fputs(".EE\n.RE\n", out);
	if (now == BLOCK_OPTIONS && next == BLOCK_PARAGRAPH)
		fputs(".PP\n", out);
	if (now != BLOCK_EXAMPLE && next == BLOCK_EXAMPLE)
		fputs(".RS 4\n.EX\n", out);
	if (next == BLOCK_OPTIONS) {
		put_option(out, line, length);
	} else if (next == BLOCK_EXAMPLE) {
		put_text(out, line + lead, length - lead);
		fputc('\n', out);
	} else {
		put_prose(out, line, length);
	}
	return next;
}

static void put_help(FILE *out, const char *text)
{
	enum block now = BLOCK_PARAGRAPH;
	bool blank = false;
	while (*text) {
		size_t length = strcspn(text, "\n");
		if (length && blank && now == BLOCK_PARAGRAPH && kind_of(text) == BLOCK_PARAGRAPH)
			fputs(".PP\n", out);
		if (length)
			now = put_line(out, now, text, length);
		blank = !length;
		text += length + (text[length] == '\n');
	}
	if (now == BLOCK_EXAMPLE)
		fputs(".EE\n.RE\n", out);
}

/* ---- the page ---- */

static void put_command(FILE *out, const struct command *command)
{
	fputs(".SS \"pgitops ", out);
	put_text(out, command->name, strlen(command->name));
	if (*command->arguments) {
		fputc(' ', out);
		put_text(out, command->arguments, strlen(command->arguments));
	}
	fprintf(out, "%s\"\n", *command->options ? " [OPTION...]" : "");
	put_prose(out, command->summary, strlen(command->summary));
	fputs(".PP\n", out);
	put_help(out, command->help);
}

static const char environment[] =
	"  PGITOPS_CONFIG       the agent file, when --config does not name one\n"
	"  PGITOPS_SERVER       an agent elsewhere, when none is named on the command line\n"
	"  NO_COLOR             when set to anything, no colours; nor where the output is no terminal\n"
	"  SEALED_SECRETS_CERT  the certificate that seal seals with, when --cert does not name one\n"
	"  KUBECONFIG           for seal and unseal, several files with \":\" between; the agent takes the one that its file names\n"
	"  TMPDIR               where doctor reads repositories into, for a moment\n";

static const char files[] =
	"  /etc/pgitops/agent.yaml  the agent file, unless another one is named; its fields are in README.md\n"
	"  STATE/pgitops.db         what the agent remembers, and what reading commands read; may be deleted at any time\n"
	"  STATE/agent.sock         where the running agent is asked; for its own user and root\n"
	"  STATE/lock               held by the running agent, with its process number in it\n"
	"  STATE/repositories       bare repositories; a cache\n";

/* "  NAME  text" becomes an entry of its own, whatever NAME begins with. */
static void put_entries(FILE *out, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		put_option(out, text, length);
		text += length + 1;
	}
}

void help_man(FILE *out)
{
	fprintf(out,
		".\\\" Made from the texts of --help by `pgitops help --man`.\n"
		".TH PGITOPS 1 \"\" \"pgitops %s\" \"User Commands\"\n"
		".SH NAME\npgitops \\- GitOps agent for PostgreSQL on Kubernetes\n"
		".SH SYNOPSIS\n.B pgitops\n\\fICOMMAND\\fR [\\fIARGUMENT\\fR...] [\\fIOPTION\\fR...]\n"
		".SH DESCRIPTION\n",
		PGITOPS_VERSION);
	put_help(out, help_purpose);
	fputs(".SH COMMANDS\n", out);
	for (size_t i = 0; i < command_count; i++)
		put_command(out, &commands[i]);
	fputs(".SH OPTIONS\n", out);
	put_help(out, help_options);
	fputs(".SH \"EXIT STATUS\"\n", out);
	put_help(out, help_exit_codes);
	fputs(".SH ENVIRONMENT\n", out);
	put_entries(out, environment);
	fputs(".SH FILES\n", out);
	put_entries(out, files);
	fputs(".SH \"SEE ALSO\"\n.BR kubectl (1),\n.BR git (1),\n.BR psql (1)\n", out);
}
