/*
 * table.c - all commands: their names, their help, their functions; completion and usage are made from it
 */
#include "agent/command.h"
#include "agent/commands/seal_help.h"

static const char agent_help[] =
	"Reads the agent file, takes the lock of its state folder, and keeps cluster and databases as Git says until it gets\n"
	"SIGTERM. SIGHUP asks every repository at once.\n\n"
	"  --once         one pass over everything, then the end; exit code 0 when all is Synced\n"
	"  --standalone   no Kubernetes: Applications from files, users into databases\n"
	"  --log-format text|json, --log-level debug|info|warning|error\n\n"
	"Examples:\n"
	"  pgitops agent --config /etc/pgitops/agent.yaml\n"
	"  pgitops agent --config agent.yaml --once\n";

static const char status_help[] =
	"One screen: does the agent run, are the Applications in sync and healthy, do the databases answer, which users are\n"
	"not as Git says, what was changed by hand and is not healed, and what went wrong last.\n\n"
	"Examples:\n"
	"  pgitops status\n"
	"  pgitops status -o json | jq .errors\n"
	"  watch -n 2 pgitops status\n";

static const char app_list_help[] =
	"AGE is the time since the last successful sync. -o wide adds repository, path, target and namespace.\n\n"
	"Examples:\n"
	"  pgitops app list\n"
	"  pgitops app list -o wide\n"
	"  pgitops app list -o json | jq -r '.items[] | select(.status.sync.status != \"Synced\") | .metadata.name'\n";

static const char app_get_help[] =
	"Shows where the Application comes from, its conditions, its objects with what was last said about each, the operation\n"
	"that runs (and what it waits for) or ran last, its hooks, and the last deployments. -o json and -o yaml give the\n"
	"Application object as kubectl does.\n\n"
	"Examples:\n"
	"  pgitops app get postgres-cluster\n"
	"  pgitops app get postgres-cluster -o yaml\n";

static const char app_diff_help[] =
	"Shows what differed when the agent compared last: what is missing (+), what differs (~, with each field, and who\n"
	"changed it where that is known) and what is not in Git any more (-). Values of Secrets are hidden.\n"
	"Exit code 1 when something differs.\n\n"
	"  --revision REV   what this branch, tag or commit would change instead, in the cluster and in the databases;\n"
	"                   what is in force stays\n"
	"  --revisions REV --source-positions N   the same where there are several sources: of the Nth (as `app get` counts\n"
	"                   them); may be given several times\n"
	"  -o markdown      as a comment for a pull request\n\n"
	"Examples:\n"
	"  pgitops app diff postgres-cluster\n"
	"  pgitops app diff postgres-cluster --revision refs/pull/7/head -o markdown\n"
	"  pgitops app refresh postgres-cluster && pgitops app diff postgres-cluster\n";

static const char app_sync_help[] =
	"Asks the agent to make the cluster as Git says, and waits until it has. Exit code 1 when the sync failed.\n\n"
	"  --prune                           remove what is not in Git any more\n"
	"  --dry-run                         only say what would be done\n"
	"  --revision REV                    this commit, branch or tag instead of the Application's own\n"
	"  --revisions REV                   the same where there are several sources; each goes with a\n"
	"  --source-positions N              number: of the Nth source, as `app get` counts them\n"
	"  --resource GROUP:KIND:NS/NAME     only this object; may be given several times. A kind of the core has no group;\n"
	"                                    without hooks and without an entry in the history\n"
	"  --force                           delete and make anew what the server does not let us change\n"
	"  --apply-only                      without hooks\n"
	"  --option NAME=VALUE               a sync option, as in spec.syncPolicy.syncOptions; may be given several times\n"
	"  --confirm HASH                    confirm removals that the agent held back; the message names them and the hash\n"
	"  --wait                            wait until all is healthy, too\n"
	"  --async                           do not wait at all\n"
	"  --timeout D                       how long to wait (default 5m)\n\n"
	"Examples:\n"
	"  pgitops app sync postgres-cluster\n"
	"  pgitops app sync postgres-cluster --dry-run --prune\n"
	"  pgitops app sync postgres-cluster --resource acid.zalan.do:postgresql:default/main --resource :ConfigMap:default/a\n"
	"  pgitops app sync postgres-cluster --revision v1.4.2 --option ApplyOutOfSyncOnly=true\n"
	"  pgitops app sync postgres-cluster --prune --confirm 3f9a2c --wait\n";

static const char app_rollback_help[] =
	"Syncs the commit of an earlier deployment, without hooks. ID is the one that `app history` and `app get` show. Refused\n"
	"while the Application is synced automatically: that would undo it. Git stays as it is, so revert the commit there, too.\n\n"
	"  --prune          remove what that commit does not have\n"
	"  --dry-run        only say what would be done\n"
	"  --confirm HASH   confirm removals that the agent held back\n"
	"  --async          do not wait\n"
	"  --timeout D      how long to wait (default 5m)\n\n"
	"Examples:\n"
	"  pgitops app history postgres-cluster\n"
	"  pgitops app rollback postgres-cluster 4\n";

static const char app_terminate_help[] =
	"Ends the sync that is running: what it has done stays, running hooks are deleted, the operation is Failed. Exit code 1\n"
	"when none is running.\n\n"
	"  --async       do not wait\n"
	"  --timeout D   how long to wait (default 5m)\n\n"
	"Examples:\n"
	"  pgitops app terminate postgres-cluster\n";

static const char app_manifests_help[] =
	"Prints what the Application wants: the objects at the commit that is in use, as a stream of YAML documents. Values of\n"
	"Secrets are hidden. -o json and -o yaml give them as one list with the revision. Only the running agent knows them.\n\n"
	"Examples:\n"
	"  pgitops app manifests postgres-cluster\n"
	"  pgitops app manifests postgres-cluster | kubectl diff -f -\n"
	"  pgitops app manifests postgres-cluster -o json | jq -r '.items[].kind'\n";

static const char app_resources_help[] =
	"The objects of the Application: in sync, healthy, in which wave, and what was last said about each; then the hooks of\n"
	"the last operation. -o wide adds group and version, and whole messages.\n\n"
	"Examples:\n"
	"  pgitops app resources postgres-cluster\n"
	"  pgitops app resources postgres-cluster -o json | jq '.items[] | select(.health.status == \"Degraded\")'\n";

static const char app_refresh_help[] =
	"Asks the repository for a newer commit and compares again, now instead of at the next poll. Exit code 1 when the\n"
	"commit cannot be used; the mistakes are shown.\n\n"
	"  --hard        throw away what is known: ask the server about every object\n"
	"  --async       do not wait\n"
	"  --timeout D   how long to wait (default 5m)\n\n"
	"Examples:\n"
	"  pgitops app refresh postgres-users\n"
	"  pgitops app refresh postgres-users --hard\n";

static const char app_history_help[] =
	"What was applied, newest first: commit, outcome, what set it off, and how many objects changed. ID is what\n"
	"`app rollback` takes; \"-\" is a sync that failed, only healed or was partial, or that is not kept any more.\n\n"
	"Examples:\n"
	"  pgitops app history postgres-cluster\n"
	"  pgitops app history postgres-cluster -o wide\n";

static const char app_wait_help[] =
	"Waits until the Application is in sync and healthy and nothing is going on. Exit code 1 when it is not in time.\n\n"
	"  --sync              in sync is enough\n"
	"  --health            healthy is enough\n"
	"  --revision COMMIT   and at this commit (its first digits)\n"
	"  --timeout D         how long to wait (default 5m)\n\n"
	"Examples:\n"
	"  git push && pgitops app wait postgres-users --revision \"$(git rev-parse HEAD)\" --timeout 2m\n"
	"  pgitops app wait postgres-cluster --health\n";

static const char user_list_help[] =
	"STATUS: Synced = as Git says; Drifted = differs from it; Degraded = could not be made so; Retiring = not in Git any\n"
	"more: waits for a confirmation, or is locked out and hands over its objects, until it is gone; Refused = the agent's\n"
	"policy does not allow it. REASON says more. A database whose users are not reconciled, or not the newest, is named on stderr.\n\n"
	"  --unmanaged   the roles that nobody manages here instead: made by people or programs, renamed, or not ours for another REASON\n\n"
	"Examples:\n"
	"  pgitops user list\n"
	"  pgitops user list --unmanaged\n"
	"  pgitops user list -o json | jq -r '.items[] | select(.status != \"Synced\") | .name'\n";

static const char user_get_help[] =
	"Shows the user in each database: status; where its line is and what it asks for (when its access ends, limits, memberships with\n"
	"their options, privileges, where its password comes from); what differs; what hands changed, and when; and what was done last.\n\n"
	"Examples:\n"
	"  pgitops user get eve\n"
	"  pgitops user get eve -o yaml\n";

static const char user_plan_help[] =
	"Shows the SQL that would run now, statement by statement, as a script for psql that stops at the first error. Where a\n"
	"password's verifier belongs stands a variable that is not set, as :'alice_verifier'. Nothing is changed. Removals that need a\n"
	"confirmation stand there as comments, with the command that confirms them. Exit code 1 when there is something to do.\n"
	"To see the SQL of each commit before anything runs, set `policy: {mode: report}` for the database in the agent file:\n"
	"then the agent never writes there.\n\n"
	"  --database D    only this database of the agent file\n"
	"  --revision REV  the SQL of this branch, tag or commit instead; what is in force stays\n"
	"  --revisions REV --source-positions N   the same where the Application has several sources: of the Nth\n"
	"  --timeout D     how long to wait for the plan (default 5m)\n"
	"  -o markdown     as a comment for a pull request\n\n"
	"Examples:\n"
	"  pgitops user plan\n"
	"  pgitops user plan --database main > plan.sql; psql -X -f plan.sql 'host=db user=postgres'\n"
	"  pgitops user plan --revision feature/new-users -o markdown\n"
	"  pgitops user plan --database main -o json\n";

static const char user_export_help[] =
	"Writes a users.yaml (version 2) that says what is in the database now: users with their roles and databases, groups, and what\n"
	"both may do. Committed, and adopted with `policy: {adopt: listed}` in the agent file, it changes nothing there: who could not be\n"
	"listed so that nothing changes is named in a comment with the reason. Passwords are neither read nor changed. The agent needs no\n"
	"users of the database for it, and writes nothing.\n\n"
	"  --database D    this database of the agent file\n"
	"  --timeout D     how long to wait for it (default 5m)\n\n"
	"Examples:\n"
	"  pgitops user export --database main > users.yaml\n"
	"  pgitops user export -o json | jq -r '.items[].leftOut[] | .name + \": \" + .reason'\n";

static const char user_sync_help[] =
	"Makes the users as Git says, now instead of at the next pass: asks for the newest commit first, and waits ten seconds for\n"
	"its sync. Exit code 1 when a user could not be made so, or when an older list is in force: it says which, and why.\n\n"
	"With names all users are made so, too, and the answer is about these: the password of each is tried by a login, where that is\n"
	"how it is known (`policy: {passwordCheck: login}` of the agent file), whatever was found before.\n\n"
	"  --database D     only this database of the agent file\n"
	"  --dry-run        the same as `user plan`\n"
	"  --confirm HASH   confirm removals that the agent held back; `user plan` shows them and the hash\n"
	"  --now NAME...    remove these users, who have left users.yaml, without waiting for the end of their hold\n"
	"                   (`retirement: {hold: 7d}` of the agent file)\n"
	"  --timeout D      how long to wait (default 5m)\n\n"
	"Examples:\n"
	"  pgitops user sync\n"
	"  pgitops user sync alice\n"
	"  pgitops user sync --database main --confirm 3f9a2c\n"
	"  pgitops user sync --database main --now carol\n";

static const char user_adopt_help[] =
	"Makes roles ours that the agent leaves alone: a role that exists and that users.yaml lists, but that is not in the agent's\n"
	"table (made by hand, restored from a dump, only its comment says that it is ours), one that was renamed by hand, or a group\n"
	"that is to become a user. From then on it is as users.yaml says, and is removed when it is not listed any more; with\n"
	"`ensure: absent` it is removed at once. Superusers and PostgreSQL's own roles are never taken.\n\n"
	"With --from, all roles that another agent has under this database's name in the agent file: where that agent is gone, or\n"
	"was this one with another state folder. It stops writing there. Nobody is removed by this; the next pass does what\n"
	"users.yaml says.\n\n"
	"  --from MANAGER   the name of the other agent, as the message says it that refuses this one\n"
	"  --database D     the database of the agent file\n"
	"  --dry-run        show the SQL, and who would be removed\n"
	"  --timeout D      how long to wait (default 5m)\n\n"
	"Examples:\n"
	"  pgitops user adopt --dry-run eve\n"
	"  pgitops user adopt --database main eve mallory\n"
	"  pgitops user adopt --database main --from west\n"
	"  pgitops user adopt $(pgitops user list -o json | jq -r '.items[] | select(.status == \"Refused\") | .name')\n";

static const char user_access_help[] =
	"Who may do what, in the databases as they are now: of one user everything, or of a table or a database everybody. Each\n"
	"privilege stands with the way it comes (grants to her, to roles that she is a member of, to PUBLIC; owning; PostgreSQL's own\n"
	"roles; what only SET ROLE gives), and with what gave it: file, line and commit of users.yaml, or \"by hand\". With a *\n"
	"she may give it to others. What has no effect says what it needs. Without a name, table or database: attributes,\n"
	"memberships and databases of everybody. `public` as NAME is PUBLIC. Exit code 1 when there is nothing.\n\n"
	"  --table SCHEMA.TABLE   who may do something with this table, view or sequence (names with dots: \"a.b\".c)\n"
	"  --database D           only in this database of the server\n"
	"  --groups               roles that may not log in, too, where everybody is asked about\n"
	"  --entry E              the entry of `databases` in the agent file, where it has several\n"
	"  -o wide                each object in a line of its own\n"
	"  -o csv, -o markdown    for a spreadsheet, one line for each way; for a report\n\n"
	"Examples:\n"
	"  pgitops user access alice\n"
	"  pgitops user access --table public.orders --database app\n"
	"  pgitops user access alice --table public.orders || echo 'not hers'\n"
	"  pgitops user access --database app -o csv > audit.csv\n"
	"  pgitops user access -o json | jq '.items[] | select(.byHand and .privilege == \"SUPERUSER\") | .user'\n";

static const char user_history_help[] =
	"What was done to users, newest first. -o wide shows whole statements; passwords are hidden. An outcome that is \"not known\"\n"
	"was cut off: the next pass looks at the database and goes on from there.\n\n"
	"  --user NAME     the same as NAME\n"
	"  --database D    only this database of the agent file\n"
	"  --since D       the last 30m, 24h, ... or since an RFC 3339 time\n"
	"  --sql           as a script for psql, oldest first; what was not done is a comment\n\n"
	"Examples:\n"
	"  pgitops user history\n"
	"  pgitops user history alice --sql\n"
	"  pgitops user history --database main --since 24h\n"
	"  pgitops user history eve -o wide\n";

static const char drift_list_help[] =
	"What somebody changed by hand in the cluster or in a database, newest first, and when it was healed.\n\n"
	"  --app A      only this Application\n"
	"  --user U     only this user\n"
	"  --since D    the last 30m, 24h, ... or since an RFC 3339 time\n"
	"  --open       only what is not healed\n\n"
	"Examples:\n"
	"  pgitops drift list --since 24h\n"
	"  pgitops drift list --user eve --open\n"
	"  pgitops drift list --app postgres-cluster -o json\n";

static const char check_help[] =
	"Reads folders or files as the agent reads a path, without asking any cluster or database, and prints every mistake as\n"
	"file:line:column: text. Warnings are marked. Also looks into users.yaml of the ConfigMap postgres-users-config and\n"
	"into Applications. A path for kustomize or helm is rendered first, where the program is on the PATH, with the repository\n"
	"around it and without network. Exit code 1 when there are mistakes, 2 when a path cannot be read.\n\n"
	"  --namespace NS   the Application's destination namespace (default: default)\n"
	"  --include GLOB   only these files, as in the Application's directory.include\n"
	"  --exclude GLOB   not these files\n"
	"  --since REVISION what `postgresql` objects are compared with\n\n"
	"In a Git checkout each `postgresql` object is compared with what stood before, in whatever file: a change that the agent would\n"
	"refuse because data would be lost (version or volume down, no instances, databases gone, ...) is a mistake, with the\n"
	"annotation that allows it; one that is gone is a warning. Before is what the upstream has; without one HEAD, and without\n"
	"changes the commit before it.\n\n"
	"With --secrets it looks for plain values instead: in the files that Git tracks here, or in what the commits of REV..REV\n"
	"add, and their messages; with --pre-receive in what a server is being sent. Refused (exit code 1) are passwords that this\n"
	"clone knows, anywhere and however encoded, Secrets, SealedSecrets with plain parts and lists of users with passwords,\n"
	"however broken or embedded. What only looks like a secret is a warning. Placeholders and encrypted values pass.\n\n"
	"  --allow PATH:RULE:FINGERPRINT...   such a value is meant to be public: written to .pgitops.yaml, as the refusal prints it\n\n"
	"Examples:\n"
	"  pgitops check .\n"
	"  pgitops check --since origin/main .\n"
	"  pgitops check --secrets origin/main..HEAD\n"
	"  pgitops check --secrets --allow docs/example.yaml:secret:1a2b3\n"
	"  pgitops check postgres-cluster postgres-users\n"
	"  pgitops check --exclude 'charts/*' -o json . | jq '.items[]'\n";

static const char hook_install_help[] =
	"Installs Git hooks in this repository: pre-commit seals and stages users, pre-commit, pre-merge-commit and pre-push\n"
	"refuse plain passwords, post-checkout and post-merge bring others' changes into your edit file. Hooks that are there\n"
	"run first; core.hooksPath is respected; inside husky, lefthook and pre-commit they are entries of those tools' files,\n"
	"which are to be committed. Edit files are ignored by Git, and `git add` of one fails.\n\n"
	"Examples:\n"
	"  pgitops hook install\n";

static const char hook_uninstall_help[] = "Takes the hooks out and restores what was there.\n\n"
					  "Examples:\n"
					  "  pgitops hook uninstall\n";

static const char hook_status_help[] =
	"Says whether Git runs the hooks, and whether edit files and certificates are in order. Exit code 1 when not.\n\n"
	"  --history   look for plain passwords in all commits, too\n"
	"  --cluster   ask the cluster whether it seals with the repository's certificate (--controller-name,\n"
	"              --controller-namespace, --kubeconfig, --context)\n\n"
	"Examples:\n"
	"  pgitops hook status\n"
	"  pgitops hook status -o json\n";

static const char hook_run_help[] = "What the installed hooks call.\n\n"
				    "Examples:\n"
				    "  pgitops hook run pre-commit --\n";

static const char install_help[] =
	"Writes the manifests of an installation on stdout: ServiceAccount, Roles, the agent file as a ConfigMap, Deployment, Service,\n"
	"NetworkPolicy. The Roles name each right that this agent file and the repositories' paths need, with the reason, and\n"
	"no other: the Applications are read, their paths fetched, and the cluster is asked which resource each kind is. What it does\n"
	"not know is told on stderr, and nothing is printed (exit code 1; 2 without a cluster). Nothing is written to the cluster.\n"
	"Namespaces, definitions and the volume of the state are in manifests/prepare.yaml.\n\n"
	"  --print                             what there is to do, so far\n"
	"  --applications DIR                  the Applications from these files, where they are not in the cluster yet\n"
	"  --image IMAGE                       where the registry has it\n"
	"  --overlay NAME                      as manifests/overlays has them; may be given several times: namespaced (no ClusterRole),\n"
	"                                      read-only. What the agent file says counts anyway: with `lease` there are two\n"
	"                                      replicas; naming two-replicas, operator or sealing-controller makes sure that it does\n"
	"  --kubeconfig FILE, --context NAME   which Kubernetes\n\n"
	"Examples:\n"
	"  pgitops install --print --config agent.yaml | kubectl diff --server-side -f -\n"
	"  pgitops install --print --config agent.yaml --applications applications --overlay namespaced\n";

static const char doctor_help[] =
	"Checks all that the agent needs and changes nothing: the agent file, the state folder, the kernel, the files it names,\n"
	"the address, the cluster with the rights for every kind of object, each repository at its revision, each database with\n"
	"its users and their Secrets. Each line says ok, warning or failed; below what is not ok stands the remedy.\n"
	"Of each Application that this agent has never synced, Argo CD's perhaps, it says what the first syncs would change.\n"
	"Run it where the agent runs, as the agent's user. Exit code 1 when something failed, 2 when nothing could be checked.\n\n"
	"  --standalone   leave Kubernetes out, as `pgitops agent --standalone` does\n\n"
	"With a SYMPTOM its causes alone are looked for, in the namespaces that the agent file and the Applications name:\n"
	"  hook-does-not-seal         a commit goes through without its passwords sealed\n"
	"  certificate-mismatch       what was sealed is opened by nobody\n"
	"  users-do-not-appear        somebody of users.yaml cannot log in\n"
	"  application-does-not-sync  a commit does not arrive in the cluster\n"
	"  pod-does-not-start         a Pod is Pending, fails, or is not ready\n"
	"  pod-pending                the scheduler finds no node for a Pod\n"
	"  image-pull                 an image does not come\n"
	"  pod-crashes                a container ends again and again\n"
	"  out-of-memory              the kernel ends PostgreSQL\n"
	"  volume-pending             a volume is not bound\n"
	"  volume-does-not-grow       spec.volume.size was raised, and nothing came of it\n"
	"  node-not-ready             a node is away, short of something, or cordoned\n"
	"  quota                      a ResourceQuota or LimitRange keeps Pods from being made\n"
	"  operator-silent            a postgresql object is written, and nothing happens\n"
	"  cluster-failed             CreateFailed, UpdateFailed, SyncFailed, Invalid\n"
	"  database-missing           Running, and a user or database of the object is not there\n"
	"  no-primary                 nobody takes writes, or two do\n"
	"  rolling-update             Pods are started anew, one after the other\n"
	"  upgrade-failed             a new major version, and the data stay on the old\n"
	"  operator-config            the operator's ConfigMap has what breaks a small set-up\n"
	"  secret-missing             a password or certificate that somebody waits for\n"
	"  password-refused           password authentication failed, after a cluster was made anew\n"
	"  service-without-address    connection refused at the cluster's Service\n"
	"  load-balancer-pending      a Service has no address from outside\n"
	"  sealed-secret-closed       a SealedSecret is there, and its Secret is not\n"
	"\nExamples:\n"
	"  pgitops doctor pod-does-not-start\n"
	"  pgitops doctor --config /etc/pgitops/agent.yaml\n"
	"  kubectl exec -n argocd deploy/pgitops -- pgitops doctor\n"
	"  pgitops doctor -o json | jq -r '.items[] | select(.status == \"failed\") | .remedy'\n";

static const char completion_help[] = "Prints a script that completes commands and options.\n\n"
				      "Examples:\n"
				      "  source <(pgitops completion bash)\n"
				      "  pgitops completion zsh > \"${fpath[1]}/_pgitops\"\n"
				      "  pgitops completion fish > ~/.config/fish/completions/pgitops.fish\n";

static const char version_help[] = "Examples:\n"
				   "  pgitops version\n"
				   "  pgitops version -o json\n";

/* Of all commands that ask a cluster without an agent, as kubectl and kubeseal have them. */
#define CLUSTER_OPTIONS                                                                                      \
	"--controller-name= --controller-namespace= --kubeconfig= --context= --cluster= --user= --as= "      \
	"--as-group= --as-uid= --token= --certificate-authority= --client-certificate= --client-key= "       \
	"--tls-server-name= --insecure-skip-tls-verify --proxy-url= --request-timeout="

const struct command commands[] = {
	{"agent", "", "--once --standalone --log-format= --log-level=", false, "run the agent", agent_help,
		command_agent},
	{"status", "", "", true, "one screen: applications, databases, users, drift, errors", status_help,
		command_status},
	{"app list", "", "", true, "the Applications", app_list_help, command_app_list},
	{"app get", "NAME", "", true, "one Application with its objects", app_get_help, command_app_get},
	{"app diff", "NAME", "--revision= --revisions= --source-positions=", true,
		"what differs between Git and the cluster", app_diff_help, command_app_diff},
	{"app resources", "NAME", "", true, "its objects, with health, wave and hook", app_resources_help,
		command_app_resources},
	{"app manifests", "NAME", "", true, "what it wants, as YAML", app_manifests_help, command_app_manifests},
	{"app sync", "NAME",
		"--prune --dry-run --revision= --revisions= --source-positions= --resource= --force --apply-only --option= --confirm= --wait "
		"--async --timeout=",
		true, "make the cluster as Git says, now", app_sync_help, command_app_sync},
	{"app rollback", "NAME ID", "--prune --dry-run --confirm= --async --timeout=", true,
		"sync an earlier deployment again", app_rollback_help, command_app_rollback},
	{"app terminate", "NAME", "--async --timeout=", true, "end the sync that is running",
		app_terminate_help, command_app_terminate},
	{"app refresh", "NAME", "--hard --async --timeout=", true, "ask Git and compare again, now",
		app_refresh_help, command_app_refresh},
	{"app history", "NAME", "", true, "what was applied, and how it went", app_history_help,
		command_app_history},
	{"app wait", "NAME", "--sync --health --revision= --timeout=", true,
		"wait until it is in sync and healthy", app_wait_help, command_app_wait},
	{"user list", "", "--unmanaged", true, "the users of the databases", user_list_help, command_user_list},
	{"user get", "NAME", "", true, "one user in each database", user_get_help, command_user_get},
	{"user plan", "", "--database= --revision= --revisions= --source-positions= --timeout=", true,
		"the SQL that would run now", user_plan_help, command_user_plan},
	{"user export", "", "--database= --timeout=", true, "a users.yaml of what is there", user_export_help,
		command_user_export},
	{"user sync", "[NAME...]", "--database= --dry-run --confirm= --now --timeout=", true,
		"make the users as Git says, now", user_sync_help, command_user_sync},
	{"user adopt", "[NAME...]", "--from= --database= --dry-run --timeout=", true,
		"take over roles that are not ours", user_adopt_help, command_user_adopt},
	{"user access", "[NAME]", "--table= --database= --groups --entry=", true,
		"who may do what, by which way, and who gave it", user_access_help, command_user_access},
	{"user history", "[NAME]", "--user= --database= --since= --sql", true, "what was done to users",
		user_history_help, command_user_history},
	{"drift list", "", "--app= --user= --since= --open", true, "what was changed by hand",
		drift_list_help, command_drift_list},
	{"cluster list", "", COMMAND_CLUSTER_READING, false, "the database clusters and their members",
		command_cluster_list_help, command_cluster_list},
	{"cluster get", "NAME", COMMAND_CLUSTER_READING, false,
		"one database cluster: members, leader, volume, operator", command_cluster_get_help,
		command_cluster_get},
	{"cluster connect", "NAME [-- PSQL-ARGUMENT...]",
		"--user= --database= --member= --replica" COMMAND_CLUSTER_PLACE, false,
		"psql with the leader or another member", command_cluster_connect_help, command_cluster_connect},
	{"cluster credentials", "NAME [USER]", "--password" COMMAND_CLUSTER_PLACE, false,
		"who has a login of the operator's, and its password", command_cluster_credentials_help,
		command_cluster_credentials},
	{"cluster events", "NAME", "-w --watch" COMMAND_CLUSTER_PLACE, false,
		"what Kubernetes says of its objects", command_cluster_events_help, command_cluster_events},
	{"cluster logs", "NAME", "-f --follow --since= --tail= --member= --no-operator" COMMAND_CLUSTER_PLACE,
		false, "of all members and the operator, by time", command_cluster_logs_help,
		command_cluster_logs},
	{"cluster switchover", "NAME", "--to= --wait --max-lag=" COMMAND_CLUSTER_ACTING, false,
		"another member becomes the leader", command_cluster_switchover_help,
		command_cluster_switchover},
	{"cluster restart", "NAME [MEMBER...]", "--pending --in-place" COMMAND_CLUSTER_ACTING, false,
		"its servers, replicas first, the leader by switchover", command_cluster_restart_help,
		command_cluster_restart},
	{"cluster reinit", "NAME MEMBER", "--force" COMMAND_CLUSTER_ACTING, false,
		"a replica is made anew from the leader", command_cluster_reinit_help, command_cluster_reinit},
	{"cluster failover-drill", "NAME",
		"--to= --again --kill --wait-for-failover --clean" COMMAND_CLUSTER_ACTING, false,
		"a switchover under writers, and what it cost", command_cluster_failover_drill_help,
		command_cluster_failover_drill},
	{"check", "PATH... | --secrets [REV..REV]",
		"--namespace= --include= --exclude= --since= --secrets --pre-receive --allow", false,
		"the mistakes of a checkout, offline", check_help, command_check},
	{"doctor", "[SYMPTOM]", "--standalone", false,
		"requirements, connections, rights: what is missing, and the remedy", doctor_help,
		command_doctor},
	{"install", "--print", "--print --applications= --image= --overlay= --kubeconfig= --context=", false,
		"the manifests for this cluster, each right by its name", install_help, command_install},
	{"seal", "",
		"-f= -w= --cert= --ca= --from-cluster --scope= --name= --namespace= --raw --from-file= --merge-into= "
		"--re-encrypt --private-key= --allow-empty-data --validate --fetch-cert --recovery-unseal "
		"--recovery-private-key= --format= " CLUSTER_OPTIONS,
		false, "Secrets to SealedSecrets", seal_help, command_seal},
	{"seal users", "[EDIT-FILE...] [USER...]",
		"--commit= --stage --resolve --all --generate --cert= --dry-run", false,
		"users with passwords to files for Git", seal_users_help, command_seal_users},
	{"seal cert", "", "-w= --cert= --trust= --ca= " CLUSTER_OPTIONS, false,
		"the certificate that is sealed with", seal_cert_help, command_seal_cert},
	{"seal keys", "FILE...", "--private-key= " CLUSTER_OPTIONS, false,
		"which key opens what, and why not", seal_keys_help, command_seal_keys},
	{"seal keys new", "",
		"-w= --apply --pub-cert= --name= --namespace= --bits= --days= --cn= " CLUSTER_OPTIONS, false,
		"a sealing key where no controller makes one", seal_keys_new_help, command_seal_keys_new},
	{"unseal", "[KEY...]", "-f= -w= --private-key= " CLUSTER_OPTIONS, false, "SealedSecrets to Secrets",
		unseal_help, command_unseal},
	{"hook install", "", "", false, "Git hooks: seal on commit, refuse plain passwords",
		hook_install_help, command_hook_install},
	{"hook uninstall", "", "", false, "take the hooks out again", hook_uninstall_help,
		command_hook_uninstall},
	{"hook status", "",
		"--history --cluster --controller-name= --controller-namespace= --kubeconfig= --context=",
		false, "are the hooks in order", hook_status_help, command_hook_status},
	{"hook run", "NAME [-- ARGUMENT...]", "", false, "what the installed hooks call", hook_run_help,
		command_hook_run},
	{"completion", "bash|zsh|fish", "", false, "a completion script for your shell", completion_help,
		command_completion},
	{"version", "", "", false, "the version of this program", version_help, command_version},
};

const size_t command_count = COUNT_OF(commands);
