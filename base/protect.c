#include "base/protect.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

/* Passwords, keys and tokens pass through this process: no core file, no debugger, no file for others. Two arenas are enough
   for threads that mostly wait, and keep the resident memory small; so does a threshold that stays where it is: by itself it
   grows with the first large block that is freed, and from then on the memory of a pass is cut out of the heap, with what
   outlives the pass between its pieces. */
mode_t protect_process(void)
{
	const struct rlimit no_core = {0, 0};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	mode_t before = umask(077);
	sigaction(SIGPIPE, &ignore, NULL);
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	return before;
}

enum {
	LOCK_ALL_BYTES = 256 * 1024 * 1024, /* with less, a lock of everything makes the next allocation fail */
	LOCK_HEAP_BYTES = 6 * 1024 * 1024, /* fits into the 8 MiB that everybody may lock */
};

/* All allocations come from the one heap, and its first part is there at once and locked: plain text that is read later is in
   it, short of thousands of users. */
static void lock_heap(void)
{
	mallopt(M_MMAP_THRESHOLD, 32 * 1024 * 1024);
	mallopt(M_TOP_PAD, LOCK_HEAP_BYTES);
	char *here = sbrk(0);
	void *first = memory_alloc(256 * 1024); /* makes the heap grow */
	char *end = sbrk(0);
	if (end > here)
		mlock2(here, (size_t)(end - here), MLOCK_ONFAULT);
	free(first);
}

void protect_memory(void)
{
	struct rlimit limit;
	/* Every freed byte is overwritten, in the libraries too: parsers keep copies that nobody else can reach. */
	mallopt(M_PERTURB, 0x5a);
	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= LOCK_ALL_BYTES || geteuid() == 0)
		mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	else
		lock_heap();
}
