/*
 * fuzz_store.c - a store that a broken disk, or a hand, has changed: opened as the agent opens it, and shown
 *
 * The input is a whole file when it begins as one of SQLite's does; else it is a list of changes to a good one: three bytes where,
 * one byte what. A damaged store is moved aside or said to be damaged; the agent has one to work with afterwards.
 */
#include <stdlib.h>
#include <string.h>

#include <unistd.h>

#include "agent/show/view.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "store/store.h"
#include "tests/fuzz/require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];
static struct buf good = BUF(1 << 24);

static void remove_folder(void)
{
	struct error err;
	buf_done(&good);
	(void)!file_remove_folder(folder, &err);
}

static void clear(void)
{
	struct error err;
	require(file_remove_folder(folder, &err) && file_make_folder(folder, &err));
}

static void fill(struct store *store)
{
	struct error err;
	struct store_application application = {"postgres-users",
		"{\"metadata\":{\"name\":\"postgres-users\"},\"spec\":{},\"status\":{\"resources\":[]}}",
		"[]", clock_now()};
	struct store_user user = {"main", "alice",
		"{\"name\":\"alice\",\"database\":\"main\",\"status\":\"Synced\",\"roles\":[],\"differences\":[]}",
		clock_now()};
	struct store_drift drift = {.application = "postgres-users",
		.time = clock_now(),
		.database = "main",
		.user = "alice",
		.field = "login",
		.wanted = "true",
		.found = "false"};
	require(store_application_set(store, &application, &err) && store_user_set(store, &user, &err) &&
		store_drift_add(store, &drift, NULL, &err));
}

static void set_up(void)
{
	struct store *store = NULL;
	struct store_opening how;
	struct error err;
	char path[96];
	log_setup(LOG_ERROR, LOG_LOGFMT);
	/* In memory where there is such a place: the store waits for the disk with each commit. */
	snprintf(folder, sizeof(folder), "%s/pgitops-fuzz-store-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	require(mkdtemp(folder));
	require(store_open(folder, &store, &how, &err));
	fill(store);
	store_close(store);
	snprintf(path, sizeof(path), "%s/pgitops.db", folder);
	require(file_read(path, &good, &err));
	atexit(remove_folder);
}

static void put(const uint8_t *data, size_t size)
{
	static const char magic[] = "SQLite format 3";
	struct error err;
	char path[96];
	CLEANUP(buf_done) struct buf file = BUF(1 << 24);
	bool whole = size >= sizeof(magic) && memcmp(data, magic, sizeof(magic)) == 0;
	buf_append(&file, whole ? (const char *)data : buf_string(&good), whole ? size : good.length);
	for (size_t i = 0; !whole && i + 3 < size; i += 4)
		file.data[((size_t)data[i] << 16 | (size_t)data[i + 1] << 8 | data[i + 2]) % file.length] =
			(char)data[i + 3];
	snprintf(path, sizeof(path), "%s/pgitops.db", folder);
	require(file_replace(path, file.data, file.length, 0600, &err));
}

static void show(struct store *store)
{
	static const struct store_drift_filter drift = {0};
	static const struct store_user_change_filter changes = {0};
	struct error err;
	json_decref(view_applications(store, &err));
	json_decref(view_application(store, "postgres-users", &err));
	json_decref(view_history(store, "postgres-users", &err));
	json_decref(view_users(store, &err));
	json_decref(view_user_changes(store, &changes, &err));
	json_decref(view_drift(store, &drift, &err));
	json_decref(view_status(store, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct store *store = NULL;
	struct store_opening how = {0};
	struct error err = {0};
	if (!good.length)
		set_up();
	clear();
	put(data, size);
	if (store_open_reader(folder, &store, &err)) {
		show(store);
		store_close(store);
	}
	if (store_open(folder, &store, &how, &err)) {
		show(store);
		store_close(store);
	} else {
		require(err.kind == ERROR_INVALID || err.kind == ERROR_BUG); /* a newer version of the schema */
	}
	return 0;
}
