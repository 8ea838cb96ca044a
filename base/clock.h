/*
 * clock.h - the time of day, the steady clock, and durations as people write them
 *
 * What is shown or stored is the time of day; what is waited for is measured on the steady clock, so that a
 * clock set back or forth neither freezes the agent nor lets it storm.
 */
#pragma once

#include "base/base.h"

enum { CLOCK_TEXT_SIZE = 32 };

/* Microseconds since 1970-01-01T00:00:00Z. */
int64_t clock_now(void);

/* Milliseconds on CLOCK_MONOTONIC: only differences mean something. */
int64_t clock_steady(void);

/* Milliseconds on CLOCK_BOOTTIME, for a promise that must not outlast the sleep of the machine: only differences mean something. */
int64_t clock_boot(void);

/* Sleeps for so many milliseconds, or until a signal's handler has run. */
void clock_pause(int64_t milliseconds);

/* RFC 3339 in UTC with milliseconds: 2026-01-02T03:04:05.678Z. */
void clock_text(int64_t microseconds, char text[CLOCK_TEXT_SIZE]);

/* RFC 3339 in UTC with whole seconds, the only form metav1.Time takes: 2026-01-02T03:04:05Z. */
void clock_text_seconds(int64_t microseconds, char text[CLOCK_TEXT_SIZE]);

/* Reads RFC 3339 with any fraction and zone; false when the text is none. */
bool clock_parse(const char *text, int64_t *microseconds) MUST_CHECK;

/* "30s", "5m", "1h30m", "250ms", "0"; a bare number is seconds, as in Argo CD's back-off fields. At most 365 days. */
bool duration_parse(const char *text, int64_t *milliseconds) MUST_CHECK;

/* Short for people: "3s", "5m", "2h", "4d". `text` holds 16 bytes. */
void duration_text(int64_t milliseconds, char text[16]);
