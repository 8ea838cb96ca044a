#include "reconcile/ignore/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

/* ---- pointers ---- */

/* "~1" is '/', "~0" is '~' (RFC 6901, 4). */
static void unescape(const char *token, size_t length, struct buf *out)
{
	for (size_t i = 0; i < length; i++) {
		bool escaped =
			token[i] == '~' && i + 1 < length && (token[i + 1] == '0' || token[i + 1] == '1');
		buf_char(out, !escaped ? token[i] : token[i + 1] == '1' ? '/' : '~');
		i += escaped;
	}
}

/* Digits without leading zeros, less than `size`. */
static bool read_index(const char *token, size_t size, size_t *index)
{
	size_t digits = strspn(token, "0123456789");
	if (!digits || token[digits] || digits > 9 || (digits > 1 && *token == '0'))
		return false;
	*index = (size_t)strtoul(token, NULL, 10);
	return *index < size;
}

void place_of_pointer(const json_t *document, const char *pointer, json_t *places)
{
	CLEANUP(json_done) json_t *place = json_array();
	const json_t *at = document;
	while (at && *pointer == '/') {
		CLEANUP(buf_done) struct buf token = BUF(4096);
		size_t length = strcspn(++pointer, "/");
		size_t index;
		unescape(pointer, length, &token);
		pointer += length;
		if (json_is_array(at)) {
			bool there = read_index(buf_string(&token), json_array_size(at), &index);
			at = there ? json_array_get(at, index) : NULL;
			if (there)
				json_array_append_new(place, json_integer((json_int_t)index));
		} else {
			at = json_object_get(at, buf_string(&token));
			json_array_append_new(place, json_string(buf_string(&token)));
		}
	}
	if (at && json_array_size(place))
		json_array_append(places, place);
}

/* ---- paths of jq ---- */

/* A slice on the way shifts the index behind it. */
struct slice {
	bool open;
	size_t start, end;
};

static size_t slice_end(const json_t *value, size_t size, size_t fallback)
{
	if (!json_is_number(value))
		return fallback;
	double number = json_number_value(value);
	if (number < 0)
		number += (double)size;
	return number <= 0 ? 0 : number >= (double)size ? size : (size_t)number;
}

static bool step_index(const json_t *step, const struct slice *slice, size_t *index)
{
	double number = json_number_value(step);
	size_t size = slice->end - slice->start;
	if (number < 0)
		number += (double)size;
	if (number < 0 || number >= (double)size)
		return false;
	*index = slice->start + (size_t)number;
	return true;
}

static void add_elements(const json_t *place, const struct slice *slice, json_t *places)
{
	for (size_t i = slice->start; i < slice->end; i++) {
		json_t *element = json_copy((json_t *)(uintptr_t)place);
		json_array_append_new(element, json_integer((json_int_t)i));
		json_array_append_new(places, element);
	}
}

void place_of_path(const json_t *document, const json_t *path, json_t *places)
{
	CLEANUP(json_done) json_t *place = json_array();
	const json_t *at = document, *step;
	struct slice slice = {0};
	size_t i, index;
	json_array_foreach (path, i, step) {
		if (json_is_array(at) && !slice.open)
			slice = (struct slice){.end = json_array_size(at)};
		if (json_is_object(step) && json_is_array(at)) {
			size_t start = slice_end(json_object_get(step, "start"), slice.end - slice.start, 0);
			size_t end = slice_end(json_object_get(step, "end"), slice.end - slice.start,
				slice.end - slice.start);
			slice = (struct slice){
				true, slice.start + start, slice.start + (end < start ? start : end)};
			continue;
		}
		if (json_is_number(step) && json_is_array(at) && step_index(step, &slice, &index)) {
			at = json_array_get(at, index);
			json_array_append_new(place, json_integer((json_int_t)index));
		} else if (json_is_string(step) && json_is_object(at)) {
			at = json_object_get(at, json_string_value(step));
			json_array_append(place, (json_t *)(uintptr_t)step);
		} else {
			return;
		}
		slice.open = false;
		if (!at)
			return;
	}
	if (slice.open)
		add_elements(place, &slice, places);
	else
		json_array_append(places, place);
}

/* ---- one place ---- */

static json_t *step_into(const json_t *at, const json_t *step)
{
	return json_is_string(step) ? json_object_get(at, json_string_value(step))
				    : json_array_get(at, (size_t)json_integer_value(step));
}

/* The first `count` steps. */
static json_t *get_part(const json_t *document, const json_t *place, size_t count)
{
	json_t *at = (json_t *)(uintptr_t)document;
	for (size_t i = 0; at && i < count; i++)
		at = step_into(at, json_array_get(place, i));
	return at;
}

json_t *place_get(const json_t *document, const json_t *place)
{
	return get_part(document, place, json_array_size(place));
}

static void remove_part(json_t *document, const json_t *place, size_t count)
{
	json_t *holder = get_part(document, place, count - 1);
	const json_t *last = json_array_get(place, count - 1);
	if (json_is_string(last))
		json_object_del(holder, json_string_value(last));
	else
		json_array_remove(holder, (size_t)json_integer_value(last));
}

void place_remove(json_t *document, const json_t *place)
{
	if (json_array_size(place))
		remove_part(document, place, json_array_size(place));
}

bool place_set(json_t *document, const json_t *place, json_t *value)
{
	size_t count = json_array_size(place);
	json_t *at = document;
	for (size_t i = 0; i < count; i++) {
		const json_t *step = json_array_get(place, i);
		bool last = i + 1 == count;
		if (json_is_string(step) && json_is_object(at)) {
			const char *key = json_string_value(step);
			if (last)
				return json_object_set(at, key, value) == 0;
			bool list = json_is_integer(json_array_get(place, i + 1));
			if (!json_object_get(at, key))
				json_object_set_new(at, key, list ? json_array() : json_object());
			at = json_object_get(at, key);
		} else if (json_is_integer(step) && json_is_array(at)) {
			size_t index = (size_t)json_integer_value(step);
			if (last && index >= json_array_size(at))
				return json_array_append(at, value) == 0;
			if (last)
				return json_array_set(at, index, value) == 0;
			at = json_array_get(at, index);
		} else {
			return false;
		}
	}
	return false;
}

/* ---- two documents ---- */

/* What lists of Kubernetes are merged by, the first that an element has. */
static const char *const merge_keys[] = {"name", "mountPath", "devicePath", "key", "containerPort", "port",
	"topologyKey", "ip", "uid", "type"};

static const char *merge_key(const json_t *element)
{
	for (size_t i = 0; i < COUNT_OF(merge_keys); i++)
		if (json_object_get(element, merge_keys[i]))
			return merge_keys[i];
	return NULL;
}

static bool is_same_element(const json_t *a, const json_t *b, const char *key)
{
	/* Ports of the same number are two when their protocols are. */
	const char *protocol = json_text_at(a, "protocol", "TCP");
	return json_equal(json_object_get(a, key), json_object_get(b, key)) &&
		strcmp(protocol, json_text_at(b, "protocol", "TCP")) == 0;
}

/* The index of the element in `to`; its size when it is not there. */
static size_t find_element(const json_t *element, const json_t *to, size_t index)
{
	const char *key = merge_key(element);
	size_t i;
	const json_t *other;
	if (!key)
		return index < json_array_size(to) ? index : json_array_size(to);
	json_array_foreach (to, i, other)
		if (is_same_element(element, other, key))
			return i;
	return json_array_size(to);
}

json_t *place_counterpart(const json_t *from, const json_t *to, const json_t *place)
{
	CLEANUP(json_done) json_t *other = json_array();
	size_t i, count = json_array_size(place);
	const json_t *step;
	json_array_foreach (place, i, step) {
		from = step_into(from, step);
		if (json_is_string(step) || !to) {
			to = json_is_string(step) ? json_object_get(to, json_string_value(step)) : NULL;
			json_array_append(other, (json_t *)(uintptr_t)step);
			continue;
		}
		size_t index = find_element(from, to, (size_t)json_integer_value(step));
		if (index == json_array_size(to) && i + 1 < count)
			return NULL;
		json_array_append_new(other, json_integer((json_int_t)index));
		to = json_array_get(to, index);
	}
	return json_incref(other);
}

static bool is_empty(const json_t *value)
{
	return !value || json_is_null(value) || (json_is_object(value) && !json_object_size(value)) ||
		(json_is_array(value) && !json_array_size(value));
}

void place_tidy(json_t *a, json_t *b, const json_t *place)
{
	for (size_t count = json_array_size(place) - 1; count > 0; count--) {
		if (!json_is_string(json_array_get(place, count - 1)) ||
			!is_empty(get_part(a, place, count)) || !is_empty(get_part(b, place, count)))
			return;
		remove_part(a, place, count);
		remove_part(b, place, count);
	}
}

/* ---- lists of places ---- */

static int compare_steps(const json_t *a, const json_t *b)
{
	if (json_is_string(a) && json_is_string(b))
		return strcmp(json_string_value(a), json_string_value(b));
	return (json_integer_value(a) > json_integer_value(b)) -
		(json_integer_value(a) < json_integer_value(b));
}

static int compare_backwards(const void *a, const void *b)
{
	const json_t *left = *(json_t *const *)a, *right = *(json_t *const *)b;
	for (size_t i = 0;; i++) {
		const json_t *one = json_array_get(left, i), *other = json_array_get(right, i);
		if (!one || !other)
			return (one == NULL) - (other == NULL);
		int order = compare_steps(other, one);
		if (order)
			return order;
	}
}

void place_sort(json_t *places)
{
	size_t i, count = json_array_size(places);
	json_t *place, *last = NULL;
	CLEANUP(memory_freep) json_t **items = memory_alloc((count + 1) * sizeof(*items));
	json_array_foreach (places, i, place)
		items[i] = json_incref(place);
	qsort(items, count, sizeof(*items), compare_backwards);
	json_array_clear(places);
	for (i = 0; i < count; i++) {
		if (!last || !json_equal(last, items[i]))
			json_array_append(places, items[i]);
		last = items[i];
	}
	for (i = 0; i < count; i++)
		json_decref(items[i]);
}

bool place_touches(const json_t *places, const json_t *place)
{
	size_t i;
	const json_t *one;
	json_array_foreach (places, i, one) {
		size_t step = 0;
		while (json_array_get(one, step) && json_array_get(place, step) &&
			json_equal(json_array_get(one, step), json_array_get(place, step)))
			step++;
		if (!json_array_get(one, step) || !json_array_get(place, step))
			return true;
	}
	return false;
}
