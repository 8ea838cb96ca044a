#include "reconcile/source/signature.h"

#include <string.h>

#include "base/text.h"
#include "reconcile/source/allowed_signers.h"
#include "reconcile/source/sshsig.h"

/* A commit's message is part of it; nobody signs one that is larger. */
enum { PAYLOAD_BYTES = 1024 * 1024 };

static bool copy_parts(const struct repository *repository, const git_oid *commit,
	struct signature *signature, struct error *err)
{
	git_buf text = GIT_BUF_INIT, payload = GIT_BUF_INIT;
	git_oid id = *commit;
	int code = git_commit_extract_signature(&text, &payload, repository->git, &id, NULL);
	if (!code && text.size <= PAYLOAD_BYTES && payload.size <= PAYLOAD_BYTES)
		*signature = (struct signature){
			.text = arena_copy_n(repository->mem, text.ptr, text.size),
			.text_length = text.size,
			.payload = arena_copy_n(repository->mem, payload.ptr, payload.size),
			.payload_length = payload.size,
		};
	else if (!code)
		error_set(err, ERROR_INVALID, "is larger than %d bytes, so its signature is not looked at",
			PAYLOAD_BYTES);
	else if (code == GIT_ENOTFOUND)
		error_set(err, ERROR_INVALID,
			"is not signed, and the commits of this repository have to be (signatures in the agent file): "
			"sign it, as `git commit -S` does");
	else
		repository_error(err, ERROR_RETRY, "cannot be read");
	git_buf_dispose(&text);
	git_buf_dispose(&payload);
	return !code && signature->text;
}

static int64_t time_of(const struct repository *repository, const git_oid *id)
{
	git_commit *commit = NULL;
	if (git_commit_lookup(&commit, repository->git, id))
		return 0;
	int64_t time = git_commit_time(commit);
	git_commit_free(commit);
	return time;
}

static bool check_ssh(const struct repository *repository, const git_oid *commit,
	const struct source_signers *signers, struct signature *signature, struct error *err)
{
	struct sshsig sig;
	struct allowed_signers allowed = {0};
	bool expired;
	if (!sshsig_read(signature->text, signature->text_length, repository->mem, &sig, err))
		return false;
	if (!signers->allowed)
		return error_set(err, ERROR_INVALID,
			"is signed with the ssh key %s, and no ssh keys may sign: name a file of them in signatures.sshKeys of "
			"the agent file",
			sig.fingerprint);
	if (!allowed_signers_read(signers->allowed, repository->mem, &allowed, err))
		return error_prefix(err, "cannot be judged: %s", signers->ssh_keys);
	const struct allowed_signer *signer =
		allowed_signers_find(&allowed, sig.key, sig.key_length, time_of(repository, commit), &expired);
	if (!signer)
		return error_set(err, ERROR_INVALID, "is signed with the ssh key %s, which %s in %s",
			sig.fingerprint,
			expired ? "may not sign at the commit's time, as it stands" : "does not stand",
			signers->ssh_keys);
	if (!sshsig_verify(&sig, signature->payload, signature->payload_length, err))
		return error_prefix(err, "claims the ssh key %s", sig.fingerprint);
	signature->signer = arena_printf(repository->mem, "%s (ssh %s)", signer->principals, sig.fingerprint);
	return true;
}

static bool check(const struct repository *repository, const git_oid *commit,
	const struct source_signers *signers, struct signature *signature, struct error *err)
{
	if (!copy_parts(repository, commit, signature, err))
		return false;
	if (text_starts(signature->text, "-----BEGIN SSH SIGNATURE-----"))
		return check_ssh(repository, commit, signers, signature, err);
	if (!text_starts(signature->text, "-----BEGIN PGP "))
		return error_set(err, ERROR_INVALID,
			"has a signature that is neither of ssh nor of GPG: X.509 is not supported");
	return signers->gpg_keys ||
		error_set(err, ERROR_INVALID,
			"is signed with a GPG key, and none may sign: name the public keys in signatures.gpgKeys of the agent "
			"file");
}

bool signature_check(const struct repository *repository, const git_oid *commit,
	const struct source_signers *signers, struct signature *signature, struct error *err)
{
	struct signature found = {0};
	struct error why = {0};
	if (!check(repository, commit, signers, &found, &why))
		return error_set(err, why.kind, "commit %s %s", git_oid_tostr_s(commit), why.text);
	*signature = found;
	return true;
}
