#include "tests/store/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct store_opening open_store(struct fixture *f)
{
	struct store_opening how;
	check_ok(store_open(f->folder, &f->store, &how, &f->err), &f->err);
	return how;
}

static void close_store(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
}

static void set_fact(struct fixture *f, const char *key, const char *value)
{
	check_ok(store_fact_set(f->store, key, value, &f->err), &f->err);
}

static unsigned mode_of(const char *path)
{
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 0777;
}

static void write_at(const char *path, off_t offset, const void *bytes, size_t length)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, length, offset), (ssize_t)length);
	close(fd);
}

static void a_new_store_is_made_and_found_again(void **state)
{
	struct fixture *f = *state;
	struct store_opening how = open_store(f);
	assert_true(how.created);
	assert_false(how.rebuilt);
	set_fact(f, "cluster", "v1.36.3");
	close_store(f);
	how = open_store(f);
	assert_false(how.created);
	assert_false(how.rebuilt);
	assert_string_equal(how.aside, "");
	assert_string_equal(fact_of(f->store, "cluster", f->mem), "v1.36.3");
}

static void only_its_owner_may_read_it(void **state)
{
	struct fixture *f = *state;
	static const char *const files[] = {"pgitops.db", "pgitops.db-wal", "pgitops.db-shm", "lock"};
	struct store_opening how;
	const char *inner = in_folder(f, "a/b");

	mode_t before = umask(0);
	check_ok(store_open(inner, &f->store, &how, &f->err), &f->err);
	umask(before);
	set_fact(f, "a", "b");
	assert_int_equal(mode_of(inner), 0700);
	for (size_t i = 0; i < COUNT_OF(files); i++)
		assert_int_equal(mode_of(arena_printf(f->mem, "%s/%s", inner, files[i])), 0600);
}

static void a_file_that_others_could_read_is_closed_to_them(void **state)
{
	struct fixture *f = *state;
	open_store(f);
	close_store(f);
	assert_int_equal(chmod(in_folder(f, "pgitops.db"), 0644), 0);
	open_store(f);
	assert_int_equal(mode_of(in_folder(f, "pgitops.db")), 0600);
}

static void a_second_agent_is_refused_and_told_who_has_it(void **state)
{
	struct fixture *f = *state;
	struct store *second = NULL;
	struct store_opening how;
	open_store(f);
	assert_false(store_open(f->folder, &second, &how, &f->err));
	assert_null(second);
	assert_int_equal(f->err.kind, ERROR_CONFLICT);
	assert_non_null(strstr(f->err.text, arena_printf(f->mem, "pid %d)", (int)getpid())));
	set_fact(f, "still", "mine");
	close_store(f);
	open_store(f);
}

static void a_link_instead_of_the_file_is_not_followed(void **state)
{
	struct fixture *f = *state;
	struct store_opening how;
	assert_int_equal(symlink("/etc/hostname", in_folder(f, "pgitops.db")), 0);
	assert_false(store_open(f->folder, &f->store, &how, &f->err));
	assert_non_null(strstr(f->err.text, "pgitops.db"));
}

static void a_newer_schema_is_left_untouched(void **state)
{
	struct fixture *f = *state;
	struct store_opening how;
	struct store *reader;
	const unsigned char version[] = {0, 0, 0, 99}; /* user_version, at byte 60 of the header */
	open_store(f);
	close_store(f);
	write_at(in_folder(f, "pgitops.db"), 60, version, sizeof(version));

	assert_false(store_open(f->folder, &f->store, &how, &f->err));
	assert_int_equal(f->err.kind, ERROR_INVALID);
	assert_non_null(strstr(f->err.text, "schema version 99"));
	assert_int_equal(access(in_folder(f, "pgitops.db.corrupt"), F_OK), -1);
	assert_false(store_open_reader(f->folder, &reader, &f->err));
	assert_int_equal(f->err.kind, ERROR_INVALID);
	assert_non_null(strstr(f->err.text, "use the program that the agent runs"));
}

/* ---- readers ---- */

static void a_reader_without_a_store_says_that_there_is_none(void **state)
{
	struct fixture *f = *state;
	struct store *reader;
	assert_false(store_open_reader(f->folder, &reader, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
	assert_false(store_open_reader(in_folder(f, "nowhere"), &reader, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
	write_at(in_folder(f, "pgitops.db"), 0, "", 0);
	assert_false(store_open_reader(f->folder, &reader, &f->err));
	assert_int_equal(f->err.kind, ERROR_MISSING);
}

static const char *read_fact(struct fixture *f, const char *key)
{
	struct store *reader;
	check_ok(store_open_reader(f->folder, &reader, &f->err), &f->err);
	const char *value = fact_of(reader, key, f->mem);
	store_close(reader);
	return value;
}

static void a_reader_sees_what_the_running_agent_wrote(void **state)
{
	struct fixture *f = *state;
	open_store(f);
	set_fact(f, "a", "1");
	assert_string_equal(read_fact(f, "a"), "1");
	set_fact(f, "a", "2");
	assert_string_equal(read_fact(f, "a"), "2");
	check_ok(store_begin(f->store, &f->err), &f->err);
	set_fact(f, "a", "3");
	assert_string_equal(read_fact(f, "a"), "2");
	check_ok(store_commit(f->store, &f->err), &f->err);
	assert_string_equal(read_fact(f, "a"), "3");
}

static void a_reader_works_with_the_agent_down(void **state)
{
	struct fixture *f = *state;
	open_store(f);
	set_fact(f, "a", "1");
	close_store(f);
	assert_string_equal(read_fact(f, "a"), "1");
	assert_string_equal(read_fact(f, "a"), "1"); /* what the first left behind is no hindrance */
	struct store_opening how = open_store(f);
	assert_false(how.created || how.rebuilt);
}

static void a_reader_keeps_one_state_within_its_transaction(void **state)
{
	struct fixture *f = *state;
	struct store *reader;
	open_store(f);
	set_fact(f, "a", "1");
	check_ok(store_open_reader(f->folder, &reader, &f->err), &f->err);
	check_ok(store_begin(reader, &f->err), &f->err);
	assert_string_equal(fact_of(reader, "a", f->mem), "1");
	set_fact(f, "a", "2");
	assert_string_equal(fact_of(reader, "a", f->mem), "1");
	check_ok(store_commit(reader, &f->err), &f->err);
	assert_string_equal(fact_of(reader, "a", f->mem), "2");
	store_close(reader);
}

static void a_reader_cannot_write(void **state)
{
	struct fixture *f = *state;
	struct store *reader;
	open_store(f);
	check_ok(store_open_reader(f->folder, &reader, &f->err), &f->err);
	assert_false(store_fact_set(reader, "a", "1", &f->err));
	assert_int_equal(f->err.kind, ERROR_DENIED);
	store_close(reader);
	assert_null(fact_of(f->store, "a", f->mem));
}

/* ---- killed ---- */

/* Writes pairs of operations, one transaction each, and tells each number once it is committed. */
static _Noreturn void write_until_killed(const char *folder, int out)
{
	struct store *store;
	struct store_opening how;
	struct error err;
	struct store_operation operation = {.kind = "sync", .target = "a"};
	if (!store_open(folder, &store, &how, &err))
		_exit(1);
	for (;;) {
		int64_t first, second;
		if (!store_begin(store, &err) || !store_operation_add(store, &operation, &first, &err) ||
			!store_operation_add(store, &operation, &second, &err) || !store_commit(store, &err) ||
			write(out, &second, sizeof(second)) != (ssize_t)sizeof(second))
			_exit(1);
	}
}

/* Kills a writer after it has told `pairs` of them; returns the last it told. */
static int64_t kill_a_writer(struct fixture *f, int pairs)
{
	int ends[2], status;
	int64_t last = 0, told;
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		write_until_killed(f->folder, ends[1]);
	}
	close(ends[1]);
	for (int i = 0; i < pairs; i++) {
		assert_int_equal(read(ends[0], &told, sizeof(told)), sizeof(told));
		last = told;
	}
	struct timespec moment = {.tv_nsec = pairs * 137 % 1000 * 1000}; /* not always right after a commit */
	nanosleep(&moment, NULL);
	kill(child, SIGKILL);
	while (read(ends[0], &told, sizeof(told)) == sizeof(told))
		last = told;
	close(ends[0]);
	waitpid(child, &status, 0);
	assert_true(WIFSIGNALED(status));
	return last;
}

static void check_pairs(struct fixture *f, struct store *store, int64_t last)
{
	struct store_operation *all;
	size_t count;
	check_ok(store_operation_list(store, 0, f->mem, &all, &count, &f->err), &f->err);
	assert_true((int64_t)count >= last);
	assert_int_equal(count % 2, 0);
}

static void nothing_acknowledged_is_lost_when_the_agent_is_killed(void **state)
{
	struct fixture *f = *state;
	for (int round = 1; round <= 20; round++) {
		struct store *reader;
		int64_t last = kill_a_writer(f, round);
		/* Commands see it all before any agent has come back. */
		check_ok(store_open_reader(f->folder, &reader, &f->err), &f->err);
		check_pairs(f, reader, last);
		store_close(reader);
		struct store_opening how = open_store(f);
		assert_false(how.rebuilt);
		check_pairs(f, f->store, last);
		close_store(f);
	}
}

/* ---- damaged ---- */

static void fill(struct fixture *f)
{
	open_store(f);
	check_ok(store_begin(f->store, &f->err), &f->err);
	for (int i = 0; i < 500; i++)
		set_fact(f, arena_printf(f->mem, "key %d", i),
			"a value of some length, so that there are many pages");
	check_ok(store_commit(f->store, &f->err), &f->err);
	close_store(f);
}

static void check_rebuilt(struct fixture *f)
{
	struct store_opening how = open_store(f);
	assert_true(how.rebuilt);
	assert_false(how.created);
	assert_string_equal(how.aside, in_folder(f, "pgitops.db.corrupt"));
	assert_int_equal(access(how.aside, F_OK), 0);
	assert_null(fact_of(f->store, "key 1", f->mem));
	set_fact(f, "a", "1");
	close_store(f);
	how = open_store(f);
	assert_false(how.rebuilt);
	assert_string_equal(fact_of(f->store, "a", f->mem), "1");
	close_store(f);
}

static void a_file_that_is_no_database_is_moved_aside(void **state)
{
	struct fixture *f = *state;
	fill(f);
	write_at(in_folder(f, "pgitops.db"), 0, "not a database, surely not a database", 37);
	check_rebuilt(f);
}

static void a_damaged_page_is_found_when_the_store_is_opened(void **state)
{
	struct fixture *f = *state;
	char noise[4096];
	fill(f);
	memset(noise, 0xa5, sizeof(noise));
	for (int page = 3; page < 20; page++)
		write_at(in_folder(f, "pgitops.db"), page * 4096, noise, sizeof(noise));
	check_rebuilt(f);
}

static void a_damaged_page_is_found_by_a_reader_too(void **state)
{
	struct fixture *f = *state;
	char noise[4096];
	struct store *reader;
	fill(f);
	check_ok(store_open_reader(f->folder, &reader, &f->err), &f->err);
	check_ok(store_check(reader, &f->err), &f->err);
	store_close(reader);
	memset(noise, 0xa5, sizeof(noise));
	for (int page = 3; page < 20; page++)
		write_at(in_folder(f, "pgitops.db"), page * 4096, noise, sizeof(noise));
	check_ok(store_open_reader(f->folder, &reader, &f->err), &f->err);
	assert_false(store_check(reader, &f->err));
	assert_int_equal(f->err.kind, ERROR_BUG);
	store_close(reader);
}

static void a_cut_off_file_is_moved_aside_each_time(void **state)
{
	struct fixture *f = *state;
	for (int round = 0; round < 2; round++) {
		fill(f);
		assert_int_equal(truncate(in_folder(f, "pgitops.db"), 5 * 4096 + 100), 0);
		check_rebuilt(f);
		assert_int_equal(unlink(in_folder(f, "pgitops.db")), 0);
	}
	/* One damaged file is kept, not one for each time. */
	assert_int_equal(access(in_folder(f, "pgitops.db.corrupt"), F_OK), 0);
}

static void a_journal_of_noise_loses_nothing(void **state)
{
	struct fixture *f = *state;
	char noise[20000];
	fill(f);
	memset(noise, 0x5a, sizeof(noise));
	write_at(in_folder(f, "pgitops.db-wal"), 0, noise, sizeof(noise));
	write_at(in_folder(f, "pgitops.db-shm"), 0, noise, sizeof(noise));
	struct store_opening how = open_store(f);
	assert_false(how.rebuilt);
	assert_non_null(fact_of(f->store, "key 499", f->mem));
}

/* ---- full ---- */

static void limit_files_to(rlim_t bytes)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_volume_without_room_keeps_what_is_there(void **state)
{
	struct fixture *f = *state;
	bool ok = true;
	int written = 0;
	open_store(f);
	set_fact(f, "before", "1");
	limit_files_to(256 * 1024);
	for (; ok && written < 1000; written++)
		ok = store_fact_set(f->store, arena_printf(f->mem, "key %d", written),
			arena_printf(f->mem, "%04000d", written), &f->err);
	assert_false(ok);
	assert_int_equal(f->err.kind, ERROR_RETRY);
	assert_non_null(strstr(f->err.text, "pgitops.db"));
	assert_string_equal(fact_of(f->store, "before", f->mem), "1");

	limit_files_to(RLIM_INFINITY);
	set_fact(f, "after", "1");
	close_store(f);
	struct store_opening how = open_store(f);
	assert_false(how.rebuilt);
	assert_string_equal(fact_of(f->store, "before", f->mem), "1");
	assert_string_equal(fact_of(f->store, "after", f->mem), "1");
	for (int i = 0; i < written - 1; i++)
		assert_non_null(fact_of(f->store, arena_printf(f->mem, "key %d", i), f->mem));
}

static void a_start_without_room_is_told_and_tried_again(void **state)
{
	struct fixture *f = *state;
	struct store_opening how;
	limit_files_to(8192);
	assert_false(store_open(f->folder, &f->store, &how, &f->err));
	assert_int_equal(f->err.kind, ERROR_RETRY);
	limit_files_to(RLIM_INFINITY);
	how = open_store(f);
	assert_false(how.rebuilt);
	set_fact(f, "a", "1");
}

#define FROM_NOTHING(function) cmocka_unit_test_setup_teardown(function, fixture_make, fixture_done)

static void a_folder_that_was_removed_or_replaced_is_noticed(void **state)
{
	struct fixture *f = *state;
	check_ok(store_is_there(f->store, &f->err), &f->err);
	const char *const files[] = {"lock", "pgitops.db"};
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		const char *path = in_folder(f, files[i]), *aside = in_folder(f, "aside");
		assert_int_equal(rename(path, aside), 0);
		assert_false(store_is_there(f->store, &f->err));
		assert_int_equal(f->err.kind, ERROR_CONFLICT);
		fclose(fopen(path, "w"));
		assert_false(store_is_there(f->store, &f->err));
		assert_int_equal(rename(aside, path), 0);
		check_ok(store_is_there(f->store, &f->err), &f->err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		A_TEST(a_folder_that_was_removed_or_replaced_is_noticed),
		FROM_NOTHING(a_new_store_is_made_and_found_again),
		FROM_NOTHING(only_its_owner_may_read_it),
		FROM_NOTHING(a_file_that_others_could_read_is_closed_to_them),
		FROM_NOTHING(a_second_agent_is_refused_and_told_who_has_it),
		FROM_NOTHING(a_link_instead_of_the_file_is_not_followed),
		FROM_NOTHING(a_newer_schema_is_left_untouched),
		FROM_NOTHING(a_reader_without_a_store_says_that_there_is_none),
		FROM_NOTHING(a_reader_sees_what_the_running_agent_wrote),
		FROM_NOTHING(a_reader_works_with_the_agent_down),
		FROM_NOTHING(a_reader_keeps_one_state_within_its_transaction),
		FROM_NOTHING(a_reader_cannot_write),
		FROM_NOTHING(nothing_acknowledged_is_lost_when_the_agent_is_killed),
		FROM_NOTHING(a_file_that_is_no_database_is_moved_aside),
		FROM_NOTHING(a_damaged_page_is_found_when_the_store_is_opened),
		FROM_NOTHING(a_damaged_page_is_found_by_a_reader_too),
		FROM_NOTHING(a_cut_off_file_is_moved_aside_each_time),
		FROM_NOTHING(a_journal_of_noise_loses_nothing),
		FROM_NOTHING(a_volume_without_room_keeps_what_is_there),
		FROM_NOTHING(a_start_without_room_is_told_and_tried_again),
	};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGXFSZ, &ignore, NULL); /* as any process that wants EFBIG */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
