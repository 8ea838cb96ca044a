/*
 * stream.h - the bytes of a manifest file as kubectl takes them apart, before they are YAML
 *
 * kubectl does not give a file to its YAML reader whole: k8s.io/apimachinery/pkg/util/yaml cuts it into documents line by line first. What
 * that lets through is taken here, too, by writing it as YAML has it:
 * - the last line without an end gets one, so a block scalar there ends with a line end (in a Secret that is another value);
 * - "---# comment" separates documents; a byte order mark at the beginning of a later document is passed over;
 * - JSON objects one behind the other, with nothing or white space in between, are documents; kubectl looks for them only where the file
 *   begins, and drops all but the first where it does not: that is a mistake here.
 * What it cuts otherwise than YAML has it, or refuses, is a mistake with its place, so that no file means one thing here and another there: text
 * behind "---" on its line, "---" behind a line break that only YAML 1.1 knows, a byte order mark within the file (of those it would make a part of
 * the key). tests/reconcile/manifest/test_kubectl_reader.py compares both.
 */
#pragma once

#include "reconcile/manifest/yaml.h"

/* A copy, to be freed, or NULL when the bytes are good as they are. */
char *manifest_stream(
	const char *file, const char *bytes, size_t length, size_t *new_length, struct mistakes *mistakes);

/* yaml_read() of what kubectl would make of the bytes; the copy that it takes is wiped. */
void manifest_stream_read(const char *file, const char *bytes, size_t length, struct arena *mem,
	struct yaml_documents *documents, struct mistakes *mistakes);
