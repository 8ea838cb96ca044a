/*
 * replay.c - main() of a fuzz target in the normal build: every file of its corpus goes through it once
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 20 };

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

static bool replay(const char *path)
{
	static uint8_t data[LARGEST];
	size_t size;
	if (!read_file(path, data, &size)) {
		fprintf(stderr, "%s cannot be read, or is larger than %d bytes\n", path, LARGEST);
		return false;
	}
	/* A copy of the exact size, so that ASan sees a read behind the end. */
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		abort();
	for (size_t i = 0; i < size; i++)
		copy[i] = data[i];
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	return true;
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	int files = 0, failures = 0;
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	if (!folder) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(folder))) {
		char path[4096];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[1], entry->d_name);
		files++;
		failures += !replay(path);
	}
	closedir(folder);
	printf("%d files replayed\n", files - failures);
	return files && !failures ? 0 : 1;
}
