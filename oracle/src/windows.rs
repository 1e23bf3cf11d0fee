//! SQL for windows: which readings each takes.

/// A tumbling or sliding window.
#[derive(Clone, Copy, Debug)]
pub struct Sliding {
    /// How long it is, as an interval.
    pub size: &'static str,
    /// How far apart the beginnings of two are: as much as `size` if it tumbles.
    pub slide: &'static str,
    /// How much later than its end a reading may come.
    pub lateness: &'static str,
    /// Which readings it is offered, in SQL.
    pub condition: &'static str,
}

impl Sliding {
    /// A tumbling window that is offered all readings, up to its end.
    pub const fn tumbling(size: &'static str) -> Self {
        Self {
            size,
            slide: size,
            lateness: "0",
            condition: "true",
        }
    }

    /// Every reading offered, once for each instance of the window that it belongs to, with
    /// `window_start`, `window_end` and whether it is `late` for it.
    pub fn offered(&self, readings: &str) -> String {
        let Self {
            size,
            slide,
            lateness,
            condition,
        } = self;
        format!(
            "SELECT r.*, s AS window_start, s + interval '{size}' AS window_end,
                    coalesce(s + interval '{size}' + interval '{lateness}' <= watermark, false) AS late
               FROM {readings} r,
                    LATERAL (SELECT date_bin('{slide}', r.at, 'epoch') AS newest) n,
                    LATERAL generate_series(n.newest - interval '{size}' + interval '{slide}',
                                            n.newest, interval '{slide}') AS s
              WHERE {condition}"
        )
    }

    /// Those that count.
    pub fn taken(&self, readings: &str) -> String {
        format!(
            "SELECT * FROM ({}) o WHERE NOT late",
            self.offered(readings)
        )
    }
}

/// The readings that sessions take, with the number of the `session` within their group: those that are not
/// too late, in the order of their times; a pause longer than the gap begins another. `groups` are columns,
/// and `gap` is in seconds.
pub fn sessions(readings: &str, groups: &str, gap: u32) -> String {
    format!(
        "SELECT *, sum(begins) OVER (PARTITION BY {groups} ORDER BY at) AS session
           FROM (SELECT *, coalesce(at - lag(at) OVER (PARTITION BY {groups} ORDER BY at)
                                    > interval '{gap} seconds', true)::integer AS begins
                   FROM {readings}
                  WHERE watermark IS NULL OR at + interval '{gap} seconds' > watermark) b"
    )
}
