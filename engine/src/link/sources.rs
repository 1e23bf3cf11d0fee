//! How far each shard of the first stage is, as one shard of the second has heard.

use super::{
    Header,
    message::{LinkError, Range},
};
use crate::{
    engine::WindowStart,
    image::{ImageError, Reader, Writer},
};

/// How far each shard of the first stage is. A function of the messages so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    heard: Vec<Option<Source>>,
    /// How many there are of which a message is waited for.
    expected: usize,
    /// The least watermark of all so far; it never falls.
    watermark: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    series: i64,
    /// The next range begins here.
    next: i64,
    watermark: Option<i64>,
    /// The windows that it sends, by digest, and where they begin there.
    windows: Vec<(u64, WindowStart)>,
}

/// What is to be done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    /// It is the next.
    Next,
    /// It was taken before.
    Known,
}

impl Sources {
    /// Nothing was heard of any of so many.
    pub(crate) fn new(expected: usize) -> Self {
        Self {
            expected,
            ..Self::default()
        }
    }

    /// Whether a message is the next of its source.
    pub(crate) fn admit(&self, header: &Header) -> Result<Admitted, LinkError> {
        let Range { series, from, to } = header.range;
        match self.get(header.source) {
            Some(known) if series < known.series => Ok(Admitted::Known),
            Some(known) if series == known.series => {
                if from == known.next {
                    Ok(Admitted::Next)
                } else if to <= known.next {
                    Ok(Admitted::Known)
                } else {
                    Err(LinkError::Gap {
                        from_partition: header.source,
                        expected: known.next,
                        found: from,
                    })
                }
            }
            // The first of all, or of a new series.
            _ => Ok(Admitted::Next),
        }
    }

    /// Takes note of a message.
    pub(crate) fn note(&mut self, header: &Header, windows: Vec<(u64, WindowStart)>) {
        let place = header.source.unsigned_abs() as usize;
        if self.heard.len() <= place {
            self.heard.resize(place + 1, None);
        }
        let before = self.heard[place].take();
        self.heard[place] = Some(Source {
            series: header.range.series,
            next: header.range.to,
            watermark: before
                .and_then(|before| before.watermark)
                .max(header.watermark),
            windows,
        });
        self.watermark = self.watermark.max(self.least());
    }

    fn get(&self, source: i32) -> Option<&Source> {
        self.heard.get(source.unsigned_abs() as usize)?.as_ref()
    }

    /// Those that count: what is heard of others, and of those that there are no longer, does not hold
    /// anything back.
    fn all(&self) -> Option<Vec<&Source>> {
        (0..self.expected)
            .map(|place| self.heard.get(place)?.as_ref())
            .collect()
    }

    fn least(&self) -> Option<i64> {
        let all = self.all()?;
        all.iter()
            .map(|source| source.watermark)
            .min()
            .unwrap_or_default()
    }

    /// The least watermark of all sources so far, in microseconds since 1970; none before every one has
    /// one.
    pub(crate) fn watermark(&self) -> Option<i64> {
        self.watermark
    }

    /// The greatest watermark of a source.
    pub(crate) fn newest(&self) -> Option<i64> {
        self.heard
            .iter()
            .flatten()
            .filter_map(|source| source.watermark)
            .max()
    }

    /// Where a window begins: where it has the readings of all sources. None before each sends it.
    pub(crate) fn start_of(&self, digest: u64) -> Option<WindowStart> {
        let starts = self.all()?.into_iter().map(|source| {
            let found = source.windows.iter().find(|(window, _)| *window == digest);
            found.map(|(_, start)| start.from)
        });
        let starts: Vec<Option<i64>> = starts.collect::<Option<_>>()?;
        Some(WindowStart {
            from: starts.into_iter().max().flatten(),
        })
    }

    /// Writes them.
    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.optional_i64(self.watermark);
        writer.count(self.heard.len() as u64);
        for source in &self.heard {
            writer.bool(source.is_some());
            let Some(source) = source else { continue };
            writer.i64(source.series);
            writer.i64(source.next);
            writer.optional_i64(source.watermark);
            writer.count(source.windows.len() as u64);
            for (digest, start) in &source.windows {
                writer.u64(*digest);
                writer.optional_i64(start.from);
            }
        }
    }

    /// Reads those of which so many are expected.
    pub(crate) fn read(expected: usize, reader: &mut Reader<'_>) -> Result<Self, ImageError> {
        let watermark = reader.optional_i64()?;
        let mut heard = Vec::new();
        for _ in 0..reader.count()? {
            heard.push(if reader.bool()? {
                Some(Source {
                    series: reader.i64()?,
                    next: reader.i64()?,
                    watermark: reader.optional_i64()?,
                    windows: (0..reader.count()?)
                        .map(|_| {
                            let digest = reader.u64()?;
                            let from = reader.optional_i64()?;
                            Ok((digest, WindowStart { from }))
                        })
                        .collect::<Result<_, ImageError>>()?,
                })
            } else {
                None
            });
        }
        Ok(Self {
            heard,
            expected,
            watermark,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(source: i32, series: i64, from: i64, to: i64, watermark: i64) -> Header {
        Header {
            source,
            range: Range { series, from, to },
            watermark: Some(watermark),
        }
    }

    #[test]
    fn ranges_follow_one_another_and_gaps_are_found() {
        let mut sources = Sources::new(1);
        let first = header(0, 1, 5, 10, 100);
        assert_eq!(sources.admit(&first), Ok(Admitted::Next));
        sources.note(&first, Vec::new());
        assert_eq!(sources.admit(&first), Ok(Admitted::Known));
        assert_eq!(
            sources.admit(&header(0, 1, 10, 10, 120)),
            Ok(Admitted::Next)
        );
        assert_eq!(
            sources.admit(&header(0, 1, 10, 12, 120)),
            Ok(Admitted::Next)
        );
        let gap = sources.admit(&header(0, 1, 11, 12, 120));
        assert!(matches!(
            gap,
            Err(LinkError::Gap {
                expected: 10,
                found: 11,
                ..
            })
        ));
        assert_eq!(sources.admit(&header(0, 2, 3, 4, 120)), Ok(Admitted::Next));
        assert_eq!(sources.admit(&header(0, 0, 3, 4, 120)), Ok(Admitted::Known));
    }

    #[test]
    fn the_watermark_is_the_least_of_all_and_never_falls() {
        let mut sources = Sources::new(2);
        sources.note(&header(0, 1, 0, 1, 100), Vec::new());
        assert_eq!(sources.watermark(), None);
        sources.note(&header(1, 1, 0, 1, 50), Vec::new());
        assert_eq!(sources.watermark(), Some(50));
        // A partition more.
        sources.expected = 3;
        sources.note(&header(2, 1, 0, 1, 10), Vec::new());
        assert_eq!(sources.watermark(), Some(50));
        let mut writer = Writer::default();
        sources.write(&mut writer);
        let bytes = writer.into_bytes();
        assert_eq!(Sources::read(3, &mut Reader::new(&bytes)), Ok(sources));
    }

    #[test]
    fn a_window_begins_where_all_have_it() {
        let mut sources = Sources::new(2);
        let start = |from| WindowStart { from };
        sources.note(&header(0, 1, 0, 1, 1), vec![(7, start(Some(30)))]);
        assert_eq!(sources.start_of(7), None);
        sources.note(
            &header(1, 1, 0, 1, 1),
            vec![(7, start(None)), (8, start(None))],
        );
        assert_eq!(sources.start_of(7), Some(start(Some(30))));
        assert_eq!(sources.start_of(8), None);
    }
}
