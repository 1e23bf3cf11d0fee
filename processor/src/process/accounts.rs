//! What became of a shard's readings in windows and rules, from the first to the last: what earlier
//! owners counted, and what this one's engine has since.

use std::collections::BTreeMap;

use sensorstream_engine::{Plan, RuleCounts, WindowCounts, WindowPlan, WindowStart};
use sensorstream_ledger::shard::{RuleAccount, ShardState, WindowAccount};

/// What became of a shard's readings in each window and rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// By window.
    pub windows: BTreeMap<String, WindowAccount>,
    /// By rule.
    pub rules: BTreeMap<String, RuleAccount>,
}

impl Accounts {
    /// The accounts that a plan goes on with from a shard's state. A window that the shard has not
    /// had before begins at its first boundary after `newest`, the newest time of what was read
    /// already, in microseconds since 1970.
    pub fn resume(plan: &Plan, state: &ShardState, newest: Option<i64>) -> Self {
        let window = |window: &WindowPlan| {
            let known = state.windows.get(&window.name);
            let account = match known {
                Some(account) if account.plan == plan_of(window) => account.clone(),
                _ => WindowAccount {
                    plan: plan_of(window),
                    from_us: newest.map(|newest| window.next_boundary(newest)),
                    ..WindowAccount::default()
                },
            };
            (window.name.clone(), account)
        };
        Self {
            windows: plan.windows().iter().map(window).collect(),
            rules: state.rules.clone(),
        }
    }

    /// Where each window of the plan begins.
    pub fn starts(&self, plan: &Plan) -> Vec<WindowStart> {
        plan.windows()
            .iter()
            .map(|window| WindowStart {
                from: self.windows[&window.name].from_us,
            })
            .collect()
    }

    /// These accounts and what has been counted since.
    #[must_use]
    pub fn with(&self, plan: &Plan, windows: &[WindowCounts], rules: &[RuleCounts]) -> Self {
        let mut all = self.clone();
        for (window, counted) in plan.windows().iter().zip(windows) {
            if let Some(account) = all.windows.get_mut(&window.name) {
                account.offered += counted.offered as i64;
                account.late += counted.late as i64;
            }
        }
        for (rule, counted) in plan.rules().iter().zip(rules) {
            let account = all.rules.entry(rule.name.clone()).or_default();
            account.alerts += counted.alerts as i64;
            account.suppressed += counted.suppressed as i64;
        }
        all
    }
}

/// What a window's rows mean, as the commit log has it.
fn plan_of(window: &WindowPlan) -> String {
    format!("{:016x}", window.hash)
}

/// Whether a shard of the first stage has state of the plan's windows or rules: whether it had any of
/// them before.
pub fn has_state(plan: &Plan, state: &ShardState) -> bool {
    let mut here = plan.windows().iter().filter(|window| !window.is_linked());
    let windows = here.any(|window| {
        let known = state.windows.get(&window.name);
        known.is_some_and(|account| account.plan == plan_of(window))
    });
    let rules = plan
        .rules()
        .iter()
        .any(|rule| state.rules.contains_key(&rule.name));
    windows || (rules && !plan.is_stateless())
}
