"""What of a server is not the agent's, before and after a pass.

`Picture` is everything that says something about roles: the roles, their memberships, settings and comments, who owns what, and each
privilege in each access control list. `changed(before, after, ours)` is what differs of it where it is about roles that are not ours:
nothing may.
"""

ACLS = [  # what, its key, owner, list, acldefault's letter
    ("pg_class", "oid, 0", "relowner", "COALESCE(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", relowner))"),
    ("pg_attribute a JOIN pg_class c ON c.oid = attrelid", "attrelid, attnum", "relowner", "attacl"),
    ("pg_proc", "oid, 0", "proowner", "COALESCE(proacl, acldefault('f', proowner))"),
    ("pg_type", "oid, 0", "typowner", "COALESCE(typacl, acldefault('T', typowner))"),
    ("pg_namespace", "oid, 0", "nspowner", "COALESCE(nspacl, acldefault('n', nspowner))"),
    ("pg_language", "oid, 0", "lanowner", "COALESCE(lanacl, acldefault('l', lanowner))"),
    ("pg_foreign_server", "oid, 0", "srvowner", "COALESCE(srvacl, acldefault('S', srvowner))"),
    ("pg_foreign_data_wrapper", "oid, 0", "fdwowner", "COALESCE(fdwacl, acldefault('F', fdwowner))"),
    ("pg_largeobject_metadata", "oid, 0", "lomowner", "COALESCE(lomacl, acldefault('L', lomowner))"),
    ("pg_default_acl d", "d.defaclrole, defaclnamespace::int8 * 128 + ascii(defaclobjtype::text)", "d.defaclrole", "defaclacl"),
]
# Where no schema is named, no row says what acldefault() does, and a row may say just that.
EVERYWHERE = ("(SELECT r.oid AS owner, k.kind, (SELECT defaclacl FROM pg_default_acl WHERE defaclrole = r.oid AND defaclnamespace = 0"
              " AND defaclobjtype = k.kind) AS acl FROM pg_roles r, unnest('{r,S,f,T,n}'::\"char\"[]) AS k (kind)) AS everywhere",
              "owner, ascii(kind::text)", "owner", "COALESCE(acl, acldefault(CASE kind WHEN 'S' THEN 's' ELSE kind END, owner))")
DATABASE_ACL = ("pg_database", "oid, 0", "datdba", "COALESCE(datacl, acldefault('d', datdba))")


def exploded(source):
    table, key, owner, acl = source
    return (f"SELECT '{table.split()[0] if table[0] != '(' else 'pg_default_acl'}', {key}, {owner}, x.grantor, x.grantee, x.privilege_type, x.is_grantable"
            f" FROM {table}, aclexplode({acl}) x WHERE NOT ({str(table in ('pg_class', 'pg_type', 'pg_proc')).lower()}"
            f" AND {'oid' if key.startswith('oid') else '0'} < 16384)" + (" AND defaclnamespace <> 0" if acl == "defaclacl" else ""))


def is_given_on(acl, ours, given):
    return acl[5] != acl[4] and (acl[5] in ours or (*acl[:4], acl[7], acl[5]) in given)


class Picture:
    def __init__(self, connections, major):
        cluster = connections["postgres"]
        options = ", inherit_option, set_option" if major >= 16 else ""

        def ask(sql, session=cluster):
            return session.execute(sql).fetchall()

        self.roles = {row[0]: row for row in ask(
            "SELECT oid, rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,"
            " rolconnlimit, rolvaliduntil::text, rolpassword, shobj_description(oid, 'pg_authid') FROM pg_authid")}
        self.members = ask(f"SELECT roleid, member, {'grantor' if major >= 16 else '0'}, admin_option{options} FROM pg_auth_members")
        self.settings = ask("SELECT setdatabase, setrole, setconfig FROM pg_db_role_setting")
        self.databases = dict(ask("SELECT datname::text, oid FROM pg_database"))
        self.acls = [(0, *row) for row in ask(exploded(DATABASE_ACL))]
        self.owners = []
        for number, (database, session) in enumerate(sorted(connections.items()), 1):
            self.acls += [(number, *row) for source in (*ACLS, EVERYWHERE) for row in ask(exploded(source), session)]
            self.owners += ask(
                "SELECT dbid, classid, objid, refobjid FROM pg_shdepend WHERE refclassid = 1260 AND classid <> 826 AND deptype = 'o' AND dbid IN"
                " (0, (SELECT oid FROM pg_database WHERE datname = current_database()))", session)

    def given_on(self, ours):
        """Privileges by ours, and by who was given them by those: with the right to give them on they go."""
        given, more = set(), True
        while more:
            found = {(*acl[:4], acl[7], acl[6]) for acl in self.acls if is_given_on(acl, ours, given)}
            more, given = found - given, given | found
        return given

    def with_admin(self, ours):
        """The same of memberships."""
        given, more = set(), True
        while more:
            found = {(role, member) for role, member, grantor, *_ in self.members if grantor in ours or (role, grantor) in given}
            more, given = found - given, given | found
        return given

    def of_others(self, ours, given_on, with_admin):
        """As a set, without what is about roles in `ours` alone."""
        def known(acl):
            _, what, _, _, owner, _, grantee, *_ = acl
            if grantee in ours or is_given_on(acl, ours, given_on) or (what == "pg_default_acl" and owner in ours):
                return False
            return grantee != owner or owner not in ours

        return ({("role", *map(str, row)) for oid, row in self.roles.items() if oid not in ours}
                | {("member", *map(str, row)) for row in self.members
                   if row[1] not in ours and row[2] not in ours and row[0] in self.roles and tuple(row[:2]) not in with_admin}
                | {("setting", *map(str, row)) for row in self.settings if row[1] not in ours}
                | {("owner", *row) for row in self.owners if row[3] not in ours}
                | {("acl", *acl[:4], "owner" if acl[5] == acl[4] else acl[5], *acl[6:]) for acl in self.acls if known(acl)})


def changed(before, after, ours, databases=()):
    """What is gone and what is new, of roles that are not ours (OIDs, before or after), and of databases that are not listed."""
    listed = {str(before.databases[name]) for name in databases if name in before.databases}

    def is_listed(row):
        return (row[0] == "acl" and row[2] == "pg_database" and str(row[3]) in listed) or (
            row[0] == "owner" and row[2] == 1262 and str(row[3]) in listed)

    gone = {oid for oid in before.roles if oid not in after.roles}
    made = {oid for oid in after.roles if oid not in before.roles}
    wrong = {("dropped", *map(str, before.roles[oid])) for oid in gone - ours}
    ours_now, pictures = ours | made, (before, after)
    # What is about ours in one picture is so in both: who has it from two loses one of them.
    given_on = set.union(*(one.given_on(ours_now) for one in pictures))
    with_admin = set.union(*(one.with_admin(ours_now) for one in pictures))
    left = [one.of_others(ours_now, given_on, with_admin) for one in pictures]
    with_the_dropped = {row for row in left[0] if row[0] == "member" and int(row[1]) in gone}
    return sorted(map(str, {row for row in left[0] ^ left[1] if not is_listed(row)} - with_the_dropped | wrong))
