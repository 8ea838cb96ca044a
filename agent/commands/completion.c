#include "agent/commands/common.h"

#include <string.h>

#include "base/text.h"

/* Options that every command knows, as in options.c; '=' = takes a value. */
static const char global_options[] =
	"--output= --no-headers --config= --state= --server= --token-file= --help --version";

static const char names_note[] = "names are asked of the store, so they complete with the agent down too";

/* Calls `each` with every word of a list with spaces between. */
static void each_word(const char *list, void (*each)(const char *word, size_t length))
{
	while (*list) {
		size_t length = strcspn(list, " ");
		if (length)
			each(list, length);
		list += length + (list[length] == ' ');
	}
}

/* A value follows after a space or after '=': the shell shows the option without it. */
static void print_option(const char *word, size_t length)
{
	printf(" %.*s", (int)(length - (word[length - 1] == '=')), word);
}

static void print_options(const char *list)
{
	each_word(list, print_option);
	each_word(global_options, print_option);
}

/* The first words of all commands, each once: those of a group stand together in the table. */
static bool is_first_of_group(size_t i)
{
	size_t length = strcspn(commands[i].name, " ");
	return i == 0 || strncmp(commands[i - 1].name, commands[i].name, length) != 0 ||
		strcspn(commands[i - 1].name, " ") != length;
}

static void print_words(void)
{
	for (size_t i = 0; i < command_count; i++)
		if (is_first_of_group(i))
			printf(" %.*s", (int)strcspn(commands[i].name, " "), commands[i].name);
	printf(" help");
}

/* The words that follow these, of commands that end with them: "seal" has keys, and "seal keys" has new. */
static void print_verbs(const char *group, size_t length)
{
	for (size_t i = 0; i < command_count; i++) {
		const char *name = commands[i].name;
		if (strncmp(name, group, length) == 0 && name[length] == ' ' && !strchr(name + length + 1, ' '))
			printf(" %s", name + length + 1);
	}
}

static int words_of(const char *name)
{
	int words = 1;
	for (; *name; name++)
		words += *name == ' ';
	return words;
}

/* What the argument after the command is: "app" and "user" commands with a NAME take one that exists. */
static const char *names_command(const struct command *command)
{
	if (!strstr(command->arguments, "NAME"))
		return NULL;
	if (text_starts(command->name, "app "))
		return "app list";
	return text_starts(command->name, "user ") ? "user list" : NULL;
}

static void bash_case(const char *pattern, const char *options)
{
	printf("\t\t%s) COMPREPLY=($(compgen -W '", pattern);
	print_options(options);
	puts("' -- \"$word\")) ;;");
}

/* A command can have verbs beside it ("seal", "seal keys", "seal keys new"), and has its arguments where others have their verb: the
   longer names are asked first. */
static void bash_options(void)
{
	char pattern[160];
	for (int words = COMMAND_WORDS; words > 0; words--)
		for (size_t i = 0; i < command_count; i++) {
			if (words_of(commands[i].name) != words)
				continue;
			snprintf(pattern, sizeof(pattern), "'%s' | '%s '*", commands[i].name, commands[i].name);
			bash_case(pattern, commands[i].options);
		}
	bash_case("*", "");
}

static void bash_words(void)
{
	printf("\t0:*) COMPREPLY=($(compgen -W '");
	print_words();
	puts("' -- \"$word\")) ;;");
	for (size_t i = 0; i < command_count; i++) {
		char group[64];
		size_t length = strcspn(commands[i].name, " ");
		snprintf(group, sizeof(group), "%.*s", (int)length, commands[i].name);
		if (!is_first_of_group(i) || !help_is_group(group))
			continue;
		printf("\t1:'%s') COMPREPLY=($(compgen -W '", group);
		print_verbs(commands[i].name, length);
		puts("' -- \"$word\")) ;;");
	}
	for (size_t i = 0; i < command_count; i++)
		if (words_of(commands[i].name) == 2 && help_is_group(commands[i].name)) {
			printf("\t2:'%s') COMPREPLY=($(compgen -f -W '", commands[i].name);
			print_verbs(commands[i].name, strlen(commands[i].name));
			puts("' -- \"$word\")) ;;");
		}
	for (size_t i = 0; i < command_count; i++)
		if (names_command(&commands[i]))
			printf("\t2:'%s') _pgitops_names %s ;;\n", commands[i].name,
				names_command(&commands[i]));
	puts("\t1:completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$word\")) ;;");
}

/* compgen -W would expand what stands in a name, $(...) too: names are compared and quoted here. */
static const char bash_names[] = "_pgitops_names()\n{\n\tlocal name\n"
				 "\twhile read -r name _; do\n"
				 "\t\t[[ $name != \"$word\"* ]] || COMPREPLY+=(\"$(printf %q \"$name\")\")\n"
				 "\tdone < <(pgitops \"$@\" --no-headers 2>/dev/null)\n}\n";

static void bash(void)
{
	printf("# %s\n%s_pgitops()\n{\n\tlocal word=${COMP_WORDS[COMP_CWORD]} said=() command i\n",
		names_note, bash_names);
	puts("\tCOMPREPLY=()\n\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\t[[ ${COMP_WORDS[i]} == -* ]] || said+=(\"${COMP_WORDS[i]}\")\n"
	     "\tdone\n\tcase ${COMP_WORDS[COMP_CWORD-1]} in\n"
	     "\t-o | --output) COMPREPLY=($(compgen -W 'table wide json yaml markdown csv' -- \"$word\")); return ;;\n"
	     "\t--config | --token-file) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
	     "\t--state) COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n\tesac\n\tcommand=${said[*]:0:3}\n"
	     "\tif [[ $word == -* ]]; then\n\t\tcase $command in");
	bash_options();
	puts("\t\tesac\n\t\treturn\n\tfi\n\tcase ${#said[@]}:$command in");
	bash_words();
	puts("\t*) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n\tesac\n}\ncomplete -F _pgitops pgitops");
}

/* zsh runs bash's function: one script to keep right. */
static void zsh(void)
{
	puts("#compdef pgitops\nautoload -U +X bashcompinit && bashcompinit");
	bash();
}

static void fish_option(const char *condition, const char *word, size_t length)
{
	bool value = word[length - 1] == '=', letter = word[1] != '-';
	size_t dashes = letter ? 1 : 2;
	printf("complete -c pgitops -n '%s' -%c %.*s%s\n", condition, letter ? 's' : 'l',
		(int)(length - dashes - value), word + dashes, value ? " -r" : "");
}

static void fish_options(const char *condition, const char *list)
{
	while (*list) {
		size_t length = strcspn(list, " ");
		fish_option(condition, list, length);
		list += length + (list[length] == ' ');
	}
}

/* "__fish_seen_subcommand_from seal; and __fish_seen_subcommand_from keys" of the first `length` bytes of a name. */
static void fish_seen(const char *name, size_t length, struct buf *out)
{
	for (size_t at = 0; at < length;) {
		size_t word = strcspn(name + at, " ");
		buf_printf(out, "%s__fish_seen_subcommand_from %.*s", at ? "; and " : "", (int)word, name + at);
		at += word + 1;
	}
}

static void fish_command(const struct command *command)
{
	const char *verb = strrchr(command->name, ' ');
	CLEANUP(buf_done) struct buf before = BUF(400);
	CLEANUP(buf_done) struct buf condition = BUF(400);
	fish_seen(command->name, strlen(command->name), &condition);
	if (verb) {
		size_t length = (size_t)(verb - command->name);
		fish_seen(command->name, length, &before);
		printf("complete -c pgitops -f -n '%s; and not __fish_seen_subcommand_from",
			buf_string(&before));
		print_verbs(command->name, length);
		printf("' -a %s -d '%s'\n", verb + 1, command->summary);
	}
	fish_options(buf_string(&condition), command->options);
	if (names_command(command))
		printf("complete -c pgitops -f -n '%s' -a '(pgitops %s --no-headers 2>/dev/null | string split -f1 \" \")'\n",
			buf_string(&condition), names_command(command));
}

static void fish(void)
{
	printf("# %s\n", names_note);
	for (size_t i = 0; i < command_count; i++) {
		size_t length = strcspn(commands[i].name, " ");
		bool alone = !commands[i].name[length];
		if (is_first_of_group(i))
			printf("complete -c pgitops -f -n __fish_use_subcommand -a %.*s -d '%s'\n", (int)length,
				commands[i].name, alone ? commands[i].summary : "its verbs come next");
	}
	for (size_t i = 0; i < command_count; i++)
		fish_command(&commands[i]);
	fish_options("true", global_options);
	puts("complete -c pgitops -s o -x -a 'table wide json yaml markdown csv'");
	puts("complete -c pgitops -f -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'");
}

int command_completion(struct command_context *context, int argc, char **argv)
{
	static const struct {
		const char *shell;
		void (*print)(void);
	} shells[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
	if (!command_arguments(context, &argc, argv, NULL, 0, 1, 1))
		return EXIT_NO_ANSWER;
	for (size_t i = 0; i < COUNT_OF(shells); i++)
		if (text_equal(shells[i].shell, argv[0])) {
			shells[i].print();
			return EXIT_YES;
		}
	return command_misused(context, "%s is no shell that is known here: bash, zsh or fish", argv[0]);
}
