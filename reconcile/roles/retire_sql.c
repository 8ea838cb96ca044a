#include "reconcile/roles/retire_sql.h"

#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/text.h"
#include "reconcile/postgres/sql.h"
#include "reconcile/roles/present.h"

/*
 * Rows of `what` end the transaction. Ten of them are named: the rest of a long list helps nobody. %s stands for the user, as a
 * string, wherever these texts have it; catalogs are named by number where pg_shdepend does.
 */
#define STOP_BEFORE                                                                                             \
	"SELECT CAST('" RETIRE_STOPS "' || string_agg(what, '; ') ||\n"                                         \
	"  CASE WHEN max(number) > 10 THEN '; and ' || (max(number) - 10) || ' more' ELSE '' END AS integer)\n" \
	"FROM (SELECT what, count(*) OVER () AS number FROM (\n"
#define STOP_AFTER "\n) AS found ORDER BY what LIMIT 10) AS first;\n"

#define HERE "(SELECT oid FROM pg_database WHERE datname = current_database())"
#define USER_OID "(SELECT oid FROM pg_roles WHERE rolname = "

/* Sessions end some moments after they are told to; databases and tablespaces have their heir by now, and REASSIGN OWNED would
   give them to this database's. */
static const char anything_else[] =
	"  SELECT 'a session of the user goes on, pid ' || pid AS what FROM pg_stat_activity WHERE usename = %1$s\n"
	"  UNION ALL SELECT pg_describe_object(classid, objid, 0) || ' is still the user''s' FROM pg_shdepend\n"
	"    WHERE refclassid = 1260 AND refobjid = " USER_OID "%1$s) AND deptype = 'o' AND dbid = 0";

/* 2328 foreign-data wrapper, 3466 event trigger, 6104 publication: their owner has to be a superuser. */
static const char only_for_superusers[] =
	"\n  UNION ALL SELECT pg_describe_object(classid, objid, 0) || ' cannot be owned by anyone but a superuser'\n"
	"    FROM pg_shdepend WHERE refclassid = 1260 AND refobjid = " USER_OID "%1$s) AND deptype = 'o'\n"
	"    AND dbid = " HERE " AND (classid IN (2328, 3466) OR classid = 6104\n"
	"    AND EXISTS (SELECT FROM pg_publication p WHERE p.oid = objid AND puballtables))";

static const char heir_is_plain[] =
	"\n  UNION ALL SELECT 'role ' || quote_ident(rolname) || ' has LOGIN, another attribute, a password, a member or '\n"
	"    || 'a membership' FROM pg_roles h WHERE rolname = %2$s AND (rolsuper OR rolcreaterole OR rolcreatedb\n"
	"    OR rolcanlogin OR rolreplication OR rolbypassrls\n"
	"    OR EXISTS (SELECT FROM pg_auth_members m WHERE h.oid IN (m.member, m.roleid)\n"
	"      AND m.member NOT IN (SELECT oid FROM pg_roles WHERE rolname = %4$s)))";

/* Only superusers see it. With NOLOGIN it opens nothing yet. */
static const char heir_has_no_password[] =
	"\n  UNION ALL SELECT 'role ' || quote_ident(rolname) || ' has a password'\n"
	"    FROM pg_authid WHERE rolname = %2$s AND rolpassword IS NOT NULL";

static const char heir_is_no_more[] =
	"\n  UNION ALL SELECT 'role ' || quote_ident(rolname) || ' has an attribute' FROM pg_roles WHERE rolname = %2$s\n"
	"    AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)\n"
	"  UNION ALL (WITH RECURSIVE heirs AS (SELECT roleid FROM pg_auth_members WHERE member = " USER_OID
	"%2$s)\n"
	"    UNION SELECT m.roleid FROM pg_auth_members m JOIN heirs ON m.member = heirs.roleid),\n"
	"    own AS (SELECT " USER_OID "%1$s) AS roleid\n"
	"    UNION SELECT m.roleid FROM pg_auth_members m JOIN own ON m.member = own.roleid)\n"
	"    SELECT 'the heir is a member of ' || quote_ident(rolname) || ', and the user is not' FROM pg_roles\n"
	"    WHERE oid IN (TABLE heirs) AND oid NOT IN (TABLE own) AND NOT rolname = ANY (ARRAY[%3$s]::name[]))";

/*
 * Only what provably carries no code passes: sequences, schemas, large objects, enumerations, row types, and tables about which nothing
 * runs: no trigger, rule, policy or view, no expression (of an index, a check, a partition key, statistics, a generated column), and no
 * default but of constants and the functions that are named here: any of PostgreSQL's own may take SQL as a text (ts_rewrite, query_to_xml).
 * Types are looked at to the last column of the last row type, those of columns that refer to the table too, as the check of a foreign key
 * runs as its owner: nothing but base types, enumerations and row types, of the user, the heir or a superuser (another's owner adds what he
 * likes), and without a cast by anybody's function. Nor do tables have parents or children of another's.
 */
#define HARMLESS                                                                                                     \
	"'now', 'transaction_timestamp', 'statement_timestamp', 'clock_timestamp', 'timezone', 'nextval',\n"         \
	"    'gen_random_uuid', 'uuidv4', 'uuidv7', 'random', 'current_setting', 'txid_current',\n"                  \
	"    'pg_current_xact_id', 'timestamptz_pl_interval', 'timestamptz_mi_interval', 'timestamp_pl_interval',\n" \
	"    'timestamp_mi_interval', 'date_pl_interval', 'date_mi_interval', 'date_pli', 'date_mii'"
#define NODES                                                                                                  \
	"'CONST', 'FUNCEXPR', 'OPEXPR', 'RELABELTYPE', 'SQLVALUEFUNCTION', 'ARRAY', 'ARRAYEXPR', 'COLLATE',\n" \
	"      'COLLATEEXPR'"
#define FOUND_IN "    UNION SELECT pg_describe_object(classid, objid, 0) || ' carries code' FROM owned\n"
static const char code[] =
	"\n  UNION ALL (WITH RECURSIVE owned AS (SELECT classid, objid FROM pg_shdepend WHERE refclassid = 1260\n"
	"    AND deptype = 'o' AND refobjid = " USER_OID
	"%1$s) AND classid NOT IN (826, 1418) AND dbid = " HERE "),\n"
	"    trusted AS (SELECT oid FROM pg_roles WHERE rolsuper OR rolname IN (%1$s, %2$s)),\n"
	"    harmless AS (SELECT oid FROM pg_proc WHERE pronamespace = 11 AND oid < 16384 AND proname IN (" HARMLESS
	")\n"
	"      UNION SELECT castfunc FROM pg_cast WHERE oid < 16384 AND castfunc <> 0),\n"
	"    carried AS (SELECT classid, objid, objid AS type FROM owned WHERE classid = 1247\n"
	"      UNION SELECT classid, objid, reloftype FROM owned JOIN pg_class c ON c.oid = objid WHERE classid = 1259\n"
	"      UNION SELECT classid, objid, atttypid FROM owned JOIN pg_attribute ON attrelid = objid\n"
	"        WHERE classid = 1259 AND attnum > 0 AND NOT attisdropped AND atttypid >= 16384\n"
	"      UNION SELECT o.classid, o.objid, atttypid FROM owned o JOIN pg_constraint ON confrelid = objid AND contype = 'f'\n"
	"        JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey) AND atttypid >= 16384\n"
	"        WHERE classid = 1259\n"
	"      UNION SELECT c.classid, c.objid, inner_type FROM carried c JOIN pg_type t ON t.oid = c.type,\n"
	"        LATERAL (SELECT typelem AS inner_type UNION SELECT atttypid FROM pg_attribute\n"
	"          WHERE attrelid = typrelid AND attnum > 0 AND NOT attisdropped) AS i WHERE inner_type >= 16384)\n"
	"    SELECT pg_describe_object(classid, objid, 0) || ' carries code' FROM owned\n"
	"    WHERE classid NOT IN (1259, 2615, 1247, 2613)\n"
	"    UNION SELECT pg_describe_object(c.classid, c.objid, 0) || ' carries code' FROM carried c JOIN pg_type t ON t.oid = c.type\n"
	"    WHERE typtype NOT IN ('b', 'c', 'e') OR typowner NOT IN (TABLE trusted) OR EXISTS (SELECT FROM pg_cast\n"
	"      JOIN pg_proc p ON p.oid = castfunc JOIN pg_roles r ON r.oid = proowner\n"
	"      WHERE t.oid IN (castsource, casttarget) AND NOT rolsuper)\n" FOUND_IN
	"    JOIN pg_class c ON c.oid = objid WHERE classid = 1259 AND (relkind NOT IN ('r', 'p', 'S', 'c') OR relhasrules\n"
	"    OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT (tgisinternal AND tgfoid < 16384))\n"
	"    OR EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid)\n"
	"    OR EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND (indexprs IS NOT NULL OR indpred IS NOT NULL))\n"
	"    OR EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype = 'c')\n"
	"    OR EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = c.oid AND partexprs IS NOT NULL)\n"
	"    OR EXISTS (SELECT FROM pg_statistic_ext WHERE stxrelid = c.oid)\n"
	"    OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND attgenerated <> '')\n"
	"    OR EXISTS (SELECT FROM pg_inherits JOIN pg_class o ON o.oid IN (inhrelid, inhparent)\n"
	"      WHERE c.oid IN (inhrelid, inhparent) AND o.relowner NOT IN (TABLE trusted))\n"
	"    OR EXISTS (SELECT FROM pg_attrdef, regexp_matches(adbin::text, '[{]([A-Z]+)', 'g') AS node\n"
	"      WHERE adrelid = c.oid AND node[1] NOT IN (" NODES "))\n"
	"    OR EXISTS (SELECT FROM pg_attrdef, regexp_matches(adbin::text, ':(funcid|opno) ([0-9]+)', 'g') AS call\n"
	"      LEFT JOIN pg_operator ON call[1] = 'opno' AND pg_operator.oid = call[2]::oid\n"
	"      WHERE adrelid = c.oid AND NOT COALESCE(CASE call[1] WHEN 'opno' THEN oprcode::oid ELSE call[2]::oid END\n"
	"        IN (TABLE harmless), false))))";

/*
 * Whoever is making something for the role right now holds a lock on it until the end of the transaction, and is seen here; who
 * ended before this statement has its objects seen by the next one. Nobody new can begin: pg_shdepend is locked.
 */
static const char transactions[] =
	"  SELECT 'a transaction makes something for the user, pid ' || COALESCE(pid::text, 'none: it is prepared') AS what\n"
	"  FROM pg_locks WHERE locktype = 'object' AND classid = 1260 AND objid = " USER_OID "%1$s)\n"
	"  AND pid IS DISTINCT FROM pg_backend_pid()";

/* DROP OWNED drops a policy that names nobody else. A permissive one let the user see rows, and without it it sees none; a restrictive one kept
   rows from the user, and who comes back would see them all. */
static const char policies[] =
	"\n  UNION ALL SELECT 'restrictive policy ' || quote_ident(polname) || ' on ' || CAST(polrelid AS regclass) ||\n"
	"    ' is for the user alone and would go with it: ALTER POLICY ... TO others, or drop it' FROM pg_policy\n"
	"    WHERE NOT polpermissive AND polroles = ARRAY[" USER_OID "%1$s)]";

/* Default privileges (826) and user mappings (1418) are the user's own settings, which REASSIGN leaves. */
static const char still_owned[] =
	"  SELECT 'still owned: ' || pg_describe_object(classid, objid, 0) AS what FROM pg_shdepend\n"
	"  WHERE refclassid = 1260 AND refobjid = " USER_OID "%1$s) AND deptype = 'o'\n"
	"  AND classid NOT IN (826, 1418) AND dbid IN (0, " HERE ")";

/* Whoever could make something for the user while it goes; nothing locks them out. One that cannot log in, has no session and no member
   can do nothing: another user that goes. */
static const char members[] =
	"  SELECT 'role ' || quote_ident(m.rolname) || ' is a member of the user, and could make something for it meanwhile: '\n"
	"    || 'REVOKE that' AS what FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member\n"
	"    WHERE a.roleid = " USER_OID "%1$s) AND m.rolname <> %4$s AND (m.rolcanlogin\n"
	"    OR EXISTS (SELECT FROM pg_stat_activity WHERE usesysid = m.oid)\n"
	"    OR EXISTS (SELECT FROM pg_auth_members x WHERE x.roleid = m.oid AND x.member <> " USER_OID
	"%4$s)))";

/* DROP OWNED passes by what belongs to somebody whose member the agent is not. A superuser who was there from the beginning stands
   nowhere as an owner. */
static const char still_named[] =
	"  SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' of ' ||\n"
	"    quote_ident(pg_get_userbyid(COALESCE(o.refobjid, 10))) || ' gives the user privileges, which only its owner or a '\n"
	"    || 'member of it can take: REVOKE them as ' || quote_ident(pg_get_userbyid(COALESCE(o.refobjid, 10))) AS what\n"
	"    FROM pg_shdepend d LEFT JOIN pg_shdepend o ON o.dbid = d.dbid AND o.classid = d.classid AND o.objid = d.objid\n"
	"    AND o.objsubid = 0 AND o.deptype = 'o' AND o.refclassid = 1260\n"
	"    WHERE d.refclassid = 1260 AND d.refobjid = " USER_OID "%1$s) AND d.dbid IN (0, " HERE ")";

struct text {
	struct buf sql;
	const char *user, *heir, *roles, *self; /* as SQL */
	size_t statements;
};

/* %1$s to %4$s: user, heir, roles and the agent. */
static void add(struct text *text, const char *template)
{
	const char *const parts[] = {text->user, text->heir, text->roles, text->self};
	for (const char *at = template; *at;) {
		const char *mark = strchr(at, '%');
		if (!mark) {
			buf_text(&text->sql, at);
			return;
		}
		buf_append(&text->sql, at, (size_t)(mark - at));
		buf_text(&text->sql, parts[mark[1] - '1']);
		at = mark + strlen("%1$s");
	}
}

static void statement(struct text *text, const char *sql)
{
	buf_text(&text->sql, sql);
	text->statements++;
}

static void stop_if(struct text *text, const char *rows)
{
	statement(text, STOP_BEFORE);
	add(text, rows);
	buf_text(&text->sql, STOP_AFTER);
}

static void look_first(struct text *text, const struct retirement *retirement)
{
	statement(text, STOP_BEFORE);
	add(text, anything_else);
	add(text, only_for_superusers);
	add(text, retirement->own_heir ? heir_is_plain : heir_is_no_more);
	if (retirement->own_heir && !retirement->self)
		add(text, heir_has_no_password);
	if (!retirement->own_heir)
		add(text, code);
	buf_text(&text->sql, STOP_AFTER);
}

static const char *name_list(const struct retirement *retirement, struct arena *mem)
{
	const char *list = "";
	for (size_t i = 0; i < retirement->heir_role_count; i++)
		list = arena_join(mem, list, ", ", sql_literal(retirement->heir_roles[i], mem));
	return list;
}

#define LOCK_OWNERS "LOCK TABLE pg_catalog.pg_shdepend IN SHARE MODE;\n"

static void lock_owners(struct text *text, const struct retirement *retirement)
{
	if (!retirement->self)
		statement(text, LOCK_OWNERS);
}

/* Membership for the moment, and that nobody else has it. */
static void take_loan(struct text *text, const struct retirement *retirement, struct arena *mem)
{
	if (!retirement->self)
		return;
	statement(text, STOP_BEFORE);
	add(text, members);
	buf_text(&text->sql, retirement->version >= FIRST_SERVER_WITH_GRANT_OPTIONS ? " AND a.set_option" : "");
	buf_text(&text->sql, STOP_AFTER);
	if (retirement->loan_statements)
		statement(text, arena_printf(mem, "%s\n", retirement->before));
}

static void return_loan(struct text *text, const struct retirement *retirement, struct arena *mem)
{
	if (!retirement->self)
		return;
	stop_if(text, still_named);
	if (retirement->loan_statements)
		statement(text, arena_printf(mem, "%s;\n", retirement->after + strlen("; ")));
}

const char *retire_sql(const struct retirement *retirement, struct arena *mem, size_t *statements)
{
	const char *user = sql_identifier(retirement->user, mem);
	struct text text = {
		.sql = BUF(LIMIT_BATCH_BYTES),
		.user = sql_literal(retirement->user, mem),
		.heir = retirement->heir ? sql_literal(retirement->heir, mem) : "",
		.roles = name_list(retirement, mem),
		.self = retirement->self ? sql_literal(retirement->self, mem) : "''",
	};
	statement(&text, "BEGIN;\n");
	take_loan(&text, retirement, mem);
	/* Before the look as well where code must not slip in after it; else later, as it holds up everybody's DDL. */
	if (retirement->heir && !retirement->own_heir)
		lock_owners(&text, retirement);
	if (retirement->heir) {
		look_first(&text, retirement);
		statement(&text,
			arena_printf(mem, "REASSIGN OWNED BY %s TO %s;\n", user,
				sql_identifier(retirement->heir, mem)));
	}
	lock_owners(&text, retirement);
	statement(&text, STOP_BEFORE);
	add(&text, transactions);
	add(&text, policies);
	buf_text(&text.sql, STOP_AFTER);
	stop_if(&text, still_owned);
	statement(&text, arena_printf(mem, "DROP OWNED BY %s;\n", user));
	return_loan(&text, retirement, mem);
	statement(&text, "COMMIT");
	*statements = text.statements;
	const char *sql = arena_copy(mem, buf_string(&text.sql));
	buf_done(&text.sql);
	return sql;
}

const char *retire_stop(const char *error, struct arena *mem)
{
	const char *said = strstr(error, RETIRE_STOPS);
	if (!said)
		return NULL;
	said += strlen(RETIRE_STOPS);
	const char *end = strstr(said, "\" (SQLSTATE");
	return arena_copy_n(mem, said, end ? (size_t)(end - said) : strlen(said));
}
