/*
 * known_hosts.h - is this the ssh server that the user knows? (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT")
 *
 * Pure. Understands host lists with patterns and negation, [host]:port, hashed names and @revoked; a @cert-authority
 * line proves nothing here, since the library offers no host certificates.
 */
#pragma once

#include "base/base.h"

enum known_host {
	KNOWN_HOST_UNKNOWN, /* no line for this host */
	KNOWN_HOST_SAME,
	KNOWN_HOST_OTHER_TYPE, /* only lines with other types of keys */
	KNOWN_HOST_CHANGED,    /* a line with this type and another key */
	KNOWN_HOST_REVOKED,
};

/* `key` is the raw public key blob, as ssh sends it. For another port than 22 a line of "[host]:port" is looked for, then one of
   `host` alone, which proves the same key and nothing else, as ssh(1) does it. */
enum known_host known_hosts_check(
	const char *text, const char *host, int port, const unsigned char *key, size_t length);

/* "SHA256:..." as ssh-keygen -l shows it. */
enum { FINGERPRINT_SIZE = 56 };
void known_hosts_fingerprint(const unsigned char *key, size_t length, char text[FINGERPRINT_SIZE]);

/* "ssh-ed25519", ... as the blob says; "unknown" when it is none. `text` holds 64 bytes. */
void known_hosts_type(const unsigned char *key, size_t length, char text[64]);

/* The name of a type for ssh-keyscan -t: "ecdsa", "rsa", "ed25519". */
const char *known_hosts_kind(const char *type);

/* The algorithms of host keys in the order in which a server is to be asked for them, as ssh(1) does it: first those of the kinds that are
   known of it, for of several that it has it shows the first of ours. RSA by SHA-2 alone. */
enum { KNOWN_HOSTS_ALGORITHMS = 256 };
void known_hosts_algorithms(const char *text, const char *host, int port, char list[KNOWN_HOSTS_ALGORITHMS]);
