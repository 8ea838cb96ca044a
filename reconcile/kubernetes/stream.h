/*
 * stream.h - answers of the API server that come line by line and have no end of their own: logs that are followed, watches of one moment
 *
 * For a command that a person waits at: one thread, no retries of its own. What is kept up for days is a watch (watch.h).
 */
#pragma once

#include "reconcile/kubernetes/config.h"

struct streams; /* and their connections */
struct stream;

/* One line without its end; NUL added. A line over LIMIT_WATCH_LINE comes in pieces. */
typedef void stream_line(void *context, const char *line, size_t length);

struct streams *streams_open(const struct kube_config *config);
void streams_close(struct streams *streams); /* accepts NULL; after its streams */

/* GET PATH begins with the next streams_work(). The path is copied. */
struct stream *stream_open(struct streams *streams, const char *path, stream_line *on_line, void *context);
void stream_close(struct stream *stream); /* accepts NULL */

/* Sends and receives for up to so many milliseconds, less when something has come. */
void streams_work(struct streams *streams, int milliseconds);

/* It is over: `err` is of kind ERROR_NONE where the answer was good and has ended, and as of kube_run() otherwise. */
bool stream_ended(const struct stream *stream, struct error *err);
