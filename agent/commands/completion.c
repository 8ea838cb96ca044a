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

static void print_verbs(const char *group, size_t length)
{
	for (size_t i = 0; i < command_count; i++)
		if (strncmp(commands[i].name, group, length) == 0 && commands[i].name[length] == ' ')
			printf(" %s", commands[i].name + length + 1);
}

/* What the argument after the command is: "app" and "user" commands with a NAME take one that exists. */
static const char *names_command(const struct command *command)
{
	if (!strstr(command->arguments, "NAME"))
		return NULL;
	return text_starts(command->name, "app ") ? "app list" : "user list";
}

static void bash(void)
{
	printf("# %s\n_pgitops()\n{\n\tlocal word=${COMP_WORDS[COMP_CWORD]} words=() command i\n", names_note);
	puts("\tfor ((i = 1; i < COMP_CWORD; i++)); do\n\t\t[[ ${COMP_WORDS[i]} == -* ]] || words+=(\"${COMP_WORDS[i]}\")\n"
	     "\tdone\n\tcase ${COMP_WORDS[COMP_CWORD-1]} in\n\t-o | --output) COMPREPLY=($(compgen -W 'table wide json yaml' -- "
	     "\"$word\")); return ;;\n\t--config | --token-file) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n"
	     "\t--state) COMPREPLY=($(compgen -d -- \"$word\")); return ;;\n\tesac\n\tcommand=${words[*]:0:2}\n"
	     "\tif [[ $word == -* ]]; then\n\t\tcase $command in");
	for (size_t i = 0; i < command_count; i++) {
		bool one_word = !strchr(commands[i].name, ' ');
		printf("\t\t'%s'%s) COMPREPLY=($(compgen -W '", commands[i].name, one_word ? "*" : "");
		print_options(commands[i].options);
		puts("' -- \"$word\")) ;;");
	}
	printf("\t\t*) COMPREPLY=($(compgen -W '");
	print_options("");
	puts("' -- \"$word\")) ;;\n\t\tesac\n\t\treturn\n\tfi\n\tcase ${#words[@]}:$command in");
	printf("\t0:*) COMPREPLY=($(compgen -W '");
	print_words();
	puts("' -- \"$word\")) ;;");
	for (size_t i = 0; i < command_count; i++) {
		size_t length = strcspn(commands[i].name, " ");
		if (!is_first_of_group(i) || !commands[i].name[length])
			continue;
		printf("\t1:'%.*s') COMPREPLY=($(compgen -W '", (int)length, commands[i].name);
		print_verbs(commands[i].name, length);
		puts("' -- \"$word\")) ;;");
	}
	for (size_t i = 0; i < command_count; i++)
		if (names_command(&commands[i]))
			printf("\t2:'%s') COMPREPLY=($(compgen -W \"$(pgitops %s --no-headers 2>/dev/null | cut -d' ' -f1)\" -- "
			       "\"$word\")) ;;\n",
				commands[i].name, names_command(&commands[i]));
	puts("\t1:completion) COMPREPLY=($(compgen -W 'bash zsh fish' -- \"$word\")) ;;\n"
	     "\t*:check*) COMPREPLY=($(compgen -f -- \"$word\")) ;;\n\tesac\n}\ncomplete -F _pgitops pgitops");
}

/* zsh runs bash's function: one script to keep right. */
static void zsh(void)
{
	puts("#compdef pgitops\nautoload -U +X bashcompinit && bashcompinit");
	bash();
}

static void fish_option(const char *condition, const char *word, size_t length)
{
	bool value = word[length - 1] == '=';
	printf("complete -c pgitops -n '%s' -l %.*s%s\n", condition, (int)(length - 2 - value), word + 2,
		value ? " -r" : "");
}

static void fish_options(const char *condition, const char *list)
{
	while (*list) {
		size_t length = strcspn(list, " ");
		fish_option(condition, list, length);
		list += length + (list[length] == ' ');
	}
}

static void fish_command(const struct command *command)
{
	char condition[160];
	size_t length = strcspn(command->name, " ");
	const char *verb = command->name[length] ? command->name + length + 1 : NULL;

	if (verb) {
		printf("complete -c pgitops -f -n '__fish_seen_subcommand_from %.*s; and not __fish_seen_subcommand_from",
			(int)length, command->name);
		print_verbs(command->name, length);
		printf("' -a %s -d '%s'\n", verb, command->summary);
	}
	snprintf(condition, sizeof(condition), "__fish_seen_subcommand_from %.*s%s%s", (int)length,
		command->name, verb ? "; and __fish_seen_subcommand_from " : "", verb ? verb : "");
	fish_options(condition, command->options);
	if (names_command(command))
		printf("complete -c pgitops -f -n '%s' -a '(pgitops %s --no-headers 2>/dev/null | string split -f1 \" \")'\n",
			condition, names_command(command));
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
	puts("complete -c pgitops -s o -x -a 'table wide json yaml'");
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
