//! The SQL over the windows' tables, built once from the spec. Rows come newest first, by where their
//! windows end; that is the index they are read by.

use sensorstream_crds::{
    input::Input,
    runtime::ServeConfig,
    window_table::{Holds, NoTable, WindowTable},
    windows::Window,
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};

use super::{
    column::{Column, ColumnType, object, selection},
    given::Given,
    page::{Page, latest},
    readings::Found,
};
use crate::sql::{qualified, quoted};

/// One window's table, to be read.
#[derive(Clone, Debug)]
pub struct WindowRows {
    /// The window's name.
    pub name: String,
    /// What is read, in order.
    pub columns: Vec<(Column, Holds)>,
    /// Whether rows are of one key each.
    pub keyed: bool,
    plain: Vec<Column>,
    /// The columns that rows are ordered by: where they end, then what tells rows of one end apart.
    order: Vec<Column>,
    page: String,
    page_of_key: Option<String>,
    probe: String,
}

impl WindowRows {
    /// The tables of a pipeline's windows.
    ///
    /// # Errors
    /// When a window is not one that admission lets through.
    pub fn all(config: &ServeConfig) -> Result<Vec<Self>, NoTable> {
        let windows = config.windows.iter();
        windows
            .map(|window| Self::of(&config.schema, window, &config.input))
            .collect()
    }

    fn of(schema: &str, window: &Window, input: &Input) -> Result<Self, NoTable> {
        let table = WindowTable::of(window, &input.fields)?;
        let columns: Vec<(Column, Holds)> = table
            .columns
            .into_iter()
            .filter(|column| column.holds != Holds::Partition)
            .map(|column| {
                let type_ = ColumnType::of_column(column.type_);
                let name = column.name;
                (Column { name, type_ }, column.holds)
            })
            .collect();
        let plain: Vec<Column> = columns.iter().map(|(column, _)| column.clone()).collect();
        let of = |wanted: fn(&Holds) -> bool| {
            let columns = columns.iter().filter(move |(_, holds)| wanted(holds));
            columns.map(|(column, _)| column.clone())
        };
        let order: Vec<Column> = of(|holds| *holds == Holds::End)
            .chain(of(|holds| holds.is_key()))
            .collect();
        let full = qualified(schema, &window.name);
        let key = window
            .group_by
            .contains(&input.key)
            .then(|| plain.iter().find(|column| column.name == input.key))
            .flatten();
        Ok(Self {
            name: window.name.clone(),
            keyed: key.is_some(),
            page: page(&full, &plain, &order, None),
            page_of_key: key.map(|key| page(&full, &plain, &order, Some(key))),
            probe: format!("SELECT {} FROM {full} t LIMIT 0", selection(&plain)),
            columns,
            plain,
            order,
        })
    }

    /// A page of rows. `after` is where the page before ended, as [`Found::last`] says it.
    pub async fn page(
        &self,
        pool: &PgPool,
        page: &Page,
        after: Option<Vec<Given>>,
        key: Option<Given>,
    ) -> Result<Found<Vec<String>>, sqlx::Error> {
        let sql = match (&key, &self.page_of_key) {
            (Some(_), Some(sql)) => sql,
            _ => &self.page,
        };
        let storable = |given: &Given| given.is_storable();
        if !key.iter().chain(after.iter().flatten()).all(storable) {
            return Ok(Found::none());
        }
        let (from, to) = page.span();
        let mut statement = sqlx::query(AssertSqlSafe(sql.as_str()))
            .bind(page.limit + 1)
            .bind(from)
            .bind(to)
            .bind(after.is_none());
        for (at, column) in self.order.iter().enumerate() {
            let given = after.as_ref().and_then(|after| after.get(at)).cloned();
            statement = given
                .unwrap_or_else(|| anything(column.type_))
                .bind(statement);
        }
        if let Some(key) = key {
            statement = key.bind(statement);
        }
        let found = statement.fetch_all(pool).await?;
        let rows: Vec<Value> = found
            .iter()
            .take(page.limit as usize)
            .map(|row| object(&self.plain, row))
            .collect::<Result<_, _>>()?;
        let last = rows.last().filter(|_| found.len() > rows.len());
        Ok(Found {
            last: last.and_then(|last| self.place(last)),
            rows,
        })
    }

    fn place(&self, row: &Value) -> Option<Vec<String>> {
        let order = self.order.iter();
        order
            .map(|column| Given::of_member(column.type_, &row[&column.name]).map(|g| g.text()))
            .collect()
    }

    /// Reads where a page ended, if it is of this list.
    pub fn parse_place(&self, place: &[String]) -> Option<Vec<Given>> {
        if place.len() != self.order.len() {
            return None;
        }
        let order = self.order.iter().zip(place);
        order
            .map(|(column, text)| Given::parse(column.type_, text))
            .collect()
    }

    /// Whether the database answers and has the table with its columns.
    pub async fn probe(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let probe = sqlx::query(AssertSqlSafe(self.probe.as_str()));
        probe.execute(pool).await.map(drop)
    }
}

/// A value in the place of a parameter that does not matter.
fn anything(type_: ColumnType) -> Given {
    match type_ {
        ColumnType::Double => Given::Double(0.0),
        ColumnType::Integer => Given::Integer(0),
        ColumnType::Long => Given::Long(0),
        ColumnType::Boolean => Given::Boolean(false),
        ColumnType::String => Given::Text(String::new()),
        ColumnType::Timestamp => Given::Text(latest()),
        ColumnType::Decimal => Given::Text("0".to_owned()),
    }
}

/// The statement for a page, of all rows or of a key's.
fn page(table: &str, columns: &[Column], order: &[Column], key: Option<&Column>) -> String {
    /// The parameters before those of the place.
    const BEFORE: usize = 5;
    let end = quoted(&order[0].name);
    let names: Vec<String> = order
        .iter()
        .map(|c| format!("t.{}", quoted(&c.name)))
        .collect();
    let place: Vec<String> = order
        .iter()
        .enumerate()
        .map(|(at, column)| column.type_.parameter(BEFORE + at))
        .collect();
    let of_key = key.map_or_else(String::new, |key| {
        let parameter = key.type_.parameter(BEFORE + order.len());
        let key = quoted(&key.name);
        // As for readings of a key.
        format!(" AND t.{key} = ANY (ARRAY[{parameter}])")
    });
    let first = key.map_or_else(String::new, |key| format!("t.{}, ", quoted(&key.name)));
    let selected = selection(columns);
    let timed = |number| ColumnType::Timestamp.parameter(number);
    format!(
        "SELECT {selected} FROM {table} t
          WHERE t.{end} >= {} AND t.{end} < {}
            AND t.{end} <= {} AND ($4::bool OR ({}) < ({})){of_key}
          ORDER BY {first}{} DESC LIMIT $1",
        timed(2),
        timed(3),
        // Said apart, so that reading begins there in the index.
        timed(BEFORE),
        names.join(", "),
        place.join(", "),
        names.join(" DESC, ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::tests::with_windows;

    #[test]
    fn rows_are_read_by_where_their_windows_end() {
        let windows = WindowRows::all(&with_windows()).unwrap();
        let sql: Vec<&str> = windows
            .iter()
            .flat_map(|window| [Some(window.page.as_str()), window.page_of_key.as_deref()])
            .flatten()
            .collect();
        insta::assert_snapshot!(sql.join("\n\n"));
    }

    #[test]
    fn a_place_is_of_one_window() {
        let windows = WindowRows::all(&with_windows()).unwrap();
        let place = [
            "2025-08-17T12:00:00.000000Z",
            "a",
            "2025-08-17T11:59:00.000000Z",
        ];
        let place = place.map(str::to_owned);
        let can_read: Vec<bool> = windows
            .iter()
            .map(|window| window.parse_place(&place).is_some())
            .collect();
        assert_eq!(can_read, [false, false, true]);
    }
}
