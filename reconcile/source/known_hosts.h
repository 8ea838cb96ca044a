/*
 * known_hosts.h - is this the ssh server that the user knows? (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT")
 *
 * Pure. Understands host lists with patterns and negation, [host]:port, hashed names and @revoked; a @cert-authority
 * line proves nothing here, since the library offers no host certificates.
 */
#pragma once

#include "base/base.h"

enum known_host {
	KNOWN_HOST_SAME,
	KNOWN_HOST_UNKNOWN,    /* no line for this host */
	KNOWN_HOST_OTHER_TYPE, /* only lines with other types of keys */
	KNOWN_HOST_CHANGED,    /* a line with this type and another key */
	KNOWN_HOST_REVOKED,
};

/* `key` is the raw public key blob, as ssh sends it. */
enum known_host known_hosts_check(
	const char *text, const char *host, int port, const unsigned char *key, size_t length);

/* "SHA256:..." as ssh-keygen -l shows it. */
enum { FINGERPRINT_SIZE = 56 };
void known_hosts_fingerprint(const unsigned char *key, size_t length, char text[FINGERPRINT_SIZE]);

/* "ssh-ed25519", ... as the blob says; "unknown" when it is none. `text` holds 64 bytes. */
void known_hosts_type(const unsigned char *key, size_t length, char text[64]);
