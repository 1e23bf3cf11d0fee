//! Rows for the windows' tables, column by column.

use sensorstream_expressions::Kind;

/// What has to change in a window's table: first the deletes, then the upserts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WindowChanges {
    /// Rows that are no more, by the columns of the primary key, in the table's order.
    pub deletes: Rows,
    /// Rows that are new or replaced, with all columns, in the table's order.
    pub upserts: Rows,
}

impl WindowChanges {
    /// Whether nothing has to change.
    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// How many rows change.
    pub fn rows(&self) -> usize {
        self.deletes.len() + self.upserts.len()
    }
}

/// Some rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Their columns, each with a value for every row.
    pub columns: Vec<Column>,
    len: usize,
}

impl Rows {
    /// No rows, with columns of these kinds.
    pub(crate) fn new(kinds: impl IntoIterator<Item = ColumnKind>) -> Self {
        Self {
            columns: kinds.into_iter().map(Column::new).collect(),
            len: 0,
        }
    }

    /// These rows, leaving none behind.
    pub(crate) fn take(&mut self) -> Self {
        let empty = Self::new(self.columns.iter().map(Column::kind));
        std::mem::replace(self, empty)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Begins a row: as many cells as there are columns have to be put.
    pub(crate) fn begin(&mut self) -> RowBuilder<'_> {
        self.len += 1;
        RowBuilder {
            columns: self.columns.iter_mut(),
        }
    }

    /// The cells of a row.
    pub(crate) fn row(&self, index: usize) -> impl Iterator<Item = Cell<'_>> {
        self.columns.iter().map(move |column| column.cell(index))
    }
}

/// A row in the making.
pub(crate) struct RowBuilder<'r> {
    columns: std::slice::IterMut<'r, Column>,
}

impl RowBuilder<'_> {
    /// Puts the next cell.
    pub(crate) fn put(&mut self, cell: Cell<'_>) {
        self.columns
            .next()
            .expect("a cell for every column of the plan")
            .push(cell);
    }

    /// Ends the row.
    pub(crate) fn finish(mut self) {
        debug_assert!(self.columns.next().is_none(), "a column without a cell");
    }
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnKind {
    /// Texts; `text` in PostgreSQL.
    Text,
    /// Numbers with a fraction; `double precision` in PostgreSQL.
    Double,
    /// Whole numbers of 32 bits; `integer` in PostgreSQL.
    Integer,
    /// Whole numbers of 64 bits; `bigint` in PostgreSQL.
    Long,
    /// True or false; `boolean` in PostgreSQL.
    Boolean,
    /// Times; `timestamptz` in PostgreSQL.
    Timestamp,
    /// Whole numbers of up to 128 bits; `numeric` in PostgreSQL.
    Numeric,
}

impl From<Kind> for ColumnKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text,
            Kind::Double => Self::Double,
            Kind::Integer => Self::Integer,
            Kind::Long => Self::Long,
            Kind::Boolean => Self::Boolean,
            Kind::Timestamp => Self::Timestamp,
        }
    }
}

/// The values of a column; none is null.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Texts.
    Text(Vec<Option<String>>),
    /// Numbers with a fraction.
    Double(Vec<Option<f64>>),
    /// Whole numbers of 32 bits.
    Integer(Vec<Option<i32>>),
    /// Whole numbers of 64 bits.
    Long(Vec<Option<i64>>),
    /// True or false.
    Boolean(Vec<Option<bool>>),
    /// Times, in microseconds since 1970.
    Timestamp(Vec<Option<i64>>),
    /// Whole numbers of up to 128 bits.
    Numeric(Vec<Option<i128>>),
}

/// One value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Text(&'a str),
    Double(f64),
    Integer(i32),
    Long(i64),
    Boolean(bool),
    Timestamp(i64),
    Numeric(i128),
}

impl Cell<'_> {
    /// Whether a column of this kind can hold it.
    pub(crate) fn fits(&self, kind: ColumnKind) -> bool {
        match self {
            Self::Null => true,
            Self::Text(_) => kind == ColumnKind::Text,
            Self::Double(_) => kind == ColumnKind::Double,
            Self::Integer(_) => kind == ColumnKind::Integer,
            Self::Long(_) => kind == ColumnKind::Long,
            Self::Boolean(_) => kind == ColumnKind::Boolean,
            Self::Timestamp(_) => kind == ColumnKind::Timestamp,
            Self::Numeric(_) => kind == ColumnKind::Numeric,
        }
    }
}

impl Column {
    fn new(kind: ColumnKind) -> Self {
        match kind {
            ColumnKind::Text => Self::Text(Vec::new()),
            ColumnKind::Double => Self::Double(Vec::new()),
            ColumnKind::Integer => Self::Integer(Vec::new()),
            ColumnKind::Long => Self::Long(Vec::new()),
            ColumnKind::Boolean => Self::Boolean(Vec::new()),
            ColumnKind::Timestamp => Self::Timestamp(Vec::new()),
            ColumnKind::Numeric => Self::Numeric(Vec::new()),
        }
    }

    /// What its values are.
    pub fn kind(&self) -> ColumnKind {
        match self {
            Self::Text(_) => ColumnKind::Text,
            Self::Double(_) => ColumnKind::Double,
            Self::Integer(_) => ColumnKind::Integer,
            Self::Long(_) => ColumnKind::Long,
            Self::Boolean(_) => ColumnKind::Boolean,
            Self::Timestamp(_) => ColumnKind::Timestamp,
            Self::Numeric(_) => ColumnKind::Numeric,
        }
    }

    fn push(&mut self, cell: Cell<'_>) {
        match (self, cell) {
            (Self::Text(values), Cell::Text(value)) => values.push(Some(value.to_owned())),
            (Self::Text(values), Cell::Null) => values.push(None),
            (Self::Double(values), Cell::Double(value)) => values.push(Some(value)),
            (Self::Double(values), Cell::Null) => values.push(None),
            (Self::Integer(values), Cell::Integer(value)) => values.push(Some(value)),
            (Self::Integer(values), Cell::Null) => values.push(None),
            (Self::Boolean(values), Cell::Boolean(value)) => values.push(Some(value)),
            (Self::Boolean(values), Cell::Null) => values.push(None),
            (Self::Numeric(values), Cell::Numeric(value)) => values.push(Some(value)),
            (Self::Numeric(values), Cell::Null) => values.push(None),
            (Self::Long(values), Cell::Long(value))
            | (Self::Timestamp(values), Cell::Timestamp(value)) => values.push(Some(value)),
            (Self::Long(values) | Self::Timestamp(values), Cell::Null) => values.push(None),
            (column, cell) => unreachable!("{cell:?} in a column of {:?}", column.kind()),
        }
    }

    fn cell(&self, index: usize) -> Cell<'_> {
        match self {
            Self::Text(values) => values[index].as_deref().map_or(Cell::Null, Cell::Text),
            Self::Double(values) => values[index].map_or(Cell::Null, Cell::Double),
            Self::Integer(values) => values[index].map_or(Cell::Null, Cell::Integer),
            Self::Long(values) => values[index].map_or(Cell::Null, Cell::Long),
            Self::Boolean(values) => values[index].map_or(Cell::Null, Cell::Boolean),
            Self::Timestamp(values) => values[index].map_or(Cell::Null, Cell::Timestamp),
            Self::Numeric(values) => values[index].map_or(Cell::Null, Cell::Numeric),
        }
    }
}
