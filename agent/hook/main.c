/*
 * main.c - pgitops-hook: `pgitops hook run NAME -- ARGUMENT...` and nothing else
 *
 * A commit runs three hooks, and most of what a hook takes is the loading of libraries that speak to servers. This program has none of
 * them. It lies beside pgitops, and the hooks' scripts (shim.c) take it where it is as new as that; where it is missing pgitops does the same.
 */
#include <stdio.h>
#include <string.h>

#include "agent/hook/hooks.h"
#include "base/memory.h"
#include "base/protect.h"

enum { HOOK_MEMORY = 256 * 1024 * 1024, NO_ANSWER = 2 };

int main(int argc, char **argv)
{
	(void)protect_process();
	protect_memory();
	if (argc < 5 || strcmp(argv[1], "hook") != 0 || strcmp(argv[2], "run") != 0 ||
		strcmp(argv[4], "--") != 0) {
		fprintf(stderr,
			"pgitops-hook: this is what the Git hooks run: `pgitops hook install` puts them in, "
			"`pgitops help hook` says more\n");
		return NO_ANSWER;
	}
	CLEANUP(arena_freep) struct arena *mem = arena_new(HOOK_MEMORY);
	return hook_run(argv[3], argc - 5, argv + 5, mem);
}
