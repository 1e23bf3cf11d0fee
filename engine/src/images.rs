//! What the buckets of a window or of a rate limit were restored from.

use crate::{
    image::{ImageError, Reader, Writer},
    key::BUCKETS,
};

/// How far each bucket's image is ahead of the readings that are fed after it was read.
#[derive(Debug)]
pub(crate) struct Images {
    of_buckets: Box<[Ahead; BUCKETS as usize]>,
}

/// How far a bucket's image is ahead.
#[derive(Clone, Copy, Debug)]
struct Ahead {
    /// Readings below are in the image; `i64::MIN` without one.
    offset: i64,
    /// Where they had raised the watermark to; `i64::MIN` without one, and before any reading.
    watermark: i64,
}

impl Default for Images {
    fn default() -> Self {
        Self {
            of_buckets: Box::new(
                [Ahead {
                    offset: i64::MIN,
                    watermark: i64::MIN,
                }; BUCKETS as usize],
            ),
        }
    }
}

impl Images {
    /// Takes note that readings below an offset are in a bucket, and nothing came of them.
    pub(crate) fn set_empty(&mut self, bucket: usize, offset: i64) {
        self.of_buckets[bucket].offset = offset;
    }

    /// Whether a reading is in a bucket's image.
    pub(crate) fn hold(&self, bucket: usize, offset: i64) -> bool {
        offset < self.of_buckets[bucket].offset
    }

    /// Whether a window that closes at a watermark was closed already when a bucket's image was taken.
    /// Its rows were made then; the readings that it left out since are in the image too.
    pub(crate) fn closed(&self, bucket: usize, closes_at: i64) -> bool {
        closes_at <= self.of_buckets[bucket].watermark
    }

    /// Writes how far a bucket will be ahead of its next image's offset: where the image it came from is
    /// still ahead, it stays so.
    pub(crate) fn write(&self, bucket: usize, watermark: Option<i64>, writer: &mut Writer) {
        let ahead = self.of_buckets[bucket];
        writer.i64(ahead.offset);
        writer.i64(ahead.watermark.max(watermark.unwrap_or(i64::MIN)));
    }

    /// Reads how far a bucket is ahead: its image was taken at `offset` or was ahead then.
    pub(crate) fn read(
        &mut self,
        bucket: usize,
        offset: i64,
        reader: &mut Reader<'_>,
    ) -> Result<(), ImageError> {
        self.of_buckets[bucket] = Ahead {
            offset: offset.max(reader.i64()?),
            watermark: reader.i64()?,
        };
        Ok(())
    }
}
