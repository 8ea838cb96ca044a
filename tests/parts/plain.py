"""An agent without superuser, as on a managed service: what README, "Without superuser", gives it, given by the service's administrator.

    users = plain_users(server)
    users.apply([...]).good()
"""

import pathlib
import re

from parts.roles import Users

README = pathlib.Path(__file__).resolve().parents[2] / "README.md"
PASSWORD = "agent's own"


def section(language="sql"):
    """The blocks of README's section, in their order."""
    text = README.read_text(encoding="utf-8").split("### Without superuser\n")[1].split("\n##")[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


def administrator(server):
    """The role that a managed service gives its customer: it owns the databases, makes roles and databases, and is no superuser."""
    server.run("CREATE ROLE administrator LOGIN CREATEROLE CREATEDB PASSWORD 'administrator'", "ALTER DATABASE postgres OWNER TO administrator")
    return server.connect(user="administrator", password="administrator")


def install(server):
    """Makes the role `pgitops` as README says, by the administrator."""
    with administrator(server) as session:
        session.execute(section()[0].replace("SECRET", PASSWORD.replace("'", "''")))


def plain_users(server, **request):
    install(server)
    return Users(server, connection=server.conninfo(user="pgitops"), password=PASSWORD, **request)
