#include "agent/users/password_looks.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"

enum { ROUND = 600000 /* milliseconds */ };

struct kept_look {
	char *user, *version, *why;
	enum password_look said;
	unsigned round;
};

static void look_done(struct kept_look *look)
{
	free(look->user);
	free(look->version);
	free(look->why);
}

/* Whoever had no turn in a whole round is not listed any more. */
static void forget_gone(struct password_looks *looks)
{
	size_t kept = 0;
	for (size_t i = 0; i < looks->count; i++) {
		if (looks->items[i].round == looks->round)
			looks->items[kept++] = looks->items[i];
		else
			look_done(&looks->items[i]);
	}
	looks->count = kept;
}

void password_looks_begin(struct password_looks *looks, int64_t now)
{
	bool first = !looks->round;
	if (first || (!looks->open && now - looks->began >= ROUND)) {
		forget_gone(looks);
		looks->round++;
		looks->began = now;
	}
	looks->open = false;
	looks->left = LIMIT_LOGINS_IN_PASS;
}

/* Where the user is, or would be. */
static size_t place_of(const struct password_looks *looks, const char *user)
{
	size_t low = 0, high = looks->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(looks->items[middle].user, user) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct kept_look *find(const struct password_looks *looks, const char *user)
{
	size_t at = place_of(looks, user);
	return at < looks->count && strcmp(looks->items[at].user, user) == 0 ? &looks->items[at] : NULL;
}

enum password_look password_looks_ask(
	struct password_looks *looks, const char *user, const char *version, bool asked, const char **why)
{
	struct kept_look *look = find(looks, user);
	bool known = look && strcmp(look->version, version) == 0;
	bool due = asked || !known || look->round != looks->round;
	if (due && looks->left) {
		looks->left--;
		return LOOK_NOW;
	}
	looks->open |= due;
	if (!known)
		return LOOK_LATER;
	*why = look->why;
	return look->said;
}

void password_looks_note(struct password_looks *looks, const char *user, const char *version,
	enum password_look said, const char *why)
{
	struct kept_look *look = find(looks, user);
	if (!look) {
		size_t at = place_of(looks, user);
		looks->items = memory_resize(looks->items, (looks->count + 1) * sizeof(*looks->items));
		look = &looks->items[at];
		memmove(look + 1, look, (looks->count - at) * sizeof(*look));
		looks->count++;
		*look = (struct kept_look){.user = memory_copy(user)};
	}
	free(look->version);
	free(look->why);
	look->version = memory_copy(version);
	look->why = memory_copy(why);
	look->said = said;
	look->round = looks->round;
}

void password_looks_stop(struct password_looks *looks)
{
	looks->left = 0;
}

void password_looks_done(struct password_looks *looks)
{
	for (size_t i = 0; i < looks->count; i++)
		look_done(&looks->items[i]);
	free(looks->items);
	*looks = (struct password_looks){.count = 0};
}
