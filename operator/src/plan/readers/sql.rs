//! The statements that let a role in and out.

use crate::{backends::TableName, plan::tables::migration::quoted};

/// Lets a role log in, and read only unless it asks for another. What it may not do can only be said when a role
/// is made: afterwards it takes a superuser to say so.
pub fn login(role: &str, exists: bool, verifier: &str) -> [String; 2] {
    let name = quoted(role);
    let login = if exists {
        format!("ALTER ROLE {name} LOGIN NOINHERIT PASSWORD '{verifier}'")
    } else {
        format!(
            "CREATE ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION \
             NOBYPASSRLS PASSWORD '{verifier}'"
        )
    };
    [
        login,
        format!("ALTER ROLE {name} SET default_transaction_read_only = on"),
    ]
}

/// Lets a role read a table.
pub fn grant(role: &str, table: &TableName) -> [String; 2] {
    let (name, schema) = (quoted(role), quoted(&table.schema));
    let table = table.quoted();
    [
        format!("GRANT USAGE ON SCHEMA {schema} TO {name}"),
        format!("GRANT SELECT ON {table} TO {name}"),
    ]
}

/// Drops a role. `DROP OWNED` takes back what it was granted, and drops what somebody with its password may have
/// made; it is for members of the role only.
pub fn drop_role(role: &str) -> [String; 3] {
    let role = quoted(role);
    [
        format!("GRANT {role} TO CURRENT_USER"),
        format!("DROP OWNED BY {role}"),
        format!("DROP ROLE {role}"),
    ]
}
