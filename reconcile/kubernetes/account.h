/*
 * account.h - whose a bearer token is, by what it says of itself (internal to the room)
 *
 * A ServiceAccount's token is a JWT (RFC 7519) whose `sub` is "system:serviceaccount:NAMESPACE:NAME", and whose claims name the Pod it
 * was given to. Nothing is verified: the API server does that, and nobody lies to himself.
 */
#pragma once

#include "reconcile/kubernetes/config.h"

/* Leaves `account` empty where the token is none of a ServiceAccount. */
void kube_account_read(const struct secret *token, struct kube_account *account);
void kube_account_done(struct kube_account *account);
