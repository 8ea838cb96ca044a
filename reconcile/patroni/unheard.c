#include "reconcile/patroni/unheard.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"

enum { MOST = 256 };

static struct unheard {
	char *url;
	int64_t seen;
} known[MOST];
static size_t next;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct unheard *find(const char *url)
{
	for (size_t i = 0; i < MOST; i++)
		if (text_equal(known[i].url, url))
			return &known[i];
	return NULL;
}

void unheard_note(const char *url, int64_t seen)
{
	if (!seen)
		return;
	pthread_mutex_lock(&lock);
	struct unheard *found = find(url);
	if (!found) {
		found = &known[next++ % MOST];
		free(found->url);
		found->url = memory_copy(url);
	}
	found->seen = seen;
	pthread_mutex_unlock(&lock);
}

bool unheard_is(const char *url, int64_t seen)
{
	pthread_mutex_lock(&lock);
	const struct unheard *found = find(url);
	bool is = found && found->seen == seen;
	pthread_mutex_unlock(&lock);
	return is;
}
