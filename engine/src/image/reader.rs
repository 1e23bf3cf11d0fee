//! Reading numbers and texts; never beyond the end.

use super::ImageError;

/// The rest of some bytes that a [`super::Writer`] wrote.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads bytes from their beginning.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// That everything was read.
    pub(crate) fn end(self) -> Result<(), ImageError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(ImageError::Damaged("bytes after the end"))
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ImageError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(ImageError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, ImageError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    pub(crate) fn u16(&mut self) -> Result<u16, ImageError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, ImageError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn i64(&mut self) -> Result<i64, ImageError> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    pub(crate) fn i128(&mut self) -> Result<i128, ImageError> {
        Ok(i128::from_le_bytes(self.array()?))
    }

    pub(crate) fn f64(&mut self) -> Result<f64, ImageError> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    pub(crate) fn bool(&mut self) -> Result<bool, ImageError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(ImageError::Damaged("neither true nor false")),
        }
    }

    pub(crate) fn count(&mut self) -> Result<u64, ImageError> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.u8()?;
            let part = u64::from(byte & 0x7f);
            if part << shift >> shift != part {
                break;
            }
            number |= part << shift;
            if byte & 0x80 == 0 && i64::try_from(number).is_ok() {
                return Ok(number);
            }
        }
        Err(ImageError::Damaged("a count of more than 63 bits"))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], ImageError> {
        let length = self.count()?;
        self.raw(usize::try_from(length).map_err(|_| ImageError::Truncated)?)
    }

    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8], ImageError> {
        let (bytes, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(ImageError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, ImageError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| ImageError::Damaged("a text is not UTF-8"))
    }

    pub(crate) fn optional_i64(&mut self) -> Result<Option<i64>, ImageError> {
        Ok(if self.bool()? {
            Some(self.i64()?)
        } else {
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Writer, *};

    proptest! {
        #[test]
        fn what_is_written_is_read(
            count in 0..=i64::MAX as u64, wide in any::<i128>(), number in prop::num::f64::NORMAL,
            truth in any::<bool>(), text in any::<String>(), perhaps in any::<Option<i64>>(),
        ) {
            let mut writer = Writer::default();
            writer.count(count);
            writer.i128(wide);
            writer.f64(number);
            writer.bool(truth);
            writer.bytes(text.as_bytes());
            writer.optional_i64(perhaps);
            let bytes = writer.into_bytes();
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.count(), Ok(count));
            prop_assert_eq!(reader.i128(), Ok(wide));
            prop_assert_eq!(reader.f64(), Ok(number));
            prop_assert_eq!(reader.bool(), Ok(truth));
            prop_assert_eq!(reader.text(), Ok(text.as_str()));
            prop_assert_eq!(reader.optional_i64(), Ok(perhaps));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn no_bytes_make_it_fail_badly(bytes in prop::collection::vec(any::<u8>(), 0..30)) {
            let mut reader = Reader::new(&bytes);
            while reader.count().is_ok() && reader.bytes().is_ok() && reader.optional_i64().is_ok() {}
        }
    }

    #[test]
    fn a_count_of_more_than_63_bits_is_refused() {
        let mut reader = Reader::new(&[0xff; 11]);
        assert!(matches!(reader.count(), Err(ImageError::Damaged(_))));
    }
}
