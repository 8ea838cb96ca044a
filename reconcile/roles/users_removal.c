/*
 * users_removal.c - version 2: what becomes of a user whose line goes
 *
 * `onRemove` is asked for while the line is there, and obeyed when it is not: so the agent's table has it (managed.h). `drop`, which says what
 * happens in the end, and `retire`, which says how, are one word.
 */
#include <string.h>

#include "reconcile/roles/users_reader.h"

static const char *const words[] = {"retire", "lock", "keep", "drop"};

const char *on_remove_name(enum on_remove on_remove)
{
	return words[on_remove];
}

static void read(struct users_reader *reader, const struct yaml_node *node, enum on_remove *to)
{
	const char *word = node->kind == YAML_STRING ? node->text : NULL;
	size_t at = 0;
	while (word && at < COUNT_OF(words) && strcmp(words[at], word) != 0)
		at++;
	if (word && at < COUNT_OF(words))
		*to = at == COUNT_OF(words) - 1 ? ON_REMOVE_RETIRE : (enum on_remove)at;
	else
		reader_wrong(reader, node,
			arena_printf(reader->mem,
				"onRemove must be retire (or drop, the same), lock or keep%s%s",
				word ? ": " : "",
				word ? reader_instead(reader, word, words, COUNT_OF(words)) : ""));
}

void reader_on_remove(struct users_reader *reader, const struct yaml_node *node, struct user *user)
{
	read(reader, node, &user->on_remove);
}

void reader_default_on_remove(struct users_reader *reader, const struct yaml_node *node)
{
	read(reader, node, &reader->on_remove);
}
