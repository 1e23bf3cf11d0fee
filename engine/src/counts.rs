//! What became of the readings.

/// What became of the readings, from the offset on that the engine counts from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In the order of the plan's windows.
    pub windows: Vec<WindowCounts>,
    /// In the order of the plan's rules.
    pub rules: Vec<RuleCounts>,
}

/// What became of the readings offered to a window. A reading counts once for every instance of a
/// sliding window that it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowCounts {
    /// Readings offered.
    pub offered: u64,
    /// Those of them that came too late.
    pub late: u64,
}

/// What a rule came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCounts {
    /// Alerts.
    pub alerts: u64,
    /// Alerts that its rate limit left out.
    pub suppressed: u64,
}
