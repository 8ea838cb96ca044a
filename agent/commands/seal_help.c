#include "agent/commands/seal_help.h"

/* Of all commands that ask a cluster without an agent, as kubectl and kubeseal have them. */
#define CLUSTER_HELP                                                                                                               \
	"  --controller-name NAME, --controller-namespace NS\n"                                                                    \
	"  --kubeconfig FILE, --context NAME, --cluster NAME, --user NAME, --tls-server-name, --proxy-url, --request-timeout D,\n" \
	"  --certificate-authority, --client-certificate, --client-key, --insecure-skip-tls-verify, --as, --as-group, --as-uid,\n" \
	"  --token: as kubectl has them\n\n"

const char seal_help[] =
	"Reads Secrets (YAML or JSON, several documents, Lists) and writes SealedSecrets that only the cluster can open, as\n"
	"kubeseal does. Without -f and -w: stdin and stdout. YAML when -o or the name of the file says so, else JSON.\n\n"
	"  -f FILE, -w FILE         input and output; the output is replaced as a whole or not at all\n"
	"  --cert FILE|URL          the certificate; else SEALED_SECRETS_CERT, pub-cert.pem here or above, the cluster's\n"
	"  --ca FILE                who signed the https server of --cert\n"
	"  --from-cluster           ask the cluster for it, whatever lies here\n"
	"  --scope SCOPE            strict (bound to namespace and name), namespace-wide or cluster-wide\n"
	"  --name, --namespace, -n  what the Secret does not say\n"
	"  --raw                    one value instead of a Secret, from stdin or --from-file FILE\n"
	"  --merge-into FILE        put the items into this SealedSecret, the others keep their ciphertext\n"
	"  --re-encrypt             SealedSecrets to the newest key, by the controller or with --private-key KEY[,KEY...]\n"
	"  --validate               can the controller open these SealedSecrets? Exit code 1 when not\n"
	"  --fetch-cert             as `pgitops seal cert`; --recovery-unseal: as `pgitops unseal`\n"
	"  --allow-empty-data       a Secret without any item is no mistake\n"
	"  --format json|yaml       as -o; --recovery-private-key KEY: as --private-key. Every option of kubeseal works or says what\n"
	"                           to use: see README\n" CLUSTER_HELP "Examples:\n"
	"  pgitops seal -f secret.yaml -w sealed.yaml --cert pub-cert.pem\n"
	"  kubectl create secret generic x --dry-run=client --from-file=token -o yaml | pgitops seal -o yaml\n"
	"  printf %s \"$value\" | pgitops seal --raw --namespace team --name x\n";

const char seal_users_help[] =
	"Makes users.yaml (no passwords) and sealed-users.yaml of edit-users.yaml. Only what changed is sealed: a user without\n"
	"password keeps the sealed one, one who is gone loses it, all other bytes stay. Which files: .pgitops.yaml at the root,\n"
	"else every edit-users.yaml of the repository, with the pub-cert.pem beside it or above.\n\n"
	"What others changed in users.yaml comes into the edit file, user by user. A user with a password is never taken out of it,\n"
	"and nobody is taken out of Git who was not in a sealed state of it. Where both changed the same user nothing is done.\n\n"
	"  --commit MESSAGE   stage both files and commit them\n"
	"  --stage            stage both files\n"
	"  --resolve          where both changed the same user the edit file is right; who is in it alone is sealed, too. In a merge\n"
	"                     or rebase with conflicts, or with their markers in the files: both sides become one, user by user\n"
	"  --generate         whoever has no password gets one, 32 letters and digits that are shown nowhere: it stands in the edit\n"
	"                     file and is sealed as usual. Of who says `password: {generate: true}` it is only sealed; without this\n"
	"                     option the agent makes theirs. With USER... of these alone (a word that is no file is a user)\n"
	"  --all              seal every given password anew, after a change of the certificate\n"
	"  --cert FILE        another certificate\n"
	"  --dry-run          only say what would be done\n\n"
	"Examples:\n"
	"  pgitops seal users\n"
	"  pgitops seal users --commit 'Add carol'\n"
	"  pgitops seal users --generate carol --commit 'Add carol'\n";

const char seal_cert_help[] =
	"Prints the certificate that the controller seals with now, and on stderr its key, fingerprint and dates. It is remembered,\n"
	"so that `pgitops seal` can say when another one is used.\n\n"
	"In a clone its key is one that passwords may be sealed with. A pub-cert.pem of another key than this clone has sealed with, as\n"
	"a pull may bring it, is refused by everything that seals until it is the cluster's or --trust names it.\n\n"
	"  -w FILE             write it there\n"
	"  --trust FINGERPRINT this clone takes it from now on: compare it first with whoever changed the file\n"
	"  --cert FILE|URL     look at this one instead; --ca FILE: who signed the https server\n" CLUSTER_HELP
	"Examples:\n"
	"  pgitops seal cert -w pub-cert.pem\n"
	"  pgitops seal cert --cert pub-cert.pem -o json\n"
	"  pgitops seal cert --trust 3f0c...\n";

const char seal_keys_help[] =
	"Says for each value which key opens it, whether that key is near rotation, and why a value does not open: for which\n"
	"namespace and name it was sealed. Exit code 1 when one does not. Without --private-key: the cluster's key Secrets.\n\n"
	"  --private-key KEY[,KEY...]   PEM files, key Secrets, folders of them\n" CLUSTER_HELP "Examples:\n"
	"  pgitops seal keys sealed-users.yaml\n"
	"  pgitops seal keys */sealed*.yaml --private-key backup.yaml -o json\n";

const char seal_keys_new_help[] =
	"Makes a private key and its certificate as the Sealed Secrets controller does, where none runs: the Secret that the agent opens\n"
	"passwords with, and pub-cert.pem to seal with. Neither replaces what is there. The key is shown by `-w -` alone.\n\n"
	"  -w FILE              its Secret, mode 0600: a file outside of Git\n"
	"  --apply              make the Secret in the cluster (as well as, or instead of, -w)\n"
	"  --pub-cert FILE      where the certificate goes (default: pub-cert.pem here)\n"
	"  --name, --namespace, -n   of the Secret (default: argocd/pgitops-sealing-key, which install.yaml mounts). A controller finds it\n"
	"                       in its own namespace, kube-system, under any name, when it starts\n"
	"  --bits N, --days N, --cn NAME   of the key and its certificate (default: 4096, 3650, no name)\n" CLUSTER_HELP
	"A file that is called `new` is given to `seal keys` as ./new.\n\n"
	"Examples:\n"
	"  pgitops seal keys new --apply -w ~/backup/sealing-key.yaml\n"
	"  pgitops seal keys new -w keys/first.yaml\n"
	"  pgitops seal keys new --namespace kube-system --name sealed-secrets-key-mine --apply\n";

const char unseal_help[] =
	"Opens SealedSecrets and prints the Secrets. Keys are tried in order, as the controller does; without --private-key the\n"
	"cluster's key Secrets are. Templates are not rendered.\n\n"
	"  -f FILE, -w FILE             input and output (mode 0600)\n"
	"  --private-key KEY[,KEY...]   PEM files, key Secrets, folders of them; further words are keys too\n" CLUSTER_HELP
	"Examples:\n"
	"  pgitops unseal -f sealed.yaml --private-key key.pem\n"
	"  pgitops unseal -f sealed.yaml --private-key backup/ -o json\n";
