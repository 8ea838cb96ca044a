#include "reconcile/leak/public.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/text.h"

static bool contains(const char *bytes, size_t length, const char *word)
{
	size_t size = strlen(word);
	for (size_t at = 0; at + size <= length; at++)
		if (tolower((unsigned char)bytes[at]) == *word && strncasecmp(bytes + at, word, size) == 0)
			return true;
	return false;
}

static bool starts(const char *bytes, size_t length, const char *word)
{
	return length >= strlen(word) && strncasecmp(bytes, word, strlen(word)) == 0;
}

static bool ends(const char *bytes, size_t length, const char *word)
{
	size_t size = strlen(word);
	return length >= size && strncasecmp(bytes + length - size, word, size) == 0;
}

static void trim(const char **value, size_t *length)
{
	while (*length && isspace((unsigned char)(*value)[*length - 1]))
		--*length;
	while (*length && isspace((unsigned char)**value)) {
		++*value;
		--*length;
	}
}

/* "{{ x }}", "${X}", "$(x)", "%(x)s", "{% x %}", "@@x@@" anywhere in it. */
static bool has_template(const char *value, size_t length)
{
	static const struct {
		const char *open, *close;
	} forms[] = {{"{{", "}}"}, {"${", "}"}, {"$(", ")"}, {"%(", ")s"}, {"{%", "%}"}, {"#{", "}"},
		{"@@", "@@"}, {"<path:", ">"}, {"<<", ">>"}, {"((", "))"}, {"__", "__"}};
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		size_t size = strlen(forms[i].open);
		const char *open = memmem(value, length, forms[i].open, size);
		if (!open)
			continue;
		const char *inside = open + size,
			   *close = memmem(inside, length - (size_t)(inside - value), forms[i].close,
				   strlen(forms[i].close));
		if (close && close > inside &&
			(forms[i].open[0] != '_' || (open == value && close + 2 == value + length)))
			return true;
	}
	return false;
}

/* "$NAME", "%NAME%", "<anything>" as a whole. */
static bool is_name_of_value(const char *value, size_t length)
{
	if (length > 2 && *value == '<' && value[length - 1] == '>')
		return !memchr(value + 1, '<', length - 1);
	size_t from = *value == '$' || *value == '%',
	       to = *value == '%' && value[length - 1] == '%' ? length - 1 : length;
	if (!from || (*value == '%' && to == length) || from == to)
		return false;
	for (size_t i = from; i < to; i++)
		if (!isupper((unsigned char)value[i]) && !isdigit((unsigned char)value[i]) && value[i] != '_')
			return false;
	return !isdigit((unsigned char)value[from]);
}

/* Prefixes of what other programs put the value in for, and of what is encrypted. */
static const char *const elsewhere[] = {"ENC[", "$ANSIBLE_VAULT;", "vault:", "ref+", "secretref+", "op://",
	"awssm:", "aws-secret", "arn:aws:", "gcpsm:", "sm://", "akv:", "azurekeyvault", "secret://",
	"vault://", "keyvault:", "-----BEGIN AGE ENCRYPTED FILE-----", "-----BEGIN PGP MESSAGE-----",
	"age-encryption.org", "projects/", "file://",
	"env:", "bao:", "k8s:", "ssm:", "doppler:", "infisical:", "bw://", "keepass:", "pass://", "lookup("};

/* Written in capitals as nobody chooses a password. */
static const char *const capitals[] = {"REPLACE", "CHANGE_ME", "CHANGEME", "CHANGE-ME", "REDACTED",
	"PLACEHOLDER", "todo", "fixme", "YOUR_", "YOUR-", "INSERT_", "TO_BE_", "DUMMY_", "FILL_ME", "FILL_IN",
	"MASKED", "HIDDEN", "NOT_SET", "EXAMPLE_"};

static const char *const examples[] = {"your-", "your_", "your ", "yourpass", "mypass", "my-pass", "my_pass",
	"changeme", "change-me", "change_me", "change me", "replace", "redacted", "example", "placeholder",
	"insert", "dummy", "fake", "todo", "secret-here", "password-here", "base64-encoded", "base64 encoded",
	"encoded-", "some-", "sample", "foobar", "hidden", "..."};

static const char *const nothing[] = {"true", "false", "yes", "no", "on", "off", "null", "~", "none",
	"undefined", "nil", "{}", "[]", "\"\"", "''", "n/a", "-", "string"};

static bool is_mask(const char *value, size_t length)
{
	size_t at = 0;
	while (at < length && strchr("*xX.-_?#\xe2\x80\xa2\xa6\x97\x8f", value[at]) &&
		value[at]) /* and the dots of password fields */
		at++;
	return length >= 3 && at == length;
}

static bool is_public_pem(const char *value, size_t length)
{
	return (starts(value, length, "-----BEGIN CERTIFICATE") ||
		       starts(value, length, "-----BEGIN PUBLIC KEY") ||
		       starts(value, length, "-----BEGIN TRUSTED CERT") ||
		       starts(value, length, "-----BEGIN RSA PUBLIC KEY") ||
		       starts(value, length, "-----BEGIN X509 CRL") ||
		       starts(value, length, "ssh-ed25519 ") || starts(value, length, "ssh-rsa ")) &&
		!memmem(value, length, "PRIVATE KEY", 11);
}

static bool is_capital_word(const char *value, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (islower((unsigned char)value[i]))
			return false;
	for (size_t i = 0; i < COUNT_OF(capitals); i++)
		if (starts(value, length, capitals[i]))
			return true;
	return false;
}

bool public_value(const char *value, size_t length, bool example)
{
	trim(&value, &length);
	if (!length || is_mask(value, length) || is_name_of_value(value, length) ||
		has_template(value, length) || is_capital_word(value, length) || is_public_pem(value, length))
		return true;
	for (size_t i = 0; i < COUNT_OF(nothing); i++)
		if (strlen(nothing[i]) == length && strncasecmp(value, nothing[i], length) == 0)
			return true;
	for (size_t i = 0; i < COUNT_OF(elsewhere); i++)
		if (starts(value, length, elsewhere[i]))
			return true;
	for (size_t i = 0; example && i < COUNT_OF(examples); i++)
		if (contains(value, length, examples[i]))
			return true;
	return public_is_sealed(value, length) && length > 300;
}

bool public_data(const char *value, size_t length, bool example)
{
	if (public_value(value, length, example))
		return true;
	char *text = memory_alloc(length + 4);
	size_t size = 0, decoded = 0;
	for (size_t i = 0; i < length; i++)
		if (!isspace((unsigned char)value[i]))
			text[size++] = value[i];
	bool is_public = text_base64_decode(text, size, (unsigned char *)text, &decoded) && decoded &&
		public_value(text, decoded, example);
	explicit_bzero(text, length + 4);
	memory_freep(&text);
	return is_public;
}

static bool is_digit(char c)
{
	return isalnum((unsigned char)c) || c == '+' || c == '/' || c == '=';
}

bool public_is_sealed(const char *value, size_t length)
{
	char head[5] = "";
	unsigned char start[4];
	size_t digits = 0, size = 0;
	bool cut = false;
	trim(&value, &length);
	for (size_t i = 0; i < length; i++) {
		if (digits < 4)
			head[digits] = value[i];
		digits += is_digit(value[i]);
		cut = cut || value[i] == '.' || (unsigned char)value[i] >= 0x80;
		if (!is_digit(value[i]) && !isspace((unsigned char)value[i]) && value[i] != '.' &&
			(unsigned char)value[i] < 0x80)
			return false;
	}
	if (digits < 4 || memchr(head, '=', 4) || !text_base64_decode(head, 4, start, &size) || size != 3)
		return false;
	size_t block = (size_t)start[0] << 8 | start[1];
	if (block < 128 || block > 2048 || block % 64)
		return false;
	return cut || digits * 3 / 4 >= 2 + block + 16;
}

/* A line "password = x", "secret: x" of a configuration file, with a value of its own. */
static bool has_plain_line(const char *value, size_t length, bool example)
{
	for (size_t at = 0; at < length;) {
		const char *line = value + at, *end = memchr(line, '\n', length - at);
		size_t size = end ? (size_t)(end - line) : length - at, key = 0;
		at += size + 1;
		while (key < size && !strchr(":=", line[key]))
			key++;
		if (key < size &&
			(public_names_password(line, key) || contains(line, key, "secret") ||
				contains(line, key, "token")) &&
			!public_value(line + key + 1, size - key - 1, example))
			return true;
	}
	return false;
}

bool public_template(const char *key, const char *value, size_t length, bool example)
{
	const char *scheme = memmem(value, length, "://", 3);
	if (public_is_identity(key) && !(scheme && memchr(scheme, '@', length - (size_t)(scheme - value))))
		return true;
	if (memmem(value, length, "PRIVATE KEY", 11) || has_plain_line(value, length, example))
		return false;
	return memchr(value, '\n', length) || public_value(value, length, example);
}

bool public_is_identity(const char *key)
{
	static const char *const names[] = {"username", "user", "login", "host", "hostname", "server", "port",
		"database", "dbname", "db", "schema", "sslmode", "type", "url", "name", "project", "insecure",
		"enableOCI", "enableLfs", "namespaces", "clusterResources", "ca.crt", "email", "region",
		"endpoint", "driver", "engine", "POSTGRES_USER", "POSTGRES_DB", "PGUSER", "PGHOST", "PGPORT",
		"PGDATABASE", "proxy", "noProxy", "shard", "forceHttpBasicAuth"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcasecmp(names[i], key) == 0)
			return true;
	return false;
}

bool public_names_password(const char *key, size_t length)
{
	static const char *const places[] = {"secret", "secretname", "ref", "file", "path", "name", "key",
		"from", "env", "var", "policy", "length", "expiry", "expires", "until", "encryption", "check",
		"hash", "hashed", "hash_method", "field", "prompt", "label"};
	while (length && strchr(" \t\"'`", key[length - 1]))
		length--;
	if (!contains(key, length, "passw") && !contains(key, length, "passphrase") &&
		!contains(key, length, "pwd") &&
		!(length >= 4 && ends(key, length, "pass") &&
			(length == 4 || !isalpha((unsigned char)key[length - 5]))))
		return false;
	for (size_t i = 0; i < COUNT_OF(places); i++)
		if (ends(key, length, places[i]))
			return false;
	return true;
}
