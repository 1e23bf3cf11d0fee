//! Rows that wait to be taken.

use crate::{
    image::{ImageError, Reader, Writer, read_rows, write_rows},
    plan::WindowPlan,
    rows::{Cell, RowBuilder, Rows, WindowChanges},
};

/// Changes of a window's table that wait to be taken, each with the bucket of its group.
#[derive(Debug)]
pub(crate) struct Pending {
    deletes: Rows,
    delete_buckets: Vec<u8>,
    upserts: Rows,
    upsert_buckets: Vec<u8>,
}

impl Pending {
    /// No changes of a window's table.
    pub(crate) fn new(window: &WindowPlan) -> Self {
        Self {
            deletes: Rows::new(window.key_kinds()),
            delete_buckets: Vec::new(),
            upserts: Rows::new(window.row_kinds()),
            upsert_buckets: Vec::new(),
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.deletes.len() + self.upserts.len()
    }

    /// Begins a row of a group in `bucket` that is new or replaced.
    pub(crate) fn upsert(&mut self, bucket: usize) -> RowBuilder<'_> {
        self.upsert_buckets.push(bucket as u8);
        self.upserts.begin()
    }

    /// Adds a row of a group in `bucket` that is no more, by its key.
    pub(crate) fn delete<'a>(&mut self, bucket: usize, key: impl Iterator<Item = Cell<'a>>) {
        self.delete_buckets.push(bucket as u8);
        let mut row = self.deletes.begin();
        key.for_each(|cell| row.put(cell));
        row.finish();
    }

    /// The changes, leaving none behind.
    pub(crate) fn take(&mut self) -> WindowChanges {
        self.delete_buckets.clear();
        self.upsert_buckets.clear();
        WindowChanges {
            deletes: self.deletes.take(),
            upserts: self.upserts.take(),
        }
    }

    /// About how many bytes it takes.
    pub(crate) fn memory(&self) -> usize {
        let of = |rows: &Rows| rows.len() * (rows.columns.len() * size_of::<Cell<'_>>() + 1);
        of(&self.deletes) + of(&self.upserts)
    }

    /// Writes the changes of a bucket into an image.
    pub(crate) fn write(&self, bucket: usize, writer: &mut Writer) {
        let of_bucket = |buckets: &[u8]| -> Vec<usize> {
            (0..buckets.len())
                .filter(|row| usize::from(buckets[*row]) == bucket)
                .collect()
        };
        write_rows(writer, &self.deletes, &of_bucket(&self.delete_buckets));
        write_rows(writer, &self.upserts, &of_bucket(&self.upsert_buckets));
    }

    /// Reads the changes of a bucket out of an image.
    pub(crate) fn read(
        &mut self,
        bucket: usize,
        reader: &mut Reader<'_>,
    ) -> Result<(), ImageError> {
        for (rows, buckets) in [
            (&mut self.deletes, &mut self.delete_buckets),
            (&mut self.upserts, &mut self.upsert_buckets),
        ] {
            let read = read_rows(reader, rows)?;
            buckets.extend(std::iter::repeat_n(bucket as u8, read));
        }
        Ok(())
    }
}
