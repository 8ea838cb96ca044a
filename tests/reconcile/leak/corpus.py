"""200 files of public shapes: what people really commit beside a GitOps repository, good and bad.

Every value is invented and says so. Bad files are of the nets `known` (a password of the clone) or `structure`; of the good ones none may be
refused. Warnings are no refusal.
"""

import base64
import html
import json
import urllib.parse

PASSWORDS = {"bob": "invented \"blue\" kestrel & 42%", "ute": "erfundene-grünspan-Ärger-7", "kim": "inventedKestrel7"}
B, U, K = PASSWORDS.values()
FAKE = "invented-value-9"
FAKE64 = base64.b64encode(FAKE.encode()).decode()
SEALED = "AgBy" + "InventedCiphertext" * 45 + "AA=="
SEALED = SEALED[: len(SEALED) // 4 * 4]


def b64(data, before=b""):
    return base64.b64encode(before + (data.encode() if isinstance(data, str) else data)).decode()


def broken(text, width=20, before=""):
    return "\n".join(before + text[at:at + width] for at in range(0, len(text), width))


def secret(value="token: " + FAKE, field="stringData", version="apiVersion: v1\n"):
    return f"{version}kind: Secret\nmetadata:\n  name: demo\n  namespace: demo\ntype: Opaque\n{field}:\n  {value}\n"


def users(name="username", password=FAKE):
    return f"users:\n  - {name}: dora\n    database: demo\n    password: {password}\n    roles:\n      - read\n"


def sealed(encrypted="password: " + SEALED, template=""):
    return (f"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: demo\nspec:\n  encryptedData:\n    {encrypted}\n"
            f"  template:\n    metadata:\n      name: demo\n{template}")


def fenced(text, language="yaml"):
    return f"# How to\n\nApply this:\n\n```{language}\n{text}```\n\nThen look.\n"


def indent(text, by="    "):
    return "".join(by + line for line in text.splitlines(True))


def configmap(key, text):
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: demo\ndata:\n  {key}: |\n{indent(text)}"


SECRET_JSON = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "demo"}, "data": {"token": FAKE64}})
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
filler = "".join(f"line {number}: nothing but filler\n" for number in range(105000))  # more than 3 MiB

KNOWN = {
    "readme.md": f"the password is {B}.\n", "note.txt": f"x\nx\n{K}\n", "umlaut.txt": U, "program.go": f"const p = `{B}`\n",
    "windows.txt": f"a\r\n{B}\r\nb\r\n", "latin.txt": f"geheim: {U}\n".encode("latin-1"), "utf8-bom.txt": f"\ufeff{K}",
    "binary.bin": b"\x00\x01\x02\xff" * 200 + K.encode() + b"\x00\x00", "nul.txt": "\0".join(K).encode() + b"\0 ",
    "nul2.yaml": f"a: {K[:5]}\0{K[5:]}\n".encode(),
    "powershell.txt": f"$p = '{B}'\r\n".encode("utf-16"), "utf16le.txt": f"pass {K} and more\n".encode("utf-16-le"),
    "utf16be.txt": f"pass {K} and more\n".encode("utf-16-be"), "utf16-umlaut.ps1": f"$p = '{U}'\r\n".encode("utf-16"),
    "utf16be-bom.txt": b"\xfe\xff" + U.encode("utf-16-be"),
    "base64-0.txt": b64(B), "base64-1.txt": "x: " + b64(B, b"1"), "base64-2.txt": "x: " + b64(B, b"12"),
    "base64-umlaut.json": json.dumps({"x": b64(U)}), "base64-in-path.txt": "GET /a/b/" + b64(K, b"abc"),
    "base64-lines.txt": broken(b64("x" * 31 + B + "y" * 40)), "base64-yaml.yaml": "x: |\n" + broken(b64("y" * 20 + K + "y" * 40), 16, "    "),
    "base64-comment.py": broken(b64(B + "y" * 40), 16, "# "), "base64-crlf.txt": broken(b64(B * 2), 16).replace("\n", "\r\n"),
    "base64-array.ts": "[\n" + "".join(f'  "{part}",\n' for part in broken(b64(B * 2), 16).split("\n")) + "]",
    "base64-urlsafe.txt": base64.urlsafe_b64encode(("??>>" + U + "??>>").encode()).decode(),
    "base64-twice.txt": b64(b64(B)), "base64-twice-offset.yaml": "x: " + b64(b64(K, b"a"), b"bc"), "base64-thrice.txt": b64(b64(b64(K))),
    "base64-json.txt": b64(json.dumps({"password": B})), "json-base64-json.json": json.dumps({"a": b64(json.dumps({"p": U}))}),
    "docker.json": json.dumps({"auths": {"registry.invalid": {"auth": b64("bob:" + B)}}}), "basic.http": "Authorization: Basic " + b64("kim:" + K),
    "encoded-command.bat": "powershell -EncodedCommand " + base64.b64encode(f"$p = '{B}'".encode("utf-16-le")).decode(),
    "dotenv": f"PASSWORD='{B}'\n", "url.txt": "postgres://bob:" + urllib.parse.quote(B, safe="") + "@host/db",
    "form.txt": "p=" + urllib.parse.quote_plus(B), "url-lower.txt": urllib.parse.quote(U).replace("%C3", "%c3"),
    "url-all.txt": "".join(f"%{byte:02X}" for byte in B.encode()), "string.json": json.dumps({"p": B}),
    "ascii.json": json.dumps({"p": U}), "unicode.json": '{"p": "' + "".join(f"\\u{ord(c):04x}" for c in B) + '"}',
    "go.json": json.dumps({"p": B}).replace("&", "\\u0026"), "json-in-json.json": json.dumps({"p": json.dumps({"q": B})}),
    "hex-escapes.c": 'char p[] = "' + "".join(f"\\x{byte:02x}" for byte in K.encode()) + '";', "page.html": f"<p>{html.escape(B)}</p>",
    "numeric.xml": "<p>" + "".join(f"&#{ord(c)};" for c in B) + "</p>", "double.yaml": f"p: {json.dumps(B)}\n", "folded.tf": f"p = \"{K}\"\n",
    "large.log": filler + B, "large-middle.log": filler[:3000000] + K + filler[3000000:],
    "template.yaml": secret(f"a: {b64(b64(B))}", "data"), "sealed.yaml": sealed(template=f"    data:\n      a: '{K}'\n"),
}

BAD = {
    "plain.yaml": secret(), "data.yaml": secret(f"token: {FAKE64}", "data"), "no-version.yaml": secret(version=""), "secret.yml": secret("a: 12345"),
    "comment.yaml": secret().replace("Secret", "Secret # x"), "crlf.yaml": secret().replace("\n", "\r\n"), "cr.yaml": secret().replace("\n", "\r"),
    "quoted.yaml": secret().replace("kind: Secret", "'kind' : \"Secret\""), "tag.yaml": secret().replace("kind: Secret", "kind: !!str Secret"),
    "custom-tag.yaml": secret("token: !reveal " + FAKE), "binary-tag.yaml": secret("token: !!binary " + FAKE64, "data"),
    "duplicate.yaml": secret("token: a-invented\n  token: " + FAKE), "duplicate-kind.yaml": secret() + "kind: Secret\n",
    "helm.yaml": "{{- if .Values.on }}\n" + secret() + "{{- end }}\n", "helm-name.yaml": secret().replace("name: demo", 'name: {{ include "x" . }}'),
    "helm-mixed.yaml": secret("a: {{ .Values.a }}\n  {{- if .b }}\n  token: " + FAKE + "\n  {{- end }}"), "latin.yaml": secret("a: Gr\xfc\xdfe1").encode("latin-1"),
    "utf16.yaml": secret().encode("utf-16"), "utf16be.yaml": secret().encode("utf-16-be"), "nul.yaml": secret().encode() + b"\0",
    "nul-inside.yaml": secret().replace("Secret", "Sec\0ret").encode(), "tabs.yaml": secret().replace("  token", "\ttoken"),
    "conflict.yaml": "<<<<<<< HEAD\n" + secret() + "=======\n" + secret("b: other-invented") + ">>>>>>> b\n", "indented.yaml": "  " + secret(),
    "second.yaml": "a: b\n---\n" + secret(), "crd-first.yaml": "a: [b\n---\n" + secret(), "list.yaml": "apiVersion: v1\nkind: List\nitems:\n  - " + indent(secret(), "    ").lstrip(),
    "flow.yaml": "{apiVersion: v1, kind: Secret, stringData: {token: " + FAKE + "}}", "broken-flow.yaml": "{apiVersion: v1, kind: Secret, stringData: {token: " + FAKE,
    "secret.json": SECRET_JSON, "pretty.json": json.dumps(json.loads(SECRET_JSON), indent=2), "comma.json": SECRET_JSON[:-1] + ",}", "cut.json": SECRET_JSON[:-2],
    "list.json": json.dumps({"kind": "List", "items": [json.loads(SECRET_JSON)]}), "two.json": SECRET_JSON + "\n" + SECRET_JSON, "json-with-bom.json": "\ufeff" + SECRET_JSON,
    "block.yaml": secret("key: |\n    -----BEGIN PRIVATE KEY-----\n    SW52ZW50ZWQ=\n    -----END PRIVATE KEY-----"),
    "sorted.yaml": f"apiVersion: v1\ndata:\n  token: {FAKE64}\nkind: Secret\nmetadata:\n  name: demo\n", "anchor.yaml": f"x: &a {FAKE}\n---\n" + secret("token: " + FAKE),
    "alias.yaml": f"x: &a {{token: {FAKE}}}\napiVersion: v1\nkind: Secret\nstringData: *a\n", "commented.yaml": indent(secret(), "# "), "old.yaml.bak": secret(),
    "secret": secret(), "secret.txt": secret(), "stdin.tmpl": "{{ x }}\n" + secret(), "large.yaml": "# x\n" * 800000 + secret(),
    "annotation.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations:\n    {LAST_APPLIED}: |\n      {SECRET_JSON}\n",
    "annotation-quoted.yaml": f"kind: ConfigMap\nmetadata:\n  annotations:\n    {LAST_APPLIED}: {json.dumps(SECRET_JSON)}\n",
    "in-configmap.yaml": configmap("secret.yaml", secret()), "in-configmap-base64.yaml": f"kind: ConfigMap\nbinaryData:\n  a: {b64(secret())}\n",
    "in-argocd.yaml": "kind: Application\nspec:\n  source:\n    helm:\n      values: |\n" + indent(users(), "        "), "readme.md": fenced(secret()),
    "quote.md": indent(secret(), "> "), "kubectl.sh": "kubectl apply -f - <<EOF\n" + secret() + "EOF\n", "fixture.go": "package x\nvar y = `" + secret() + "`\n",
    "fixture.py": "X = '''\n" + indent(secret()) + "'''\n", "object.ts": f"const s = {{\n  apiVersion: 'v1',\n  kind: 'Secret',\n  stringData: {{\n    token: '{FAKE}',\n  }},\n}};\n",
    "dict.py": f'S = {{"apiVersion": "v1", "kind": "Secret", "data": {{"token": "{FAKE64}"}}}}\n', "string.js": "const s = " + json.dumps(SECRET_JSON) + ";\n",
    "add.patch": "--- /dev/null\n+++ b/x.yaml\n@@ -0,0 +1,9 @@\n" + indent(secret(), "+"), "jsonnet.jsonnet": f"{{ apiVersion: 'v1', kind: 'Secret', stringData: {{ token: '{FAKE}' }} }}",
    "sealed-plain.yaml": sealed("password: " + FAKE), "sealed-base64.yaml": sealed("password: " + FAKE64), "sealed-one-plain.yaml": sealed(f"a: {SEALED}\n    b: {FAKE}"),
    "sealed-template.yaml": sealed(template=f"    data:\n      token: {FAKE}\n"), "sealed-stringdata.yaml": sealed(template=f"    stringData:\n      token: {FAKE}\n"),
    "sealed-config.yaml": sealed(template=f"    data:\n      app.ini: |\n        user = a\n        password = {FAKE}\n"),
    "sealed-helm.yaml": "{{ if x }}\n" + sealed("password: " + FAKE) + "{{ end }}\n", "sealed-crlf.yaml": sealed("password: " + FAKE).replace("\n", "\r\n"),
    "sealed-spec-data.yaml": f"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec:\n  data: {FAKE64}\n",
    "sealed-last-applied.yaml": sealed(template=f"      annotations:\n        {LAST_APPLIED}: '{SECRET_JSON}'\n"),
    "sealed.json": json.dumps({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "spec": {"encryptedData": {"a": FAKE}}}),
    "users.yaml": users(), "users-configmap.yaml": configmap("users.yaml", users()), "users.txt": users(), "my users": users(), "users-name.yaml": users("name"),
    "users-broken.yaml": users().replace("    password", "     password"), "users-tab.yaml": users() + "\tx\n", "users-helm.yaml": "{{ a }}\n" + users(),
    "users-dup.yaml": users() + users(), "users-utf16.yaml": users().encode("utf-16"), "users-crlf.yaml": users().replace("\n", "\r\n"), "users.json": json.dumps({"users": [{"username": "dora", "passwd": FAKE}]}),
    "users-comma.json": '{"users": [{"username": "dora", "password": "' + FAKE + '"},]', "users-commented.yaml": indent(users(), "# "),
    "users-old.yaml": "users:\n  - username: dora\n    # password: old-invented-1\n    database: demo\n",
    "users-trailing.yaml": "users:\n  - username: dora # password: old-invented-1\n    database: demo\n", "users-number.yaml": users(password="12345678"),
    "kubeconfig": f"apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: a\n  user:\n    token: {FAKE}\n",
    "kubeconfig.yaml": f"apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: a\n  user:\n    client-key-data: {FAKE64}\n",
    "kustomization.yaml": f"secretGenerator:\n- name: a\n  literals:\n  - token={FAKE}\n", "changeme.yaml": secret("token: changeme"),
    "users-map.yaml": f"users:\n  dora:\n    username: dora\n    password: {FAKE}\n",
    "secret-list.yaml": f"apiVersion: v1\nkind: SecretList\nitems:\n- metadata: {{name: a}}\n  data: {{a: {FAKE64}}}\n",
    "two-fixtures.go": "var a = `" + secret("a: ${A}") + "`\n\nvar b = `" + secret() + "`\n", "entity.html": "<pre>" + html.escape(SECRET_JSON) + "</pre>",
    "url.txt": urllib.parse.quote(SECRET_JSON), "users-base64.sh": "echo " + b64(users()) + " | base64 -d\n", "utf32.yaml": secret().encode("utf-32"),
}

GOOD = {
    "empty.yaml": "", "empty-secret.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {}\n", "no-value.yaml": secret("a: ''"),
    "token.yaml": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\n  annotations: {kubernetes.io/service-account.name: a}\ntype: kubernetes.io/service-account-token\n",
    "variable.yaml": secret("a: ${TOKEN}"), "variable2.yaml": secret("a: $(TOKEN)"), "variable3.yaml": secret("a: $TOKEN"), "avp.yaml": secret("a: <path:kv/data/x#y>"),
    "avp-data.yaml": secret("a: " + b64("<path:kv/data/x#y>"), "data"), "angle.yaml": secret("a: <your token>"), "replace.yaml": secret("a: REPLACE_ME"),
    "mask.yaml": secret("a: '********'"), "vals.yaml": secret("a: ref+vault://secret/x#/y"), "bank.yaml": secret("a: vault:secret/data/x#y"),
    "onepassword.yaml": secret("a: op://vault/item/field"), "helm.yaml": secret("a: {{ .Values.a | b64enc | quote }}", "data"), "helm-string.yaml": secret('a: "{{ .Values.a }}"'),
    "helm-range.yaml": secret("{{- range $k, $v := .Values.all }}\n  {{ $k }}: {{ $v | b64enc }}\n  {{- end }}", "data"), "helm-to-yaml.yaml": secret("{{- toYaml .Values.all | nindent 2 }}", "data"),
    "jinja.yaml.j2": secret("a: {{ lookup('env', 'A') }}"), "sops.yaml": secret("a: ENC[AES256_GCM,data:aW52,iv:eA==,tag:eA==,type:str]") + "sops:\n  mac: ENC[AES256_GCM,data:eA==,type:str]\n",
    "sops-user.yaml": secret("username: bob\n  password: ENC[AES256_GCM,data:aW52,iv:eA==,tag:eA==,type:str]"), "sops-users.yaml": users(password="ENC[AES256_GCM,data:aW52,type:str]"),
    "sops.json": json.dumps({"kind": "Secret", "data": {"a": "ENC[AES256_GCM,data:x,type:str]"}, "sops": {"version": "3"}}),
    "vault.yaml": "$ANSIBLE_VAULT;1.1;AES256\n61626364\n", "vault-inline.yaml": "users:\n  - name: a\n    password: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      6162\n",
    "certificate.yaml": secret("ca.crt: |\n    -----BEGIN CERTIFICATE-----\n    SW52ZW50ZWQ=\n    -----END CERTIFICATE-----"), "pub-cert.pem": "-----BEGIN CERTIFICATE-----\nSW52ZW50ZWQ=\n-----END CERTIFICATE-----\n",
    "argocd-repo.yaml": "apiVersion: v1\nkind: Secret\nmetadata:\n  name: r\n  labels:\n    argocd.argoproj.io/secret-type: repository\nstringData:\n  type: git\n  url: https://git.example.org/a.git\n",
    "sealed.yaml": sealed(), "sealed-template.yaml": sealed(template="    data:\n      url: postgres://{{ .user }}:{{ .password }}@host/db\n"),
    "sealed-config.yaml": sealed(template="    data:\n      app.ini: |\n        host = a\n        password = {{ .password }}\n"), "sealed-repo.yaml": sealed(template="    data:\n      type: git\n      url: https://git.example.org/a.git\n"),
    "sealed-helm.yaml": sealed("password: {{ .Values.sealed }}"), "sealed-docs.md": fenced(sealed("password: AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq.....")),
    "sealed.json": json.dumps({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "spec": {"encryptedData": {"a": SEALED}}}),
    "external.yaml": "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec:\n  target:\n    template:\n      data:\n        password: '{{ .password }}'\n  data:\n    - secretKey: password\n      remoteRef: {key: a}\n",
    "users.yaml": "users:\n  - username: dora\n    database: demo\n    roles: [read]\n", "users-ref.yaml": users(password="{secretRef: {name: x}}"), "users-null.yaml": users(password=""),
    "users-variable.yaml": users(password="${DORA}"), "users-generate.yaml": users(password="{generate: true}"), "users-comment.yaml": "# passwords are in edit-users.yaml\n" + "users:\n  - username: dora # the password is sealed\n",
    "users-disabled.yaml": "users:\n  - username: dora\n    password_expires: 2030-01-01\n    passwordSecretName: x\n", "postgresql.yaml": "apiVersion: acid.zalan.do/v1\nkind: postgresql\nspec:\n  users:\n    dora: [login]\n  databases: {demo: dora}\n",
    "kubeconfig.yaml": "apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: a\n  user:\n    exec: {command: aws}\n", "kubeconfig-env.yaml": "apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: a\n  user:\n    token: ${TOKEN}\n",
    "kustomization.yaml": "secretGenerator:\n- name: a\n  envs: [secret.env]\n", "role.yaml": "kind: Role\nrules: [{resources: [secrets], verbs: [get]}]\n", "binding.yaml": "kind: RoleBinding\nsubjects:\n- kind: User\n  name: password-admin\n",
    "application.yaml": "kind: Application\nspec:\n  ignoreDifferences:\n  - kind: Secret\n    jsonPointers: [/data]\n", "kyverno.yaml": "kind: ClusterPolicy\nspec:\n  rules:\n  - match: {any: [{resources: {kinds: [Secret]}}]}\n",
    "deployment.yaml": "kind: Deployment\nspec:\n  template:\n    spec:\n      containers:\n      - env:\n        - name: PASSWORD\n          valueFrom: {secretKeyRef: {name: a, key: password}}\n",
    "deployment-volume.yaml": "kind: Pod\nspec:\n  volumes:\n  - secret: {secretName: a}\n    name: a\n", "values.yaml": "auth:\n  username: dora\n  password: \"\"\n  existingSecret: a\n", "values-plain.yaml": f"auth:\n  username: dora\n  password: {FAKE}\n",
    "values-users.yaml": "users:\n  - name: dora\n    passwordSecret: {name: a}\n", "crd.yaml": "kind: CustomResourceDefinition\nspec:\n  versions:\n  - schema:\n      openAPIV3Schema:\n        properties:\n          kind: {type: string}\n          data: {type: object}\n          users: {items: {properties: {username: {type: string}, password: {type: string}}}}\n",
    "openapi.json": json.dumps({"definitions": {"Secret": {"properties": {"kind": {"type": "string"}, "stringData": {"type": "object"}}}}}), "schema.json": json.dumps({"properties": {"users": {"items": {"properties": {"password": {"type": "string"}}}}}}),
    "package.json": json.dumps({"name": "secret-user", "scripts": {"password": "node pass.js --user a"}}), "configmap.yaml": configmap("about", "username and password are in the Secret\n"), "nginx.yaml": configmap("nginx.conf", "user nginx;\nauth_basic_user_file /etc/passwd;\n"),
    "readme.md": "# Login\n\nusername: dora\npassword: see the vault\n\nA Secret holds `password:`.\n", "howto.md": fenced(users()), "howto-env.md": fenced("PGPASSWORD=invented psql\n", "sh"), "placeholder.md": fenced(secret("password: your-password")),
    "changeme.md": fenced(secret("password: changeme")), "helm.md": fenced("auth:\n  password: invented-pass-1\n"), "table.md": "| key | value |\n|---|---|\n| password: | the one of kind: Secret |\n", "part.md": fenced("kind: Secret\ndata:\n  a: b\n"),
    "adoc.adoc": "----\nusers:\n- username: a\n  password: b-invented\n----\n", "login.go": "type User struct {\n\tPassword string `json:\"password\"`\n}\n\nvar u = User{Password: \"invented-pass-2\"}\n", "secret.go": "s := &corev1.Secret{Type: corev1.SecretTypeOpaque}\nkind: Secret\n",
    "client.go": "secret := map[string]any{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"stringData\": map[string]any{\"password\": password}}\n", "login.py": "def login(username, password):\n    users = [{'username': username, 'password': password}]\n    return users\n",
    "kube.py": 'body = {"apiVersion": "v1", "kind": "Secret", "stringData": {"password": os.environ["P"], "user": user}}\n', "format.py": 'body = {"apiVersion": "v1", "kind": "Secret", "stringData": {"password": f"{password}"}}\n',
    "test_login.py": "USERS = [{'username': 'dora', 'password': 'invented-pass-3'}]\n", "login.ts": "interface User { username: string; password: string }\nconst users: User[] = [{ username: 'a', password: pw }];\n",
    "secret.ts": "new k8s.core.v1.Secret('a', { apiVersion: 'v1', kind: 'Secret', stringData: { password: config.requireSecret('p'), user: name } });\n", "object.ts": "const s = {\n  apiVersion: 'v1',\n  kind: 'Secret',\n  stringData: {\n    password: dbPassword,\n  },\n};\n",
    "login.java": "String password = \"invented-pass-4\";\nUser user = new User(password);\n", "seed.sql": "CREATE ROLE dora LOGIN PASSWORD 'invented-pass-5';\n", "main.tf": "resource \"kubernetes_secret\" \"a\" {\n  data = { password = var.password }\n}\n", "create.sh": "kubectl create secret generic a --from-literal=password=\"$PASSWORD\"\n",
    "heredoc.sh": "kubectl apply -f - <<EOF\n" + secret("password: ${PASSWORD}") + "EOF\n", "ci.yml": "jobs:\n  a:\n    env:\n      PASSWORD: ${{ secrets.PASSWORD }}\n    steps:\n    - run: echo user\n", "gitlab.yml": "variables:\n  POSTGRES_USER: runner\n  POSTGRES_PASSWORD: \"\"\n",
    "compose.yaml": "services:\n  db:\n    image: postgres\n    environment:\n      POSTGRES_USER: dora\n      POSTGRES_PASSWORD: ${PASSWORD:?}\nsecrets:\n  a: {file: ./a}\n", "compose-dev.yaml": "services:\n  db:\n    environment:\n      POSTGRES_USER: dev\n      POSTGRES_PASSWORD: dev-invented\n",
    "i18n.json": json.dumps({"login": {"username": "User name", "password": "Password", "secret": "Secret word"}}), "de.yaml": "login:\n  users: Benutzer\n  username: Benutzer\n  password: Passwort\n", "lock.sum": "example.org/secret v1.0.0 h1:" + b64("invented" * 4) + "\n",
    "image.svg": "<svg><image href='data:image/png;base64," + b64(bytes(range(256))) + "'/></svg>", "random.bin": bytes((n * 7919 + n // 3) % 256 for n in range(40000)), "log.txt": "user=dora password=**** Secret read\n", "changelog.md": "- users: password: is refused\n- kind: Secret is read\n",
    "quoted-docs.md": "> kind: Secret\n> stringData: see below\n", "broken.yaml": "a: [b\nc: }\n", "broken-users.yaml": "users:\n- username: a\n   database: b\n", "helm-notes.txt": "Get the password of user {{ .u }}:\n  kubectl get secret {{ .s }} -o jsonpath='{.data.password}'\n",
    "policy.rego": 'deny { input.kind == "Secret"; input.data.password }\n', "dump.sql": "COPY users (username, password) FROM stdin;\n", "k8s.feature": "Given a Secret with password \"invented\"\n", "users-hash.yaml": "users:\n- username: a\n  passwordHash: x-invented\n",
    "example.yaml": "paths:\n  /users:\n    example:\n      users:\n      - username: a\n        password: string\n",
    "sealed-cluster.yaml": sealed().replace("name: demo\nspec", "name: demo\n  annotations: {sealedsecrets.bitnami.com/cluster-wide: 'true'}\nspec"),
}


def cases():
    """(net, path, bytes)"""
    for net, files in (("known", KNOWN), ("structure", BAD), ("innocent", GOOD)):
        for name, text in files.items():
            yield net, f"{net}/{name}", text if isinstance(text, bytes) else text.encode()
