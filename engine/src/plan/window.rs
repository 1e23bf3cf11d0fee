//! Windows.

use sensorstream_crds::windows::{EmitMode, OnLate, SessionEnd, Stage, Window};
use sensorstream_expressions::Predicate;

use super::{Problem, aggregate::Compiled, digest::Digest, fields::Fields, micros, number_of};
use crate::{
    accumulate::Aggregate,
    key::KeyPlan,
    panes::{Grid, Offer},
    rows::ColumnKind,
};

/// A window, ready to run.
#[derive(Debug)]
pub struct WindowPlan {
    /// Its name, and its table's.
    pub name: String,
    /// A digest of all that gives its rows their meaning: its kind and lengths, condition, groups,
    /// aggregates and allowed lateness, and the types of the fields. Another digest is another window,
    /// whose state can't be used.
    pub hash: u64,
    /// The table's columns, in its order. The primary key is those of the role [`ColumnRole::Key`], in
    /// this order.
    pub columns: Vec<OutputColumn>,
    pub(crate) extent: Extent,
    pub(crate) condition: Option<Predicate>,
    /// The number of the group's key among the plan's.
    pub(crate) key: usize,
    pub(crate) aggregates: Vec<Aggregate>,
    /// Whether readings that are too late are dead letters.
    pub(crate) reports_late: bool,
    /// Whether rows are written while their window is open.
    pub(crate) writes_open_rows: bool,
    /// Where its rows are made.
    pub(crate) stage: Stage,
}

/// A column of a window's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputColumn {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
    /// Whether it is part of the primary key.
    pub role: ColumnRole,
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnRole {
    /// It is part of the primary key, and never null.
    Key,
    /// It holds a result.
    Value,
}

/// Which spans of event time a window covers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Extent {
    /// Tumbling and sliding windows.
    Panes(Grid),
    Session(Session),
}

/// Sessions; lengths are in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(crate) gap: i64,
    pub(crate) lateness: i64,
    pub(crate) end: SessionEnd,
    pub(crate) has_duration: bool,
}

impl Session {
    /// The watermark from which on a reading of this time is too late.
    pub(crate) fn late_at(self, time: i64) -> i64 {
        time.saturating_add(self.gap).saturating_add(self.lateness)
    }

    /// What becomes of a reading when those before `from` are not the window's.
    pub(crate) fn offer(self, from: i64, time: i64, watermark: Option<i64>) -> Offer {
        let in_time = watermark.is_none_or(|watermark| self.late_at(time) > watermark);
        Offer {
            offered: u64::from(time >= from),
            taken: u64::from(time >= from && in_time),
        }
    }

    /// The watermark that closes a session with this last reading: from then on every reading that would
    /// belong to it is too late. So sessions are those of all the readings that are not, whatever the order
    /// they came in.
    pub(crate) fn closes_at(self, last: i64) -> i64 {
        self.late_at(last.saturating_add(self.gap))
    }
}

impl WindowPlan {
    pub(super) fn compile(
        window: &Window,
        stage: Stage,
        fields: &Fields,
        keys: &mut Vec<KeyPlan>,
    ) -> Result<Self, Problem> {
        let extent = extent_of(window)?;
        let groups = window
            .group_by
            .iter()
            .map(|name| fields.find(name))
            .collect::<Result<Vec<_>, _>>()?;
        let compiled = window
            .aggregates
            .iter()
            .map(|spec| Compiled::new(spec, fields))
            .collect::<Result<Vec<_>, _>>()?;
        let condition = window
            .where_
            .as_ref()
            .map(|source| fields.condition(source))
            .transpose()?;

        let group_columns = window
            .group_by
            .iter()
            .zip(&groups)
            .map(|(name, (_, kind))| column(name, (*kind).into(), ColumnRole::Key));
        let time = |name: &str, role| column(name, ColumnKind::Timestamp, role);
        let mut columns = Vec::new();
        if let Some(session) = &window.session {
            columns.extend(group_columns);
            columns.push(time(&session.columns.start, ColumnRole::Key));
            columns.push(time(&session.columns.end, ColumnRole::Value));
            columns.extend(
                session
                    .columns
                    .duration
                    .iter()
                    .map(|name| column(name, ColumnKind::Long, ColumnRole::Value)),
            );
        } else {
            columns.push(time("window_start", ColumnRole::Key));
            columns.push(time("window_end", ColumnRole::Value));
            columns.extend(group_columns);
        }
        columns.extend(
            compiled
                .iter()
                .map(|compiled| column(compiled.name, compiled.column, ColumnRole::Value)),
        );

        Ok(Self {
            name: window.name.clone(),
            hash: digest(window, stage, &extent, &columns, &compiled),
            columns,
            extent,
            condition,
            key: number_of(KeyPlan { fields: groups }, keys),
            aggregates: compiled.iter().map(|compiled| compiled.aggregate).collect(),
            reports_late: window.on_late == OnLate::DeadLetter,
            writes_open_rows: window.emit.mode == EmitMode::OnUpdate,
            stage,
        })
    }

    /// Whether its rows are made by the second stage, of what the first sends it.
    pub fn is_linked(&self) -> bool {
        self.stage == Stage::Second
    }

    /// Where the first instance begins that has no reading up to and at a time, in microseconds since
    /// 1970.
    pub fn next_boundary(&self, time: i64) -> i64 {
        let after = time.saturating_add(1);
        match self.extent {
            Extent::Panes(grid) => grid.start_from(after),
            Extent::Session(_) => after,
        }
    }

    /// The kinds of all columns.
    pub(crate) fn row_kinds(&self) -> impl Iterator<Item = ColumnKind> {
        self.columns.iter().map(|column| column.kind)
    }

    /// The kinds of the primary key's columns.
    pub(crate) fn key_kinds(&self) -> impl Iterator<Item = ColumnKind> {
        self.columns
            .iter()
            .filter(|column| column.role == ColumnRole::Key)
            .map(|column| column.kind)
    }
}

fn column(name: &str, kind: ColumnKind, role: ColumnRole) -> OutputColumn {
    OutputColumn {
        name: name.to_owned(),
        kind,
        role,
    }
}

fn extent_of(window: &Window) -> Result<Extent, Problem> {
    let lateness = micros(&window.allowed_lateness)?;
    let extent = match (&window.tumbling, &window.sliding, &window.session) {
        (Some(tumbling), None, None) => {
            let size = micros(&tumbling.size)?;
            Extent::Panes(Grid {
                size,
                slide: size,
                lateness,
            })
        }
        (None, Some(sliding), None) => Extent::Panes(Grid {
            size: micros(&sliding.size)?,
            slide: micros(&sliding.slide)?,
            lateness,
        }),
        (None, None, Some(session)) => Extent::Session(Session {
            gap: micros(&session.gap)?,
            lateness,
            end: session.end,
            has_duration: session.columns.duration.is_some(),
        }),
        _ => return Err(Problem::Kind),
    };
    match extent {
        Extent::Panes(Grid { size: 0, .. } | Grid { slide: 0, .. })
        | Extent::Session(Session { gap: 0, .. }) => Err(Problem::NoLength),
        Extent::Panes(grid) if grid.size % grid.slide != 0 => Err(Problem::Slide),
        extent => Ok(extent),
    }
}

fn digest(
    window: &Window,
    stage: Stage,
    extent: &Extent,
    columns: &[OutputColumn],
    aggregates: &[Compiled<'_>],
) -> u64 {
    let mut digest = Digest::default();
    digest.text("window").text(&window.name);
    if stage == Stage::Second {
        digest.text("linked");
    }
    match extent {
        Extent::Panes(grid) => digest
            .text("panes")
            .number(grid.size)
            .number(grid.slide)
            .number(grid.lateness),
        Extent::Session(session) => digest
            .text("session")
            .number(session.gap)
            .number(session.lateness)
            .text(match session.end {
                SessionEnd::GapEnd => "gap",
                SessionEnd::LastReading => "last",
            }),
    };
    digest.text(window.where_.as_deref().unwrap_or_default());
    for column in columns {
        digest.text(&column.name).text(kind_name(column.kind));
    }
    digest.number(window.group_by.len() as i64);
    for aggregate in aggregates {
        aggregate.add_to(&mut digest);
    }
    digest.get()
}

fn kind_name(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Text => "text",
        ColumnKind::Double => "double",
        ColumnKind::Integer => "integer",
        ColumnKind::Long => "long",
        ColumnKind::Boolean => "boolean",
        ColumnKind::Timestamp => "timestamp",
        ColumnKind::Numeric => "numeric",
    }
}
