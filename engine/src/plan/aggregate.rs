//! Aggregates.

use sensorstream_crds::windows::Aggregate as Spec;
use sensorstream_expressions::Kind;

use super::{Problem, digest::Digest, fields::Fields};
use crate::{
    accumulate::{Aggregate, Function},
    rows::ColumnKind,
};

/// An aggregate, and what its column and its window's digest need of it.
#[derive(Debug)]
pub(super) struct Compiled<'w> {
    /// The column's name.
    pub(super) name: &'w str,
    /// What its values are.
    pub(super) column: ColumnKind,
    pub(super) aggregate: Aggregate,
    field: Option<(&'w str, Kind)>,
}

impl<'w> Compiled<'w> {
    pub(super) fn new(spec: &'w Spec, fields: &Fields) -> Result<Self, Problem> {
        let (function, field) = function_of(spec)?;
        let Some(field) = field else {
            return Ok(Self {
                name: &spec.as_,
                column: ColumnKind::Long,
                aggregate: Aggregate {
                    function,
                    field: None,
                },
                field: None,
            });
        };
        let (place, kind) = fields.find(field)?;
        let column = function
            .column(kind)
            .ok_or_else(|| Problem::Unsuitable(spec.as_.clone(), format!("{field}, a {kind}")))?;
        Ok(Self {
            name: &spec.as_,
            column,
            aggregate: Aggregate {
                function,
                field: Some((place, kind)),
            },
            field: Some((field, kind)),
        })
    }

    /// Adds what gives the column its meaning. The field's name: its place would not do, adding a field
    /// moves those after it.
    pub(super) fn add_to(&self, digest: &mut Digest) {
        let (function, q) = match self.aggregate.function {
            Function::Count => ("count", 0.0),
            Function::Distinct => ("distinct", 0.0),
            Function::EstimatedDistinct => ("estimated distinct", 0.0),
            Function::Sum => ("sum", 0.0),
            Function::Avg => ("avg", 0.0),
            Function::Min => ("min", 0.0),
            Function::Max => ("max", 0.0),
            Function::First => ("first", 0.0),
            Function::Last => ("last", 0.0),
            Function::StdDev => ("stddev", 0.0),
            Function::Quantile(q) => ("quantile", q),
        };
        digest.text(function).number(q.to_bits() as i64);
        if let Some((name, kind)) = self.field {
            digest.text(name).text(&kind.to_string());
        }
    }
}

/// The one function that an aggregate names, and its field.
fn function_of(spec: &Spec) -> Result<(Function, Option<&str>), Problem> {
    let quantile = spec
        .quantile
        .as_ref()
        .map(|quantile| {
            quantile
                .q
                .parse()
                .filter(|q| (0.0..=1.0).contains(q))
                .map(|q| (Function::Quantile(q), Some(quantile.field.as_str())))
                .ok_or_else(|| Problem::Quantile(quantile.q.to_string()))
        })
        .transpose()?;
    let distinct = spec.count_distinct.as_ref().map(|distinct| {
        let function = if distinct.approximate {
            Function::EstimatedDistinct
        } else {
            Function::Distinct
        };
        (function, Some(distinct.field.as_str()))
    });
    let count = spec.count.as_ref().map(|_| (Function::Count, None));
    let of_field = [
        (&spec.sum, Function::Sum),
        (&spec.avg, Function::Avg),
        (&spec.min, Function::Min),
        (&spec.max, Function::Max),
        (&spec.first, Function::First),
        (&spec.last, Function::Last),
        (&spec.stddev, Function::StdDev),
    ]
    .into_iter()
    .filter_map(|(of, function)| Some((function, Some(of.as_ref()?.field.as_str()))));
    let mut named = of_field.chain(count).chain(distinct).chain(quantile);
    match (named.next(), named.next()) {
        (Some(function), None) => Ok(function),
        _ => Err(Problem::Function(spec.as_.clone())),
    }
}
