//! Record batches, as producers send them and consumers take them: checked, stamped with their offset, and
//! otherwise passed on as they are, compressed or not.

use bytes::{Buf, Bytes, BytesMut};

/// Where a batch's fields are.
mod at {
    pub(super) const LENGTH: usize = 8;
    pub(super) const LEADER_EPOCH: usize = 12;
    pub(super) const MAGIC: usize = 16;
    pub(super) const CRC: usize = 17;
    /// The checksum is of all that follows.
    pub(super) const ATTRIBUTES: usize = 21;
    pub(super) const MAX_TIMESTAMP: usize = 35;
    pub(super) const RECORDS: usize = 61;
}

const COMPRESSION: i16 = 0b111;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

/// The epoch of the only leader there ever is.
pub(crate) const LEADER_EPOCH: i32 = 0;

/// A producer, and which life of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
}

/// What a batch says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) attributes: i16,
    pub(crate) records: i32,
    pub(crate) base_timestamp: i64,
    pub(crate) max_timestamp: i64,
    pub(crate) producer: Option<Identity>,
    pub(crate) base_sequence: i32,
}

/// Why a batch is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BatchError {
    #[error("the batch is damaged")]
    Corrupt,
    #[error("the batch is in a format before that of Kafka 0.11")]
    Old,
    #[error("the batch contradicts itself")]
    Invalid,
}

/// A batch that has been checked and has no offset yet.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) header: Header,
    /// A copy of its own: the request that it came in may be much larger.
    bytes: BytesMut,
}

impl Header {
    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    fn read(mut bytes: &[u8]) -> Self {
        bytes.advance(at::ATTRIBUTES);
        let attributes = bytes.get_i16();
        let _last_offset_delta = bytes.get_i32();
        let base_timestamp = bytes.get_i64();
        let max_timestamp = bytes.get_i64();
        let producer_id = bytes.get_i64();
        let epoch = bytes.get_i16();
        Self {
            attributes,
            base_timestamp,
            max_timestamp,
            producer: (producer_id >= 0).then_some(Identity { producer_id, epoch }),
            base_sequence: bytes.get_i32(),
            records: bytes.get_i32(),
        }
    }
}

impl Incoming {
    /// Checks what a producer sent for a partition: one batch, whole and consistent.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, BatchError> {
        match bytes.get(at::MAGIC) {
            Some(2) => {}
            Some(0 | 1) => return Err(BatchError::Old),
            _ => return Err(BatchError::Corrupt),
        }
        if bytes.len() < at::RECORDS {
            return Err(BatchError::Corrupt);
        }
        let length = usize::try_from((&bytes[at::LENGTH..]).get_i32());
        match length.map(|length| length.saturating_add(at::LEADER_EPOCH)) {
            Ok(length) if length == bytes.len() => {}
            // Kafka takes no second batch for a partition either.
            Ok(length) if length < bytes.len() => return Err(BatchError::Invalid),
            _ => return Err(BatchError::Corrupt),
        }
        if (&bytes[at::CRC..]).get_u32() != crc32c::crc32c(&bytes[at::ATTRIBUTES..]) {
            return Err(BatchError::Corrupt);
        }
        let header = Header::read(bytes);
        let last_offset_delta = (&bytes[at::ATTRIBUTES + 2..]).get_i32();
        let is_consistent = header.records > 0
            && header.records.checked_sub(1) == Some(last_offset_delta)
            && header.attributes & CONTROL == 0
            && (header.producer.is_some() || !header.is_transactional())
            && header
                .producer
                .is_none_or(|producer| producer.epoch >= 0 && header.base_sequence >= 0);
        if !is_consistent {
            return Err(BatchError::Invalid);
        }
        Ok(Self {
            header,
            bytes: BytesMut::from(bytes),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Its place in the log, and the time that its records get there if not their own.
    pub(crate) fn stamp(mut self, offset: i64, append_time: Option<i64>) -> (Header, Bytes) {
        put(&mut self.bytes, 0, &offset.to_be_bytes());
        put(
            &mut self.bytes,
            at::LEADER_EPOCH,
            &LEADER_EPOCH.to_be_bytes(),
        );
        if let Some(time) = append_time {
            self.header.attributes |= LOG_APPEND_TIME;
            self.header.max_timestamp = time;
            let attributes = self.header.attributes.to_be_bytes();
            put(&mut self.bytes, at::ATTRIBUTES, &attributes);
            put(&mut self.bytes, at::MAX_TIMESTAMP, &time.to_be_bytes());
            seal(&mut self.bytes);
        }
        (self.header, self.bytes.freeze())
    }
}

/// The end of a transaction in one partition, as its log shows it to consumers.
pub(crate) fn marker(producer: Identity, committed: bool, offset: i64, time: i64) -> Bytes {
    let mut bytes = BytesMut::zeroed(at::RECORDS);
    // Length, attributes, differences of time and offset, then key and value with their lengths, no headers.
    bytes.extend_from_slice(&[32, 0, 0, 0, 8]);
    bytes.extend_from_slice(&[0, 0, 0, u8::from(committed)]);
    bytes.extend_from_slice(&[12, 0, 0, 0, 0, 0, 0, 0]);
    let length = (bytes.len() - at::LEADER_EPOCH) as i32;
    put(&mut bytes, 0, &offset.to_be_bytes());
    put(&mut bytes, at::LENGTH, &length.to_be_bytes());
    put(&mut bytes, at::LEADER_EPOCH, &LEADER_EPOCH.to_be_bytes());
    put(&mut bytes, at::MAGIC, &[2]);
    let rest = [
        (TRANSACTIONAL | CONTROL).to_be_bytes().as_slice(),
        &0_i32.to_be_bytes(),
        &time.to_be_bytes(),
        &time.to_be_bytes(),
        &producer.producer_id.to_be_bytes(),
        &producer.epoch.to_be_bytes(),
        &(-1_i32).to_be_bytes(),
        &1_i32.to_be_bytes(),
    ]
    .concat();
    put(&mut bytes, at::ATTRIBUTES, &rest);
    seal(&mut bytes);
    bytes.freeze()
}

/// The offset and time of the first record of a stamped batch that is not before a time. Compressed records are
/// not looked into: it is the batch's first then.
pub(crate) fn first_not_before(bytes: &[u8], time: i64) -> Option<(i64, i64)> {
    let header = Header::read(bytes);
    if header.max_timestamp < time {
        return None;
    }
    let base = (&bytes[..at::LENGTH]).get_i64();
    if header.attributes & LOG_APPEND_TIME != 0 {
        return Some((base, header.max_timestamp));
    }
    if header.attributes & COMPRESSION != 0 {
        return Some((base, header.base_timestamp));
    }
    let mut rest = &bytes[at::RECORDS..];
    for _ in 0..header.records {
        let length = usize::try_from(varint(&mut rest)?).ok()?;
        let (record, next) = rest.split_at_checked(length)?;
        rest = next;
        let mut fields = record.get(1..)?;
        let timestamp = header.base_timestamp.checked_add(varint(&mut fields)?)?;
        let offset = base.checked_add(varint(&mut fields)?)?;
        if timestamp >= time {
            return Some((offset, timestamp));
        }
    }
    None
}

fn varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn seal(bytes: &mut [u8]) {
    let crc = crc32c::crc32c(&bytes[at::ATTRIBUTES..]);
    put(bytes, at::CRC, &crc.to_be_bytes());
}

#[cfg(test)]
pub(crate) mod tests {
    use kafka_protocol::records::{
        Compression, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions,
        TimestampType,
    };

    use super::*;

    /// A batch as a producer makes it, with records of these times.
    pub(crate) fn made(
        producer: Option<Identity>,
        sequence: i32,
        times: &[i64],
        transactional: bool,
    ) -> Bytes {
        let records: Vec<Record> = (0_i32..)
            .zip(times)
            .map(|(index, &timestamp)| Record {
                transactional,
                control: false,
                delete_horizon: false,
                partition_leader_epoch: -1,
                producer_id: producer.map_or(-1, |producer| producer.producer_id),
                producer_epoch: producer.map_or(-1, |producer| producer.epoch),
                timestamp_type: TimestampType::Creation,
                offset: i64::from(index),
                sequence: sequence.wrapping_add(index),
                timestamp,
                key: None,
                value: Some(Bytes::from(format!("{sequence}+{index}"))),
                headers: kafka_protocol::indexmap::IndexMap::new(),
            })
            .collect();
        let mut bytes = BytesMut::new();
        let options = RecordEncodeOptions {
            version: 2,
            compression: Compression::None,
        };
        RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
        bytes.freeze()
    }

    const PRODUCER: Identity = Identity {
        producer_id: 7,
        epoch: 3,
    };

    #[test]
    fn a_stamped_batch_has_its_offset_and_is_otherwise_as_it_was_sent() {
        let sent = made(Some(PRODUCER), 0, &[10, 30, 20], false);
        let (header, mut stamped) = Incoming::read(&sent).unwrap().stamp(100, None);
        assert_eq!(header.producer, Some(PRODUCER));
        assert_eq!(header.max_timestamp, 30);
        assert_eq!(stamped[16..], sent[16..]);
        let read = RecordBatchDecoder::decode(&mut stamped).unwrap().records;
        let offsets: Vec<_> = read.iter().map(|record| record.offset).collect();
        assert_eq!(offsets, [100, 101, 102]);
    }

    #[test]
    fn the_time_of_appending_replaces_the_records_own() {
        let sent = made(None, -1, &[10, 30, 20], false);
        let (_, mut stamped) = Incoming::read(&sent).unwrap().stamp(5, Some(1_000));
        assert_eq!(first_not_before(&stamped, 1_001), None);
        assert_eq!(first_not_before(&stamped, 25), Some((5, 1_000)));
        // Decoding checks the checksum.
        let read = RecordBatchDecoder::decode(&mut stamped).unwrap().records;
        assert_eq!(read[0].timestamp_type, TimestampType::LogAppend);
    }

    #[test]
    fn records_are_found_by_their_time() {
        let sent = made(None, -1, &[10, 30, 20], false);
        let (_, stamped) = Incoming::read(&sent).unwrap().stamp(5, None);
        assert_eq!(first_not_before(&stamped, 0), Some((5, 10)));
        assert_eq!(first_not_before(&stamped, 11), Some((6, 30)));
        assert_eq!(first_not_before(&stamped, 31), None);
    }

    #[test]
    fn a_marker_is_read_as_kafka_s_own() {
        let mut bytes = marker(PRODUCER, true, 42, 1_000);
        let records = RecordBatchDecoder::decode(&mut bytes).unwrap().records;
        let [record] = &records[..] else {
            panic!("{records:?}")
        };
        assert!(record.control && record.transactional);
        assert_eq!((record.offset, record.timestamp), (42, 1_000));
        assert_eq!(record.key.as_deref(), Some(&[0, 0, 0, 1][..]));
        assert_eq!(record.value.as_deref(), Some(&[0; 6][..]));
        assert_eq!((record.producer_id, record.producer_epoch), (7, 3));
    }

    #[test]
    fn what_is_no_whole_batch_is_refused() {
        let sent = made(Some(PRODUCER), 0, &[10, 30, 20], true);
        for length in 0..sent.len() {
            assert_eq!(
                Incoming::read(&sent[..length]).unwrap_err(),
                BatchError::Corrupt
            );
        }
        for index in at::LENGTH..sent.len() {
            let mut damaged = sent.to_vec();
            damaged[index] ^= 0x40;
            let is_passed_on = (at::LEADER_EPOCH..at::MAGIC).contains(&index);
            assert_eq!(Incoming::read(&damaged).is_ok(), is_passed_on, "{index}");
        }
        let two = [&sent[..], &sent].concat();
        assert_eq!(Incoming::read(&two).unwrap_err(), BatchError::Invalid);
        let marker = marker(PRODUCER, true, 42, 1_000);
        assert_eq!(Incoming::read(&marker).unwrap_err(), BatchError::Invalid);
    }
}
