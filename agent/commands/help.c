#include "agent/commands/common.h"

#include <string.h>

#include "base/text.h"

const char help_purpose[] =
	"pgitops keeps a Kubernetes cluster and the users of its PostgreSQL databases as a Git repository says.\n";

const char help_options[] =
	"Options that every command knows:\n"
	"  -o, --output table|wide|json|yaml   how to show the answer\n"
	"      --no-headers                    tables without their first line\n"
	"      --config FILE                   the agent file (PGITOPS_CONFIG, else /etc/pgitops/agent.yaml)\n"
	"      --state DIR                     the agent's state folder, instead of the agent file\n"
	"      --server URL                    an agent elsewhere (PGITOPS_SERVER), with --token-file FILE\n"
	"  -h, --help                          this help, on every level\n"
	"      --version                       the version of this program\n";

const char help_exit_codes[] =
	"Exit codes: 0 = yes, done, no difference; 1 = the answer is no (differences, not synced, not healthy,\n"
	"mistakes, refused); 2 = no answer could be given (wrong usage, cannot connect).\n";

const struct command *help_find(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (text_equal(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static bool belongs(const struct command *command, const char *group)
{
	size_t length = strlen(group);
	return strncmp(command->name, group, length) == 0 && command->name[length] == ' ';
}

bool help_is_group(const char *word)
{
	for (size_t i = 0; i < command_count; i++)
		if (belongs(&commands[i], word))
			return true;
	return false;
}

static void print_line(FILE *out, const struct command *command)
{
	enum { USAGE_WIDTH = 26 };
	char usage[64];
	snprintf(usage, sizeof(usage), "%s %s", command->name, command->arguments);
	if (strlen(usage) > USAGE_WIDTH) {
		fprintf(out, "  %s\n", usage);
		usage[0] = '\0';
	}
	fprintf(out, "  %-*s %s\n", USAGE_WIDTH, usage, command->summary);
}

void help_overview(FILE *out)
{
	fprintf(out, "%s\nusage: pgitops COMMAND [ARGUMENT...] [OPTION...]\n\n", help_purpose);
	for (size_t i = 0; i < command_count; i++)
		print_line(out, &commands[i]);
	fprintf(out,
		"\n%s\n%s\n"
		"Begin with `pgitops status`; `pgitops help COMMAND` shows a command with examples.\n",
		help_options, help_exit_codes);
}

static void print_verbs(FILE *out, const char *group)
{
	for (size_t i = 0; i < command_count; i++)
		if (belongs(&commands[i], group))
			print_line(out, &commands[i]);
}

void help_group(FILE *out, const char *group)
{
	fprintf(out, "usage: pgitops %s VERB [ARGUMENT...] [OPTION...]\n\n", group);
	print_verbs(out, group);
	fprintf(out, "\n`pgitops help %s VERB` shows one of them with examples.\n", group);
}

void help_command(FILE *out, const struct command *command)
{
	fprintf(out, "usage: pgitops %s%s%s%s\n\n%s\n\n%s\n", command->name, *command->arguments ? " " : "",
		command->arguments, *command->options ? " [OPTION...]" : "", command->summary, command->help);
	if (help_is_group(command->name)) {
		fputs("Beside it:\n", out);
		print_verbs(out, command->name);
		fputc('\n', out);
	}
	fputs(help_options, out);
}

/* Changes of one letter (put in, left out, replaced) that make one word of the other. */
static size_t distance(const char *a, const char *b)
{
	enum { LONGEST = 32 };
	size_t row[LONGEST + 1], length_a = strlen(a), length_b = strlen(b);
	if (length_a > LONGEST || length_b > LONGEST)
		return LONGEST;
	for (size_t j = 0; j <= length_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= length_a; i++) {
		size_t corner = row[0];
		row[0] = i;
		for (size_t j = 1; j <= length_b; j++) {
			size_t replaced = corner + (a[i - 1] != b[j - 1]);
			size_t other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			corner = row[j];
			row[j] = replaced < other ? replaced : other;
		}
	}
	return row[length_b];
}

static const char *nearest(const char *name)
{
	const char *best = NULL;
	size_t least = strlen(name) / 3 + 2;
	for (size_t i = 0; i < command_count; i++) {
		size_t found = distance(name, commands[i].name);
		if (found < least) {
			least = found;
			best = commands[i].name;
		}
	}
	return best;
}

int help_unknown(const char *name)
{
	CLEANUP(buf_done) struct buf visible = BUF(4096);
	const char *best = nearest(name);
	output_visible(name, false, &visible);
	fprintf(stderr, "pgitops: there is no command \"%s\"\n", buf_string(&visible));
	if (best)
		fprintf(stderr, "Did you mean `pgitops %s`?\n", best);
	else
		fputs("`pgitops help` lists the commands.\n", stderr);
	return EXIT_NO_ANSWER;
}
