/*
 * stream_json.h - where a JSON object ends (internal to this room)
 */
#pragma once

/* The place behind the JSON object (RFC 8259) that begins at `bytes`; NULL when none does, or it is deeper than any document may be.
   Nothing of it is copied: it may hold secrets. */
const char *stream_json_end(const char *bytes, const char *end);
