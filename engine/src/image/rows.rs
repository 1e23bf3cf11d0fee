//! Rows that were not taken yet.

use super::{ImageError, Reader, Writer};
use crate::rows::{Cell, Rows};

const NULL: u8 = 0;
const TEXT: u8 = 1;
const DOUBLE: u8 = 2;
const INTEGER: u8 = 3;
const LONG: u8 = 4;
const BOOLEAN: u8 = 5;
const TIMESTAMP: u8 = 6;
const NUMERIC: u8 = 7;

/// Writes the rows with these numbers.
pub(crate) fn write_rows(writer: &mut Writer, rows: &Rows, numbers: &[usize]) {
    writer.count(numbers.len() as u64);
    for number in numbers {
        for cell in rows.row(*number) {
            write_cell(writer, cell);
        }
    }
}

/// Reads rows and appends them to those that are there. How many they are.
pub(crate) fn read_rows(reader: &mut Reader<'_>, rows: &mut Rows) -> Result<usize, ImageError> {
    let mut read = 0;
    for _ in 0..reader.count()? {
        let cells = rows
            .columns
            .iter()
            .map(|column| {
                let cell = read_cell(reader)?;
                if cell.fits(column.kind()) {
                    Ok(cell)
                } else {
                    Err(ImageError::Damaged("a value of another kind in a row"))
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let mut row = rows.begin();
        for cell in cells {
            row.put(cell);
        }
        row.finish();
        read += 1;
    }
    Ok(read)
}

fn write_cell(writer: &mut Writer, cell: Cell<'_>) {
    match cell {
        Cell::Null => writer.u8(NULL),
        Cell::Text(text) => {
            writer.u8(TEXT);
            writer.bytes(text.as_bytes());
        }
        Cell::Double(number) => {
            writer.u8(DOUBLE);
            writer.f64(number);
        }
        Cell::Integer(number) => {
            writer.u8(INTEGER);
            writer.i64(number.into());
        }
        Cell::Long(number) => {
            writer.u8(LONG);
            writer.i64(number);
        }
        Cell::Boolean(truth) => {
            writer.u8(BOOLEAN);
            writer.bool(truth);
        }
        Cell::Timestamp(micros) => {
            writer.u8(TIMESTAMP);
            writer.i64(micros);
        }
        Cell::Numeric(number) => {
            writer.u8(NUMERIC);
            writer.i128(number);
        }
    }
}

fn read_cell<'a>(reader: &mut Reader<'a>) -> Result<Cell<'a>, ImageError> {
    Ok(match reader.u8()? {
        NULL => Cell::Null,
        TEXT => Cell::Text(reader.text()?),
        DOUBLE => Cell::Double(reader.f64()?),
        INTEGER => Cell::Integer(
            reader
                .i64()?
                .try_into()
                .map_err(|_| ImageError::Damaged("an integer of more than 32 bits"))?,
        ),
        LONG => Cell::Long(reader.i64()?),
        BOOLEAN => Cell::Boolean(reader.bool()?),
        TIMESTAMP => Cell::Timestamp(reader.i64()?),
        NUMERIC => Cell::Numeric(reader.i128()?),
        _ => return Err(ImageError::Damaged("a value of an unknown kind")),
    })
}
