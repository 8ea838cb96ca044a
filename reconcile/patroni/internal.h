/*
 * internal.h - what the files of this room share
 */
#pragma once

#include "reconcile/patroni/patroni.h"

/* The cluster, the member: found, or made. */
struct patroni_cluster *patroni_cluster_of(struct patroni_set *set, const char *namespace, const char *name);
struct patroni_member *patroni_member_of(
	struct patroni_set *set, struct patroni_cluster *cluster, const char *name);

/* The value stays as long as the set does; borrowed, NULL gives NULL. */
json_t *patroni_keep(struct patroni_set *set, json_t *value);

/* The JSON in a text, kept; NULL when it is none, or no object where `object`. */
json_t *patroni_parse(struct patroni_set *set, const char *text);

/* A member's word: the annotation `status`, or /service/NAME/members/MEMBER of etcd. */
void patroni_take_word(struct patroni_set *set, struct patroni_member *member, const char *text);

/* Host and port of "postgres://HOST:PORT/DATABASE", "[::1]:5432" included. */
void patroni_take_address(struct patroni_set *set, struct patroni_member *member, const char *url);

/* A whole number of JSON, whatever else stands there: `fallback`. */
int64_t patroni_number(const json_t *object, const char *key, int64_t fallback);

/* A copy of the text under the key; NULL where it is missing, "", or no text. */
const char *patroni_text(struct patroni_set *set, const json_t *object, const char *key);

/* What of both the word and the answer have, in the same form: restart, tags, roles. */
void patroni_take_common(struct patroni_set *set, struct patroni_member *member, json_t *from);
