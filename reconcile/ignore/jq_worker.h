/*
 * jq_worker.h - the jq process: main() of `pgitops jq-worker`, the only user of libjq
 *
 * Reads frames {"expressions": [...], "documents": [...]} from descriptor 0 until its end, and answers each expression with one
 * frame on descriptor 1: {"paths": [[path...] for each document]}, or {"error": "jq's words"}, with "compile": true when the
 * expression is no program at all. Called by agent/main.c before anything else is set up.
 */
#pragma once

int jq_worker_main(void);
