//! How far event time has come.

/// The newest event time seen less the delay that is allowed for. It never falls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watermark {
    /// In microseconds since 1970; none before the first reading.
    at: Option<i64>,
    max_delay: i64,
}

impl Watermark {
    /// A watermark that stands at `at` and trails readings by `max_delay` microseconds.
    pub(crate) fn new(at: Option<i64>, max_delay: i64) -> Self {
        Self { at, max_delay }
    }

    /// Where it stands, in microseconds since 1970.
    pub(crate) fn get(self) -> Option<i64> {
        self.at
    }

    /// Takes note of a reading's event time. Where the watermark stands now, if that raised it.
    pub(crate) fn raise(&mut self, time: i64) -> Option<i64> {
        let candidate = time.saturating_sub(self.max_delay);
        if self.at.is_some_and(|at| at >= candidate) {
            return None;
        }
        self.at = Some(candidate);
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::Watermark;

    #[test]
    fn it_trails_the_newest_reading_and_never_falls() {
        let mut watermark = Watermark::new(None, 10);
        assert_eq!(watermark.get(), None);
        assert_eq!(watermark.raise(100), Some(90));
        assert_eq!(watermark.raise(99), None);
        assert_eq!(watermark.raise(100), None);
        assert_eq!(watermark.get(), Some(90));
        assert_eq!(watermark.raise(101), Some(91));
    }

    #[test]
    fn it_resumes_where_it_stood() {
        let mut watermark = Watermark::new(Some(500), 10);
        assert_eq!(watermark.raise(505), None);
        assert_eq!(watermark.get(), Some(500));
    }
}
