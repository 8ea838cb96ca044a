#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

void secret_set(struct secret *secret, const void *bytes, size_t length)
{
	char *copy = memory_alloc(length + 1);
	if (length)
		memcpy(copy, bytes, length);
	secret_done(secret);
	secret->bytes = copy;
	secret->length = length;
}

bool secret_set_base64(struct secret *secret, const char *text, size_t length)
{
	unsigned char *bytes = memory_alloc(length + 4);
	size_t used = 0;
	for (size_t i = 0; i < length; i++)
		if (text[i] != '\n' && text[i] != '\r')
			bytes[used++] = (unsigned char)text[i];
	bool ok = text_base64_decode((const char *)bytes, used, bytes, &used);
	if (ok)
		secret_set(secret, bytes, used);
	explicit_bzero(bytes, length + 4);
	free(bytes);
	return ok;
}

void secret_done(struct secret *secret)
{
	if (secret->bytes)
		explicit_bzero(secret->bytes, secret->length);
	free(secret->bytes);
	*secret = (struct secret){0};
}

/* Fills the buffer from the descriptor; the length, or -1 with errno. */
static ssize_t read_all(int fd, char *bytes, size_t size)
{
	size_t length = 0;
	while (length < size) {
		ssize_t got = read(fd, bytes + length, size - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	return (ssize_t)length;
}

static int open_file(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		error_set(err, errno == ENOENT ? ERROR_MISSING : ERROR_DENIED,
			"cannot read secret file %s: %s", path, strerror(errno));
	return fd;
}

/* Closes the descriptor. */
static bool read_secret(int fd, struct secret *secret, const char *path, bool trim, struct error *err)
{
	char bytes[LIMIT_SECRET_FILE + 1];
	ssize_t length = read_all(fd, bytes, sizeof(bytes));
	int reason = errno;
	close(fd);
	bool ok = true;
	if (length < 0)
		ok = error_set(err, ERROR_RETRY, "cannot read secret file %s: %s", path, strerror(reason));
	else if (length > LIMIT_SECRET_FILE)
		ok = error_set(err, ERROR_INVALID, "secret file %s is larger than %d bytes", path,
			LIMIT_SECRET_FILE);
	if (ok) {
		if (trim && length > 0 && bytes[length - 1] == '\n')
			length--;
		if (trim && length > 0 && bytes[length - 1] == '\r')
			length--;
		secret_set(secret, bytes, (size_t)length);
	}
	explicit_bzero(bytes, sizeof(bytes));
	return ok;
}

bool secret_read(struct secret *secret, const char *path, bool trim, struct error *err)
{
	int fd = open_file(path, err);
	return fd >= 0 && read_secret(fd, secret, path, trim, err);
}

bool secret_is_private(const char *path, const struct stat *status, struct error *err)
{
	if (!S_ISREG(status->st_mode) || !(status->st_mode & (S_IROTH | S_IWOTH)))
		return true;
	return error_set(err, ERROR_DENIED,
		"%s holds a secret that everybody may %s (mode %04o): chmod 0600 it, or of a Secret's volume: set defaultMode: 0440",
		path, status->st_mode & S_IROTH ? "read" : "write", (unsigned)status->st_mode & 07777);
}

bool secret_read_private(struct secret *secret, const char *path, bool trim, struct error *err)
{
	struct stat status;
	int fd = open_file(path, err);
	if (fd < 0)
		return false;
	bool ok = fstat(fd, &status) == 0 ||
		error_set(err, ERROR_RETRY, "cannot read secret file %s: %s", path, strerror(errno));
	if (ok && secret_is_private(path, &status, err))
		return read_secret(fd, secret, path, trim, err);
	close(fd);
	return false;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	if (a->length != b->length)
		return false;
	unsigned char difference = 0;
	for (size_t i = 0; i < a->length; i++)
		difference |= (unsigned char)(a->bytes[i] ^ b->bytes[i]);
	return difference == 0;
}

/* Bytes that are too high for whole rounds of the alphabet are thrown away: else the first characters would be likelier. */
bool secret_random(struct secret *secret, size_t length, struct error *err)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	enum { LETTERS = sizeof(alphabet) - 1, FAIR = 256 - 256 % LETTERS };
	unsigned char byte;
	char *text = memory_alloc(length + 1);
	for (size_t i = 0; i < length;) {
		if (getrandom(&byte, 1, 0) != 1) {
			explicit_bzero(text, length);
			free(text);
			return error_set(err, ERROR_RETRY, "the system gives no random bytes");
		}
		if (byte < FAIR)
			text[i++] = alphabet[byte % LETTERS];
	}
	secret_set(secret, text, length);
	explicit_bzero(text, length);
	free(text);
	return true;
}
