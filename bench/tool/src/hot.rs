//! The hot path alone, over events in memory: what the processor does with each record between Kafka and the
//! commit. Valgrind counts its instructions, which are the same on every machine, however busy it is.

use std::{path::Path, sync::Arc};

use sensorstream_crds::runtime::{RoleConfigs, id_of};
use sensorstream_engine::{Engine, Plan, PlanError, Range, WindowStart};
use sensorstream_processor::process::decode::{Decoder, Scratch};

use crate::{
    fill::{Event, Events},
    resource,
};

/// Why it could not run.
#[derive(Debug, thiserror::Error)]
pub enum HotError {
    /// There is no pipeline.
    #[error(transparent)]
    Resource(#[from] resource::ReadError),
    /// Its windows or rules can't be computed.
    #[error("compiling the windows and rules")]
    Plan(#[from] PlanError),
}

/// What came of it, so that nothing can be left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Came {
    /// Readings that were decoded.
    pub readings: u64,
    /// Alerts for them.
    pub alerts: u64,
    /// Rows of windows.
    pub rows: usize,
}

/// Events of one commit.
const BATCH: usize = 10_000;

/// Decodes so many events of a pipeline, assigns them to windows, aggregates them, and takes rows as a busy
/// shard's commits do.
pub fn run(pipeline: &Path, events: u64, mut source: impl Events) -> Result<Came, HotError> {
    let pipeline = resource::read(pipeline)?;
    let config = RoleConfigs::of(&id_of(&pipeline), &pipeline.spec).process;
    let decoder = Decoder::new(&config.input);
    let plan = Arc::new(Plan::compile(
        &config.input,
        &config.windows,
        &config.rules,
    )?);
    let starts = vec![WindowStart::default(); plan.windows().len()];
    let mut engine = Engine::new(plan, None, &starts, 0);
    let mut event = Event::default();
    let mut payloads = Vec::new();
    for _ in 0..events {
        source.next(&mut event);
        payloads.push(event.value.clone());
    }
    let mut came = Came::default();
    for (number, batch) in payloads.chunks(BATCH).enumerate() {
        hot_path(
            &decoder,
            &mut engine,
            batch,
            (number * BATCH) as i64,
            &mut came,
        );
    }
    Ok(came)
}

/// Valgrind counts from when this is entered until it is left; by its name.
#[inline(never)]
fn hot_path(
    decoder: &Decoder,
    engine: &mut Engine,
    payloads: &[Vec<u8>],
    from: i64,
    came: &mut Came,
) {
    let mut scratch = Scratch::default();
    for (offset, payload) in (from..).zip(payloads) {
        let decided = decoder.decode(Some(payload), None, &mut scratch, |values, time| {
            engine.process(offset, time, values).alerts.len() as u64
        });
        if let Ok(alerts) = decided {
            came.readings += 1;
            came.alerts += alerts;
        }
    }
    let changes = engine.take_changes(usize::MAX);
    came.rows += changes
        .iter()
        .map(|window| window.upserts.len())
        .sum::<usize>();
    // What goes to the second stage is of a commit, too.
    came.rows += engine
        .end_range(Range {
            series: 0,
            from,
            to: from + payloads.len() as i64,
        })
        .len();
}
