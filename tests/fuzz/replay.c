/*
 * replay.c - main() of a fuzz target in the normal build: every file of its corpus goes through it once
 *
 * With PGITOPS_TEST_FUZZ_SECONDS, changed files (mutate.h) go through it afterwards for so long, in a process of its own: the input at
 * which that one died is kept as ./fuzz_NAME.find. PGITOPS_TEST_FUZZ_SEED says which changes; the same seed makes the same inputs.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/fuzz/mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 20, FILES = 512 };

static uint8_t *files[FILES];
static size_t sizes[FILES];
static size_t file_count;

/* The whole file; false when it cannot be read or is larger than `data`. */
static bool read_file(const char *path, uint8_t *data, size_t *size)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return false;
	*size = fread(data, 1, LARGEST, file);
	bool whole = !ferror(file) && (*size < LARGEST || fgetc(file) == EOF);
	fclose(file);
	return whole;
}

/* A copy of the exact size, so that ASan sees a read behind the end. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static bool load(const char *path)
{
	static uint8_t data[LARGEST];
	size_t size;
	if (file_count == FILES || !read_file(path, data, &size)) {
		fprintf(stderr, "%s cannot be read, is larger than %d bytes, or is one of too many\n", path,
			LARGEST);
		return false;
	}
	files[file_count] = malloc(size ? size : 1);
	if (!files[file_count])
		abort();
	memcpy(files[file_count], data, size);
	sizes[file_count++] = size;
	return true;
}

static bool load_folder(const char *folder)
{
	struct dirent **entries;
	bool good = true;
	int count = scandir(folder, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		good = (entries[i]->d_name[0] == '.' || load(path)) && good;
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	if (!file_count)
		fprintf(stderr, "%s has no files\n", folder);
	return good && file_count;
}

static void replay(void)
{
	for (size_t i = 0; i < file_count; i++)
		run(files[i], sizes[i]);
	printf("%zu files replayed\n", file_count);
}

/* What both processes see: the input that is being tried. */
struct shared {
	uint64_t tries;
	size_t size;
	uint8_t input[MUTATE_LARGEST];
};

static void play(struct shared *shared, int64_t seconds, uint64_t seed)
{
	struct mutate mutate = {seed, files, sizes, file_count};
	int64_t end = clock_steady() + seconds * 1000;
	while (clock_steady() < end) {
		shared->size = mutate_next(&mutate, shared->input);
		shared->tries++;
		run(shared->input, shared->size);
	}
}

static void keep(const char *program, const struct shared *shared)
{
	const char *name = strrchr(program, '/');
	char path[256];
	snprintf(path, sizeof(path), "%s.find", name ? name + 1 : program);
	FILE *file = fopen(path, "wb");
	if (file) {
		fwrite(shared->input, 1, shared->size, file);
		fclose(file);
	}
	fprintf(stderr, "died at changed file %llu, kept as %s (none tried yet: died at one of the corpus)\n",
		(unsigned long long)shared->tries, path);
}

/* Before anything else runs: a target may have threads. */
static int play_apart(const char *program, int64_t seconds, uint64_t seed)
{
	struct shared *shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	if (shared == MAP_FAILED)
		abort();
	pid_t child = fork();
	if (child == 0) {
		replay();
		play(shared, seconds, seed);
		exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!good)
		keep(program, shared);
	printf("%llu changed files tried with seed %llu\n", (unsigned long long)shared->tries,
		(unsigned long long)seed);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *seconds = getenv("PGITOPS_TEST_FUZZ_SECONDS"), *seed = getenv("PGITOPS_TEST_FUZZ_SEED");
	int code = 0;
	if (argc != 2 || !load_folder(argv[1])) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	if (seconds)
		code = play_apart(argv[0], strtoll(seconds, NULL, 10), seed ? strtoull(seed, NULL, 16) : 1);
	else
		replay();
	while (file_count)
		free(files[--file_count]);
	return code;
}
