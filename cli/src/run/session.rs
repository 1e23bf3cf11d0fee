//! A run from its start to its end: looks again and again, starts and stops roles as the plan says, and shows
//! how it is.

use std::{
    collections::BTreeMap,
    io,
    process::ExitCode,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sensorstream_operator::role::Role;
use tokio::time::{MissedTickBehavior, interval};

use super::{
    caretaker::{Caretaker, CaretakerError, Turn, has_drained, left_undone},
    logs::Warnings,
    newest::{Newest, Tables},
    progress::{Counts, Progress, Speedometer, Stage, grown, trouble},
    roles::{RoleError, Roles, Surroundings},
    show::{
        Show,
        summary::{Ending, Summary},
    },
    signals::Signals,
};

/// How often to look.
const TICK: Duration = Duration::from_millis(200);
/// How often it is shown how it is.
const SHOW: Duration = Duration::from_millis(400);
/// The metric that says that a simulator has nothing more to send.
const FINISHED: &str = "sensorstream_producer_finished";
/// How long roles may take to stop once everything is processed, or is not to be.
const STOP_WITHIN: Duration = Duration::from_secs(45);
/// How long a question to the database may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The exit status of what was stopped by a signal.
const INTERRUPTED: u8 = 130;

/// A run.
pub struct Session {
    pub caretaker: Caretaker,
    pub roles: Roles,
    pub around: Surroundings,
    pub show: Show,
    pub warnings: Warnings,
    pub tables: Tables,
    /// The alerts that there were before.
    pub alerts_before: BTreeMap<String, i64>,
    /// How long it is to run.
    pub duration: Option<Duration>,
    /// Whether it ends with what it reads.
    pub until_drained: bool,
    /// Where results stay.
    pub kept: Option<String>,
    /// When the program started.
    pub started: Instant,
    /// What asks for the end.
    pub signals: Signals,
}

/// Why a run went wrong.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The pipeline does not suit what is there.
    #[error(transparent)]
    Caretaker(#[from] CaretakerError),
    /// A part of it ended.
    #[error(transparent)]
    Role(#[from] RoleError),
    /// The terminal.
    #[error("using the terminal")]
    Terminal(#[source] io::Error),
}

/// How far a run is.
struct State {
    ready_at: Option<Instant>,
    draining: bool,
    speed: Speedometer,
    shown_at: Option<Instant>,
}

impl Session {
    /// Runs to the end.
    pub async fn run(mut self) -> Result<ExitCode, SessionError> {
        let result = self.until_it_ends().await;
        self.show.release();
        let stopped = self.stop_all().await;
        for warning in self.warnings.take() {
            self.show.warn(&warning);
        }
        let (ending, counts) = result?;
        let ending = if stopped? {
            ending
        } else {
            Ending::Interrupted
        };
        let alerts = within(self.tables.alerts()).await;
        let summary = Summary {
            pipeline: self.caretaker.name().to_owned(),
            ran: self.started.elapsed(),
            counts,
            alerts: grown(&alerts, &self.alerts_before),
            tables: within(self.tables.counts()).await,
            ending,
            kept: self.kept,
        };
        self.show.end(&summary);
        Ok(match &summary.ending {
            Ending::Interrupted => ExitCode::from(INTERRUPTED),
            _ if summary.is_good() => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        })
    }

    async fn until_it_ends(&mut self) -> Result<(Ending, Counts), SessionError> {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut state = State {
            ready_at: None,
            draining: false,
            speed: Speedometer::default(),
            shown_at: None,
        };
        let mut counts = Counts::default();
        let (mut before, mut unseen) = (None, None);
        loop {
            let asked = tokio::select! {
                () = self.signals.next() => true,
                _ = tick.tick() => false,
            };
            let asked = asked | self.show.asks_to_stop();
            if asked && (state.draining || state.ready_at.is_none()) {
                return Ok((Ending::Interrupted, counts));
            }
            for warning in self.warnings.take() {
                self.show.warn(&warning);
            }
            self.roles.look().await?;
            if !state.draining && (asked || self.is_over(&state)) {
                state.draining = true;
                self.caretaker.drain();
            }
            let workloads = self.roles.workloads();
            let turn = self.caretaker.turn(workloads, Timestamp::now()).await?;
            self.start_and_stop(&turn);
            if let Some(shards) = &turn.shards {
                let total = Counts::of(shards);
                // What was there before this run is not its own.
                if before.is_none() {
                    self.alerts_before = within(self.tables.alerts()).await;
                }
                counts = total.since(before.get_or_insert_with(|| total.clone()));
            }
            if turn.unseen != unseen {
                unseen.clone_from(&turn.unseen);
                if let Some(unseen) = &unseen {
                    self.show.warn(&format!("warning: {unseen}"));
                }
            }
            if state.ready_at.is_none() && self.is_ready(&turn) {
                state.ready_at = Some(Instant::now());
                self.show.ready(self.started.elapsed().as_secs_f64());
            }
            self.show_progress(&turn, &counts, &mut state).await?;
            if has_drained(&turn) {
                return Ok((Ending::Drained, counts));
            }
            if let Some(left) = left_undone(&turn) {
                return Ok((Ending::Overdue(left.to_owned()), counts));
            }
        }
    }

    /// Stops every role. Whether they could finish: not if they are told a second time, or take too long.
    async fn stop_all(&mut self) -> Result<bool, SessionError> {
        tokio::select! {
            stopped = self.roles.stop_all() => {
                stopped?;
                Ok(true)
            }
            () = self.signals.next() => Ok(false),
            () = tokio::time::sleep(STOP_WITHIN) => Ok(false),
        }
    }

    /// Whether it has run for as long as it was to.
    fn is_over(&self, state: &State) -> bool {
        let Some(ready_at) = state.ready_at else {
            return false;
        };
        let ran = self
            .duration
            .is_some_and(|duration| ready_at.elapsed() >= duration);
        ran || (self.until_drained && self.has_read_all())
    }

    /// Whether nothing more comes in.
    fn has_read_all(&self) -> bool {
        if self.around.feed.is_some() {
            return self.roles.has_ended(Role::Producer);
        }
        let finished = self.roles.metric(Role::Producer, FINISHED);
        // Without a simulator it is what is in the topic that is to be processed.
        finished.is_none_or(|finished| finished > 0.0)
    }

    fn start_and_stop(&mut self, turn: &Turn) {
        let Some(configs) = &turn.configs else { return };
        let reader = self.caretaker.reader();
        for (role, runs) in [
            (Role::Processor, turn.lifecycle.processor),
            (Role::Api, true),
            (Role::Producer, turn.lifecycle.producer),
        ] {
            if runs {
                self.roles
                    .start(role, configs, &self.around, reader.clone());
            } else {
                self.roles.stop(role);
            }
        }
    }

    fn is_ready(&self, turn: &Turn) -> bool {
        let feeds = turn
            .configs
            .as_ref()
            .is_some_and(|configs| configs.produce.is_some());
        let ready = |role| self.roles.is_ready(role);
        ready(Role::Processor) && ready(Role::Api) && (!feeds || ready(Role::Producer))
    }

    async fn show_progress(
        &mut self,
        turn: &Turn,
        counts: &Counts,
        state: &mut State,
    ) -> Result<(), SessionError> {
        if state.shown_at.is_some_and(|at| at.elapsed() < SHOW) {
            return Ok(());
        }
        state.shown_at = Some(Instant::now());
        let elapsed = self.started.elapsed();
        let at = match state.ready_at {
            _ if state.draining => Stage::Draining,
            Some(_) => Stage::Running,
            None => Stage::Starting,
        };
        let progress = Progress {
            stage: at,
            elapsed,
            speed: state.speed.take(elapsed, counts.read),
            curve: state.speed.curve(),
            lag: turn.figures.lag,
            watermark: turn.figures.watermark,
            counts: counts.clone(),
            newest: if self.show.has_rows() {
                within(self.tables.newest()).await
            } else {
                Newest::default()
            },
            trouble: trouble(&turn.figures, turn.unseen.as_deref()),
        };
        self.show
            .progress(&progress)
            .map_err(SessionError::Terminal)
    }
}

/// What a question to the database answers; nothing if that takes too long.
async fn within<T: Default>(question: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(ANSWER_WITHIN, question).await;
    answer.unwrap_or_default()
}
