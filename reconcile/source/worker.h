/*
 * worker.h - the Git process: main() of `pgitops git-worker`
 *
 * Reads one request frame from descriptor 0, answers with frames on descriptor 1, exits 0 when the answer is
 * complete (an error answer too). Called by agent/main.c before anything else is set up.
 */
#pragma once

int source_worker_main(void);
