/*
 * account.h - what this program is to the API server: who reads a token fills it in, who asks what is the agent's own looks at it
 */
#pragma once

/* All NULL where it is no ServiceAccount. On the heap. */
struct kube_account {
	char *namespace, *name;
	char *pod; /* NULL = not said */
};
