"""users.yaml as it stands in Git, for the tests of the whole agent."""


def config_map(text):
    """The ConfigMap with this text as its users.yaml."""
    return ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: postgres-users-config, namespace: postgres}\ndata:\n  users.yaml: |\n"
            + "".join(f"    {line}\n" for line in text.splitlines()))


def version_2(*entries, more="defaults: {database: app}"):
    """One with these entries, each a line; `more` is what stands above them."""
    return config_map("\n".join(["version: 2", *([more] if more else []), "users:", *(f"- {entry}" for entry in entries)]))
