#include "reconcile/sealed/receipts.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#define RECEIPTS_HEADER "pgitops receipts 1 "
#define RECEIPTS_BYTES (16L * 1024 * 1024)

/* One line: place, keyed digest of the password, digest of the ciphertext, certificate. For a file the keyed digests of its last three
   states, the latest first, "0..." = none. */
struct receipt {
	char *place;
	char password[DIGEST_HEX_SIZE];
	char sealed[DIGEST_HEX_SIZE];
	char fingerprint[DIGEST_HEX_SIZE];
};

struct receipts {
	char *file;
	unsigned char key[DIGEST_SIZE];
	struct digest_mac *mac;
	struct receipt *items; /* sorted by place */
	size_t count, capacity;
	bool changed;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct receipt *)a)->place, ((const struct receipt *)b)->place);
}

static size_t lower_bound(const struct receipts *receipts, const char *place)
{
	size_t low = 0, high = receipts->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(receipts->items[middle].place, place) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct receipt *find(const struct receipts *receipts, const char *place)
{
	size_t at = lower_bound(receipts, place);
	return at < receipts->count && strcmp(receipts->items[at].place, place) == 0 ? &receipts->items[at]
										     : NULL;
}

/* Bound to the place, so that two users with one password do not show it. */
static void digest(const struct receipts *receipts, const char *place, const void *bytes, size_t length,
	char out[DIGEST_HEX_SIZE])
{
	unsigned char bound[DIGEST_SIZE], raw[DIGEST_SIZE];
	digest_mac(receipts->mac, receipts->key, sizeof(receipts->key), place, strlen(place), bound);
	digest_mac(receipts->mac, bound, sizeof(bound), bytes, length, raw);
	text_hex(raw, sizeof(raw), out);
	OPENSSL_cleanse(bound, sizeof(bound));
}

void receipts_digest(const struct receipts *receipts, const char *place, const void *password, size_t length,
	char out[DIGEST_HEX_SIZE])
{
	digest(receipts, place, password, length, out);
}

static bool from_hex(const char *text, unsigned char *out, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		unsigned value = 0;
		for (int k = 0; k < 2; k++) {
			const char *digits = "0123456789abcdef",
				   *digit = strchr(digits, text[2 * i + (size_t)k]);
			if (!text[2 * i + (size_t)k] || !digit)
				return false;
			value = value * 16 + (unsigned)(digit - digits);
		}
		out[i] = (unsigned char)value;
	}
	return true;
}

static void make_room(struct receipts *receipts)
{
	if (receipts->count < receipts->capacity)
		return;
	receipts->capacity = receipts->capacity ? 2 * receipts->capacity : 64;
	receipts->items = memory_resize(receipts->items, receipts->capacity * sizeof(*receipts->items));
}

/* "password sealed fingerprint place": three digests, the rest of the line is the place. */
static bool read_line(struct receipts *receipts, char *line)
{
	enum { HEX = DIGEST_HEX_SIZE - 1 };
	struct receipt found = {0};
	if (strlen(line) < 3 * (HEX + 1) + 1 || line[HEX] != ' ' || line[2 * HEX + 1] != ' ' ||
		line[3 * HEX + 2] != ' ')
		return false;
	memcpy(found.password, line, HEX);
	memcpy(found.sealed, line + HEX + 1, HEX);
	memcpy(found.fingerprint, line + 2 * (HEX + 1), HEX);
	found.place = memory_copy(line + 3 * (HEX + 1));
	make_room(receipts);
	receipts->items[receipts->count++] = found;
	return true;
}

static void forget(struct receipts *receipts)
{
	for (size_t i = 0; i < receipts->count; i++)
		free(receipts->items[i].place);
	free(receipts->items);
	receipts->items = NULL;
	receipts->count = receipts->capacity = 0;
}

static bool parse(struct receipts *receipts, char *text)
{
	size_t header = strlen(RECEIPTS_HEADER);
	char *rest = NULL, *line = strtok_r(text, "\n", &rest);
	if (!line || strncmp(line, RECEIPTS_HEADER, header) != 0 || strlen(line) != header + 2 * DIGEST_SIZE ||
		!from_hex(line + header, receipts->key, DIGEST_SIZE))
		return false;
	while ((line = strtok_r(NULL, "\n", &rest)))
		if (!read_line(receipts, line))
			return false;
	qsort(receipts->items, receipts->count, sizeof(*receipts->items), compare);
	return true;
}

bool receipts_open(const char *file, struct receipts **receipts, struct error *err)
{
	CLEANUP(buf_wipe) struct buf text = BUF(RECEIPTS_BYTES);
	struct receipts *opened = memory_alloc(sizeof(*opened));
	opened->file = memory_copy(file);
	opened->mac = digest_mac_new();
	if (!file_read(file, &text, err) && err->kind != ERROR_MISSING) {
		receipts_close(opened);
		return false;
	}
	if (!text.length || !parse(opened, text.data)) {
		forget(opened);
		opened->changed = true;
		if (RAND_bytes(opened->key, sizeof(opened->key)) != 1) {
			receipts_close(opened);
			return error_set(err, ERROR_RETRY, "OpenSSL has no random bytes");
		}
	}
	*receipts = opened;
	return true;
}

void receipts_close(struct receipts *receipts)
{
	if (!receipts)
		return;
	forget(receipts);
	digest_mac_free(receipts->mac); /* which cleans its key */
	OPENSSL_cleanse(receipts->key, sizeof(receipts->key));
	free(receipts->file);
	free(receipts);
}

bool receipts_match_digest(
	const struct receipts *receipts, const char *place, const char *of_password, const char *sealed)
{
	char of_sealed[DIGEST_HEX_SIZE];
	const struct receipt *found = find(receipts, place);
	if (!found || !digest_equal(of_password, found->password, DIGEST_HEX_SIZE))
		return false;
	digest_sha256_hex(sealed, strlen(sealed), of_sealed);
	return strcmp(of_sealed, found->sealed) == 0;
}

bool receipts_match(const struct receipts *receipts, const char *place, const void *password, size_t length,
	const char *sealed)
{
	char of_password[DIGEST_HEX_SIZE];
	if (!find(receipts, place))
		return false;
	digest(receipts, place, password, length, of_password);
	return receipts_match_digest(receipts, place, of_password, sealed);
}

const char *receipts_fingerprint(const struct receipts *receipts, const char *place, const char *sealed)
{
	char of_sealed[DIGEST_HEX_SIZE];
	const struct receipt *found = find(receipts, place);
	digest_sha256_hex(sealed, strlen(sealed), of_sealed);
	return found && strcmp(of_sealed, found->sealed) == 0 ? found->fingerprint : "";
}

/* The entry of the place, made when it is not there. */
static struct receipt *entry(struct receipts *receipts, const char *place)
{
	size_t at = lower_bound(receipts, place);
	receipts->changed = true;
	if (at < receipts->count && strcmp(receipts->items[at].place, place) == 0)
		return &receipts->items[at];
	make_room(receipts);
	memmove(&receipts->items[at + 1], &receipts->items[at],
		(receipts->count - at) * sizeof(*receipts->items));
	receipts->items[at] = (struct receipt){.place = memory_copy(place)};
	receipts->count++;
	return &receipts->items[at];
}

void receipts_note(struct receipts *receipts, const char *place, const void *password, size_t length,
	const char *sealed, const char *fingerprint)
{
	struct receipt *receipt = entry(receipts, place);
	digest(receipts, place, password, length, receipt->password);
	digest_sha256_hex(sealed, strlen(sealed), receipt->sealed);
	memcpy(receipt->fingerprint, fingerprint, DIGEST_HEX_SIZE);
}

/* A path may hold anything, a place no line break: its digest stands for it. */
static char *file_place(const char *path)
{
	char hex[DIGEST_HEX_SIZE];
	digest_sha256_hex(path, strlen(path), hex);
	return memory_printf("file:%s", hex);
}

bool receipts_file_known(const struct receipts *receipts, const char *path)
{
	CLEANUP(memory_freep) char *place = file_place(path);
	return find(receipts, place) != NULL;
}

/* Is it what was noted last, or with `earlier` one of the states before? */
static bool is_noted(
	const struct receipts *receipts, const char *path, const void *bytes, size_t length, bool earlier)
{
	CLEANUP(memory_freep) char *place = file_place(path);
	const struct receipt *found = find(receipts, place);
	char of_file[DIGEST_HEX_SIZE];
	if (!found)
		return false;
	digest(receipts, place, bytes, length, of_file);
	return digest_equal(of_file, found->password, DIGEST_HEX_SIZE) ||
		(earlier &&
			(digest_equal(of_file, found->sealed, DIGEST_HEX_SIZE) ||
				digest_equal(of_file, found->fingerprint, DIGEST_HEX_SIZE)));
}

bool receipts_file_match(const struct receipts *receipts, const char *path, const void *bytes, size_t length)
{
	return is_noted(receipts, path, bytes, length, false);
}

bool receipts_file_was(const struct receipts *receipts, const char *path, const void *bytes, size_t length)
{
	return is_noted(receipts, path, bytes, length, true);
}

void receipts_file_note(struct receipts *receipts, const char *path, const void *bytes, size_t length)
{
	CLEANUP(memory_freep) char *place = file_place(path);
	struct receipt *receipt = entry(receipts, place);
	char of_file[DIGEST_HEX_SIZE];
	digest(receipts, place, bytes, length, of_file);
	if (!*receipt->password) {
		memset(receipt->password, '0', DIGEST_HEX_SIZE - 1);
		memset(receipt->sealed, '0', DIGEST_HEX_SIZE - 1);
	}
	if (!*receipt->fingerprint || !digest_equal(of_file, receipt->password, DIGEST_HEX_SIZE)) {
		memcpy(receipt->fingerprint, receipt->sealed, DIGEST_HEX_SIZE);
		memcpy(receipt->sealed, receipt->password, DIGEST_HEX_SIZE);
	}
	memcpy(receipt->password, of_file, DIGEST_HEX_SIZE);
}

bool receipts_write(struct receipts *receipts, struct error *err)
{
	CLEANUP(buf_wipe) struct buf text = BUF(RECEIPTS_BYTES);
	CLEANUP(memory_freep) char *folder = memory_copy(receipts->file);
	char key[2 * DIGEST_SIZE + 1], *slash = strrchr(folder, '/');
	if (!receipts->changed)
		return true;
	text_hex(receipts->key, sizeof(receipts->key), key);
	buf_printf(&text, RECEIPTS_HEADER "%s\n", key);
	OPENSSL_cleanse(key, sizeof(key));
	for (size_t i = 0; i < receipts->count; i++) {
		const struct receipt *receipt = &receipts->items[i];
		buf_printf(&text, "%s %s %s %s\n", receipt->password, receipt->sealed, receipt->fingerprint,
			receipt->place);
	}
	if (buf_failed(&text))
		return error_set(err, ERROR_INVALID, "more receipts than fit into %s", receipts->file);
	if (slash && slash != folder) {
		*slash = '\0';
		if (!file_make_folder(folder, err))
			return false;
	}
	if (!file_replace(receipts->file, buf_string(&text), text.length, 0600, err))
		return false;
	receipts->changed = false;
	return true;
}
