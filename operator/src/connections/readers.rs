//! Logins that read: what roles there are and may do, and how they come and go.

use std::collections::{BTreeMap, HashMap};

use sensorstream_ledger::readers::{self, Reader};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Row, types::Json};

use crate::{
    backends::{LoginRole, TableName},
    password::Password,
    plan::readers::{Admission, Dismissal, Login, sql},
};

/// Roles, as far as they exist.
#[derive(Clone, Debug, Default)]
pub(super) struct Roles {
    pub(super) by_name: BTreeMap<String, LoginRole>,
    /// Whether who asks may make roles.
    pub(super) makes_roles: bool,
}

/// Why somebody could not be let in or out.
#[derive(Debug)]
pub(super) enum AccessError {
    /// The database did not do it.
    Sql(sqlx::Error),
    /// It did nothing, without an error.
    Ungranted(String),
}

impl From<sqlx::Error> for AccessError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

/// The roles of these names, and which of their tables they may not read.
pub(super) async fn read(
    pool: &PgPool,
    asked: &HashMap<String, Vec<TableName>>,
) -> Result<Roles, sqlx::Error> {
    let mut roles = Roles::default();
    if asked.is_empty() {
        return Ok(roles);
    }
    let pairs = || {
        asked
            .iter()
            .flat_map(|(role, tables)| tables.iter().map(move |table| (role, table)))
    };
    let names: Vec<&str> = pairs().map(|(role, _)| role.as_str()).collect();
    let schemas: Vec<&str> = pairs().map(|(_, table)| table.schema.as_str()).collect();
    let tables: Vec<&str> = pairs().map(|(_, table)| table.table.as_str()).collect();
    let rows = sqlx::query(
        "SELECT w.role, r.oid IS NOT NULL AS is_there, coalesce(r.rolcanlogin, false) AS can_log_in,
                coalesce('default_transaction_read_only=on' = ANY (r.rolconfig), false) AS reads_only,
                coalesce(r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls
                  OR EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid), false) AS is_powerful,
                (SELECT me.rolsuper OR me.rolcreaterole FROM pg_roles me
                  WHERE me.rolname = current_user) AS makes_roles,
                coalesce(jsonb_agg(jsonb_build_object('schema', w.schema, 'table', w.name)
                    ORDER BY w.schema, w.name)
                  FILTER (WHERE NOT coalesce(has_schema_privilege(r.oid, n.oid, 'USAGE')
                    AND has_table_privilege(r.oid, c.oid, 'SELECT'), false)), '[]') AS unreadable
           FROM unnest($1::text[], $2::text[], $3::text[]) AS w(role, schema, name)
           LEFT JOIN pg_roles r ON r.rolname = w.role
           LEFT JOIN pg_namespace n ON n.nspname = w.schema
           LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
          GROUP BY w.role, r.oid, r.rolcanlogin, r.rolconfig, r.rolsuper, r.rolcreatedb, r.rolcreaterole,
                   r.rolreplication, r.rolbypassrls",
    )
    .bind(names)
    .bind(schemas)
    .bind(tables)
    .fetch_all(pool)
    .await?;
    for row in rows {
        roles.makes_roles = row.try_get("makes_roles")?;
        if row.try_get("is_there")? {
            let role = LoginRole {
                can_log_in: row.try_get("can_log_in")?,
                reads_only: row.try_get("reads_only")?,
                is_powerful: row.try_get("is_powerful")?,
                unreadable: row.try_get::<Json<_>, _>("unreadable")?.0,
            };
            roles.by_name.insert(row.try_get("role")?, role);
        }
    }
    Ok(roles)
}

/// Lets a role in, all in one transaction.
pub(super) async fn admit(
    pool: &PgPool,
    admission: &Admission,
    password: Option<&Password>,
) -> Result<(), AccessError> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    one_at_a_time(&mut transaction).await?;
    let role = &admission.role;
    if let Some(password) = password {
        give_login(&mut transaction, role, password).await?;
    }
    grant(&mut transaction, role, &admission.reads).await?;
    // A password that is kept has its digest there already.
    if admission.login != Login::Kept {
        let reader = Reader {
            role_name: role.clone(),
            pipeline: admission.pipeline.to_string(),
            login_digest: password.map(Password::digest).unwrap_or_default(),
        };
        readers::admit(&mut *transaction, &reader).await?;
    }
    Ok(transaction.commit().await?)
}

/// Lets a role out, and drops it if the operator made it.
pub(super) async fn dismiss(pool: &PgPool, dismissal: &Dismissal) -> Result<(), AccessError> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    one_at_a_time(&mut transaction).await?;
    let pipeline = dismissal.pipeline.to_string();
    readers::dismiss(&mut *transaction, &dismissal.role, &pipeline).await?;
    if dismissal.made && exists(&mut transaction, &dismissal.role).await? {
        execute(&mut transaction, sql::drop_role(&dismissal.role).join("; ")).await?;
    }
    Ok(transaction.commit().await?)
}

/// Two that grant on one thing at a time would get in each other's way.
async fn one_at_a_time(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let statements = "SET LOCAL lock_timeout = '2s';
                      SELECT pg_advisory_xact_lock(hashtext('sensorstream.readers'))";
    execute(connection, statements.to_owned()).await
}

async fn give_login(
    connection: &mut PgConnection,
    role: &str,
    password: &Password,
) -> Result<(), sqlx::Error> {
    let exists = exists(connection, role).await?;
    for statement in sql::login(role, exists, &password.verifier()) {
        execute(connection, statement).await?;
    }
    Ok(())
}

async fn grant(
    connection: &mut PgConnection,
    role: &str,
    tables: &[TableName],
) -> Result<(), AccessError> {
    for table in tables {
        execute(connection, sql::grant(role, table).join("; ")).await?;
    }
    // Who may not grant gets a warning only, if they may at least read themselves.
    for table in tables {
        let may: bool = sqlx::query_scalar(
            "SELECT has_schema_privilege($1, $2, 'USAGE') AND has_table_privilege($1, $3, 'SELECT')",
        )
        .bind(role)
        .bind(&table.schema)
        .bind(table.quoted())
        .fetch_one(&mut *connection)
        .await?;
        if !may {
            return Err(AccessError::Ungranted(format!(
                "the login of spec.postgres may not grant it; have the owner of {} do so: {}",
                table.quoted(),
                sql::grant(role, table).join("; ")
            )));
        }
    }
    Ok(())
}

async fn exists(connection: &mut PgConnection, role: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
        .bind(role)
        .fetch_one(connection)
        .await
}

async fn execute(connection: &mut PgConnection, sql: String) -> Result<(), sqlx::Error> {
    let query = sqlx::raw_sql(AssertSqlSafe(sql));
    query.execute(connection).await.map(drop)
}
