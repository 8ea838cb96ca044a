#include "agent/doctor/doctor.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"

enum { STATUS_WIDTH = 9, CHECK_WIDTH = 13, MISTAKES_SHOWN = 20 };

static const struct {
	const char *name;
	enum cell_style style;
} statuses[] = {
	[DOCTOR_OK] = {"ok", CELL_GOOD},
	[DOCTOR_WARNING] = {"warning", CELL_BUSY},
	[DOCTOR_FAILED] = {"failed", CELL_BAD},
};

/* A symptom's name may be longer than those of the checks; it is the only one of its run. */
static int width_of(const char *check)
{
	int length = (int)strlen(check) + 2;
	return length > CHECK_WIDTH ? length : CHECK_WIDTH;
}

/* A further check begins with a line of its own, whatever stands there. */
static void clear_wait(struct doctor *doctor)
{
	if (doctor->waiting)
		fputs("\r\033[K", stderr);
	doctor->waiting = false;
}

void doctor_wait(struct doctor *doctor, const char *check, const char *what)
{
	clear_wait(doctor);
	if (!doctor->context->output.colour || !isatty(STDERR_FILENO))
		return;
	fflush(stdout);
	fprintf(stderr, "%-*s%-*s", STATUS_WIDTH, "...", width_of(check), check);
	output_text(&doctor->context->output, stderr, what, CELL_DIM);
	fflush(stderr);
	doctor->waiting = true;
}

static void print(struct doctor *doctor, enum doctor_status status, const char *check, const char *remedy,
	const char *detail)
{
	const struct output *output = &doctor->context->output;
	clear_wait(doctor);
	output_text(output, stdout, statuses[status].name, statuses[status].style);
	printf("%*s%-*s", STATUS_WIDTH - (int)strlen(statuses[status].name), "", width_of(check), check);
	output_text(output, stdout, detail, CELL_PLAIN);
	putchar('\n');
	if (*remedy) {
		printf("%*s-> ", STATUS_WIDTH + width_of(check), "");
		output_text(output, stdout, remedy, CELL_PLAIN);
		putchar('\n');
	}
	fflush(stdout);
}

static void say(struct doctor *doctor, enum doctor_status status, const char *check, const char *remedy,
	const char *detail)
{
	doctor->counts[status]++;
	if (!doctor->items) {
		print(doctor, status, check, remedy, detail);
		return;
	}
	clear_wait(doctor);
	char *text = arena_copy(doctor->mem, detail);
	char *advice = arena_copy(doctor->mem, remedy);
	text_make_printable(text);
	text_make_printable(advice);
	json_array_append_new(doctor->items,
		json_pack("{s:s, s:s, s:s, s:s}", "check", check, "status", statuses[status].name, "detail",
			text, "remedy", advice));
}

static PRINTF_LIKE(2, 0) const char *formatted(struct doctor *doctor, const char *format, va_list args)
{
	char text[2 * ERROR_TEXT_SIZE];
	vsnprintf(text, sizeof(text), format, args);
	return arena_copy(doctor->mem, text);
}

void doctor_ok(struct doctor *doctor, const char *check, const char *format, ...)
{
	va_list args;
	if (doctor->quiet)
		return;
	va_start(args, format);
	say(doctor, DOCTOR_OK, check, "", formatted(doctor, format, args));
	va_end(args);
}

void doctor_warn(struct doctor *doctor, const char *check, const char *remedy, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(doctor, DOCTOR_WARNING, check, remedy, formatted(doctor, format, args));
	va_end(args);
}

void doctor_fail(struct doctor *doctor, const char *check, const char *remedy, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	say(doctor, DOCTOR_FAILED, check, remedy, formatted(doctor, format, args));
	va_end(args);
}

void doctor_fail_mistakes(
	struct doctor *doctor, const char *check, const char *remedy, struct mistakes *mistakes)
{
	mistakes_sort(mistakes);
	for (size_t i = 0; i < mistakes->count && i < MISTAKES_SHOWN; i++)
		doctor_fail(doctor, check, remedy, "%s", mistake_text(&mistakes->items[i], doctor->mem));
	size_t all = mistakes->count + mistakes->dropped;
	if (all > MISTAKES_SHOWN)
		doctor_fail(doctor, check, remedy, "and %zu more", all - MISTAKES_SHOWN);
}

const char *doctor_quoted(struct doctor *doctor, const char *path)
{
	CLEANUP(buf_done) struct buf quoted = BUF(LIMIT_CONFIG_BYTES);
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-";
	if (*path && strspn(path, plain) == strlen(path))
		return path;
	buf_char(&quoted, '\'');
	for (; *path; path++)
		if (*path == '\'')
			buf_text(&quoted, "'\\''");
		else
			buf_char(&quoted, *path);
	buf_char(&quoted, '\'');
	return arena_copy(doctor->mem, buf_string(&quoted));
}
