/*
 * unheard.h - whose store was away when it was asked for the cluster
 *
 * For the life of the process, whatever asks; from any thread. The latest 256 are known.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The member at `url` gave no picture of the cluster, and had heard from its store at `seen`, in its own seconds (dcs_last_seen); 0 = it does
   not say, and nothing is noted. */
void unheard_note(const char *url, int64_t seen);

/* That is still the last that it has heard. */
bool unheard_is(const char *url, int64_t seen);
