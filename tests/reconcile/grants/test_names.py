"""Names of roles and schemas in what the catalogs are asked, where a database's encoding does not have them."""

import pytest

from parts.grants import Grants


def may(server, role, what, *arguments):
    places = ", ".join(["%s"] * (len(arguments) + 1))
    return server.value(f"SELECT pg_catalog.has_{what}_privilege({places})", [role, *arguments], database="shop")


@pytest.mark.parametrize("at", ["postgres", "shop"])
@pytest.mark.parametrize("server", [13, 18], indirect=True)
def test_a_name_that_a_databases_encoding_does_not_have_is_told_and_keeps_no_other_back(server, at):
    """Of several bytes a character, and not UTF-8: the server refuses the whole message for one such name."""
    server.run("CREATE ROLE owner NOLOGIN", "CREATE ROLE readers NOLOGIN", "CREATE ROLE \"\u8868x\" NOLOGIN",
               "CREATE DATABASE shop OWNER owner ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    server.run("SET ROLE owner", "CREATE SCHEMA s", "CREATE TABLE s.t (a int)", "CREATE TABLE s.u (a int)", database="shop")
    grants = Grants(server, ["readers", "\u8868x"])
    grants.database = at
    grants.want("shop", "readers", "schema", "USAGE", name="s")
    grants.want("shop", "readers", "tables", "SELECT", schema="s", name="t")
    grants.want("shop", "\u8868x", "tables", "SELECT", schema="s", name="t")
    grants.want("shop", "readers", "tables", "SELECT", schema="s", name="\u8868")
    grants.want("shop", "readers", "tables", "INSERT", schema="\u8868", name="*")
    grants.want("shop", "readers", "schema", "USAGE", name="\u8868")
    failed = grants.apply().failed()
    assert set(failed) == {"readers", "\u8868x"} and all("EUC_JP" in error or "\u8868" in error for error in failed.values()), failed
    assert may(server, "readers", "table", "s.t", "SELECT") and may(server, "readers", "schema", "s", "USAGE")
    assert not may(server, "readers", "table", "s.u", "SELECT")
    server.run("REVOKE SELECT ON s.t FROM readers", "GRANT SELECT ON s.u TO readers", database="shop")
    grants.apply()
    assert may(server, "readers", "table", "s.t", "SELECT") and not may(server, "readers", "table", "s.u", "SELECT")
