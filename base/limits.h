/*
 * limits.h - every maximum of the program in one list
 *
 * Whatever comes from outside meets one of these before it meets memory. A limit is a promise to the user
 * too: the message that refuses something names the number.
 */
#pragma once

/* Git (reconcile/source) */
#define LIMIT_PACK_BYTES (512L * 1024 * 1024)  /* received for one fetch */
#define LIMIT_PACK_OBJECTS 2000000             /* objects in one pack */
#define LIMIT_PATH_FILES 10000                 /* files under one Application's path */
#define LIMIT_FILE_BYTES (3L * 1024 * 1024)    /* one manifest file */
#define LIMIT_PATH_BYTES (32L * 1024 * 1024)   /* all manifest files of one Application */
#define LIMIT_TREE_DEPTH 32                    /* folders below each other */
#define LIMIT_REFS 200000                      /* refs in one answer of a server without ls-refs */
#define LIMIT_PACKS 50                         /* packs in a bare repository before it is cloned anew */
#define LIMIT_GIT_MEMORY (1024L * 1024 * 1024) /* address space of the Git process */
#define LIMIT_GIT_SECONDS 120                  /* one run of the Git process, whatever it does */
#define LIMIT_FRAME_BYTES (8L * 1024 * 1024)   /* one message between the Git process and the agent */
#define LIMIT_FRAMES 200000                    /* messages of one run */
#define LIMIT_GIT_NODE (8L * 1024 * 1024) /* one tree, commit or tag, which libgit2 takes apart in memory */
#define LIMIT_GIT_ANSWER (128L * 1024 * 1024) /* all messages of one run */
#define LIMIT_GIT_OBJECT                                                                                     \
	(128L * 1024 * 1024) /* one object in a pack, whatever file it is: it is unpacked in memory */

/* kustomize and helm (reconcile/render) */
#define LIMIT_RENDER_SECONDS 90                  /* of one run, and of processor time in it, as in Argo CD */
#define LIMIT_RENDER_WAIT_SECONDS 450            /* with the time until its turn */
#define LIMIT_RENDER_MEMORY (256L * 1024 * 1024) /* that it writes to */
#define LIMIT_RENDER_ADDRESSES (4096L * 1024 * 1024) /* that it reserves: Go takes more than it uses */
#define LIMIT_RENDER_OUTPUT (32L * 1024 * 1024)      /* what it writes */
#define LIMIT_RENDER_TREE_FILES 20000                /* of the commit that it sees */
#define LIMIT_RENDER_TREE_BYTES (64L * 1024 * 1024)  /* all of them */
#define LIMIT_RENDER_FILE_BYTES (8L * 1024 * 1024)   /* one of them; larger ones are left out */
#define LIMIT_RENDERED_FILES 64                      /* results kept for one repository */
#define LIMIT_RENDERED_BYTES (128L * 1024 * 1024)    /* all of them */

/* YAML and objects (reconcile/manifest) */
#define LIMIT_YAML_DEPTH 64      /* nesting; libyaml is quadratic in flow nesting */
#define LIMIT_YAML_NODES 200000  /* nodes of one file, aliases counted expanded */
#define LIMIT_YAML_ALIASES 1000  /* aliases in one file */
#define LIMIT_YAML_DIRECTIVES 16 /* %TAG lines in one file: libyaml compares each with all before it */
#define LIMIT_DOCUMENTS 2000     /* documents in one file */
#define LIMIT_OBJECTS 20000      /* objects of one Application */
#define LIMIT_MISTAKES 200       /* mistakes reported at once; further ones are counted */
#define LIMIT_OBJECT_BYTES (3L * 512 * 1024) /* one object as JSON: etcd's own request limit, 1.5 MiB */

/* Kubernetes (reconcile/kubernetes) */
#define LIMIT_ANSWER_BYTES (64L * 1024 * 1024) /* one answer of the API server */
#define LIMIT_WATCH_LINE (4L * 1024 * 1024)    /* one event of a watch */
#define LIMIT_WEBSOCKET_MESSAGE (1024L * 1024)
#define LIMIT_LIST_PAGE 500 /* objects asked for in one page */
#define LIMIT_LIST_PAGE_BYTES                                                                                \
	(2L * 1024 * 1024) /* what a page should have; parsed, it takes several times as much */
#define LIMIT_WRITE_BYTES                                                                                    \
	(4L * 1024 * 1024) /* what requests and answers of writes should have that are in memory at once */
#define LIMIT_LIST_OBJECTS 100000                  /* objects of one list that is read as a whole */
#define LIMIT_KINDS 20000                          /* kinds and versions one server may have */
#define LIMIT_DISCOVERY_MEMORY (64L * 1024 * 1024) /* all their names */
#define LIMIT_WATCHES 500                          /* collections watched at once */
#define LIMIT_DIFFERENCES 200                      /* fields told of one object */
#define LIMIT_REQUESTS_IN_FLIGHT 8                 /* to the API server at once */
#define LIMIT_REQUEST_SECONDS 30                   /* one request of the command line to the agent */
#define LIMIT_KUBE_SECONDS 12 /* one to the API server with its tries; webhooks have 10 by default */
#define LIMIT_LIST_SECONDS 30 /* one page of a list that nobody waits for */
#define LIMIT_REQUEST_TRIES 5 /* tries of one request: 429, 503, cut connection */

#define LIMIT_STATUS_RESOURCES (512L * 1024) /* status.resources of an Application in the cluster */
#define LIMIT_STATUS_RESULTS (128L * 1024)   /* its status.operationState.syncResult.resources */
#define LIMIT_STATUS_HISTORY (64L * 1024)    /* its status.history */
#define LIMIT_STATUS_MESSAGE 4096            /* one message in it */

/* Expressions of ignoreDifferences (reconcile/ignore) */
#define LIMIT_JQ_EXPRESSIONS 64    /* of one Application */
#define LIMIT_JQ_MILLISECONDS 1000 /* of processor time for one expression on one object, as in Argo CD */
#define LIMIT_JQ_PAUSE 600000      /* milliseconds until a killed expression is tried again */
#define LIMIT_JQ_MEMORY (512L * 1024 * 1024) /* address space of the jq process */

/* Users and roles (reconcile/roles) */
#define LIMIT_USERS 20000        /* entries of one users.yaml */
#define LIMIT_ROLE_NAME 63       /* bytes: NAMEDATALEN - 1 of every PostgreSQL build we know */
#define LIMIT_ROLE_COMMENT 65536 /* bytes that are kept when our mark is put before them */
#define LIMIT_DATABASES 1000     /* entries of `databases` in one users.yaml */
#define LIMIT_GRANTS 500000      /* privileges of one users.yaml, each on each object that it names */
#define LIMIT_ACCESS_ROWS 20000  /* of one answer of `user access` */
#define LIMIT_PASSWORD 1024      /* bytes; libpq's own limit for a password is larger */
#define LIMIT_LOGINS_IN_PASS 16  /* that try a password (policy.passwordCheck: login); each waits up to 3 s */
#define LIMIT_BATCH_BYTES (512L * 1024) /* one multi-statement message */
#define LIMIT_BATCH_STATEMENTS 500      /* statements of one message: the lock table has 64 a connection */
#define LIMIT_SCRAM_ITERATIONS 1000000  /* a verifier with more is refused, not derived */

/* Patroni (reconcile/patroni) */
#define LIMIT_PATRONI_ANSWER 262144              /* bytes of one answer of a member */
#define LIMIT_PATRONI_ASKED 100                  /* members asked at once */
#define LIMIT_PATRONI_MILLISECONDS 2000          /* until a member must have answered */
#define LIMIT_READING_MEMORY (16L * 1024 * 1024) /* what is known of one database cluster, for the page */

/* Store, HTTP, command line (store, agent) */
#define LIMIT_SECRET_FILE 65536           /* a file that holds one password, token or key */
#define LIMIT_CONFIG_BYTES (1024L * 1024) /* the agent file, an Application file */
#define LIMIT_APPLICATIONS 200
#define LIMIT_SOURCES 16 /* of one Application */
#define LIMIT_PROJECTS 200
#define LIMIT_PROJECT_ITEMS 1000 /* entries of one list of an AppProject */
#define LIMIT_ZONE_BYTES 65536   /* a compiled time zone */
#define LIMIT_HTTP_BODY (1024L * 1024)
#define LIMIT_HTTP_HEADERS 16384
#define LIMIT_HTTP_CONNECTIONS 256
#define LIMIT_HTTP_SECONDS 15 /* until a request's last byte must have come */
#define LIMIT_QUEUE_KEYS                                                                                     \
	256 /* events of one kind that wait for the reconciler; more are one for all of that kind */
#define LIMIT_PENDING 100 /* operations that wait for the reconciler */
#define LIMIT_LOG_LINE 8192
#define LIMIT_HISTORY_ROWS 1000                  /* revisions kept for one Application */
#define LIMIT_DRIFT_ROWS 10000                   /* drift records kept */
#define LIMIT_USER_CHANGES 20000                 /* user change records kept */
#define LIMIT_OPERATIONS 1000                    /* operations kept */
#define LIMIT_MANIFESTS_BYTES (8L * 1024 * 1024) /* what `app manifests` shows, as JSON */
#define LIMIT_ANSWER_KEPT                                                                                    \
	4096 /* characters of an answer of an earlier agent to `app manifests`, `app diff` or `user plan` */
#define LIMIT_FACTS 2000 /* small facts kept: the last commit of each repository and revision */
#define LIMIT_STORE_TEXT (64 * 1024 * 1024)    /* one text in the store */
#define LIMIT_PASS_MEMORY (512L * 1024 * 1024) /* arena of one pass */
