//! Requests and their answers, a file a family. What they mean is decided in the pure parts; here it is read from
//! and written to Kafka's messages.

mod cluster;
mod configs;
mod errors;
mod fetch;
mod group_offsets;
mod membership;
mod offsets;
mod produce;
mod topics;
mod transactions;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::{
    messages::{ApiKey, RequestHeader, ResponseHeader},
    protocol::{Decodable, Encodable, HeaderVersion, StrBytes},
};

use crate::state::Broker;

/// What is answered, from which to which version. Versions that Kafka added for what is not here (transactions
/// whose partitions are added by producing, topics named by id only, and the like) are left out.
const ANSWERED: [(ApiKey, i16, i16); 30] = [
    // Kafka names version 0 although it takes 3 and later only: librdkafka compresses nothing else.
    (ApiKey::Produce, 0, 11),
    (ApiKey::Fetch, 4, 16),
    (ApiKey::ListOffsets, 1, 7),
    (ApiKey::Metadata, 0, 12),
    (ApiKey::OffsetCommit, 2, 9),
    (ApiKey::OffsetFetch, 1, 9),
    (ApiKey::FindCoordinator, 0, 4),
    (ApiKey::JoinGroup, 0, 9),
    (ApiKey::Heartbeat, 0, 4),
    (ApiKey::LeaveGroup, 0, 5),
    (ApiKey::SyncGroup, 0, 5),
    (ApiKey::DescribeGroups, 0, 5),
    (ApiKey::ListGroups, 0, 5),
    (ApiKey::ApiVersions, 0, 4),
    (ApiKey::CreateTopics, 2, 7),
    (ApiKey::DeleteTopics, 1, 6),
    (ApiKey::DeleteRecords, 0, 2),
    (ApiKey::InitProducerId, 0, 4),
    (ApiKey::OffsetForLeaderEpoch, 2, 4),
    (ApiKey::AddPartitionsToTxn, 0, 3),
    (ApiKey::AddOffsetsToTxn, 0, 3),
    (ApiKey::EndTxn, 0, 3),
    (ApiKey::TxnOffsetCommit, 0, 3),
    (ApiKey::DescribeConfigs, 1, 4),
    (ApiKey::AlterConfigs, 0, 2),
    (ApiKey::CreatePartitions, 0, 3),
    (ApiKey::DeleteGroups, 0, 2),
    (ApiKey::IncrementalAlterConfigs, 0, 1),
    (ApiKey::OffsetDelete, 0, 0),
    (ApiKey::DescribeCluster, 0, 1),
];

/// Why a request can't be answered. The connection is closed, as Kafka does.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("a request is cut short")]
    Short,
    #[error("a request of kind {key} and version {version} is not for this broker")]
    Unsupported { key: i16, version: i16 },
    #[error("a request of kind {key:?} and version {version} can't be read: {why}")]
    Malformed {
        key: ApiKey,
        version: i16,
        why: String,
    },
    #[error("an answer of kind {key:?} and version {version} can't be written: {why}")]
    Unwritable {
        key: ApiKey,
        version: i16,
        why: String,
    },
}

/// A request on its way to an answer.
struct Exchange {
    key: ApiKey,
    version: i16,
    correlation: i32,
    client: String,
    body: Bytes,
}

/// Answers a request; none if the client wants no answer.
pub(crate) async fn answer(broker: &Broker, request: Bytes) -> Result<Option<Bytes>, RequestError> {
    let exchange = Exchange::read(request)?;
    let (x, version) = (&exchange, exchange.version);
    match x.key {
        ApiKey::ApiVersions if !x.is_answered() => {
            // In the oldest version, which every client reads.
            x.write(&cluster::unknown_version(), 0)
        }
        _ if !x.is_answered() => Err(RequestError::Unsupported {
            key: x.key as i16,
            version,
        }),
        ApiKey::ApiVersions => x.reply(&cluster::api_versions()),
        ApiKey::Metadata => x.reply(&cluster::metadata(broker, x.request()?, version)),
        ApiKey::DescribeCluster => x.reply(&cluster::describe(broker)),
        ApiKey::FindCoordinator => x.reply(&cluster::coordinator(broker, x.request()?)),
        ApiKey::CreateTopics => x.reply(&topics::create(broker, x.request()?)),
        ApiKey::CreatePartitions => x.reply(&topics::create_partitions(broker, x.request()?)),
        ApiKey::DeleteTopics => x.reply(&topics::delete(broker, x.request()?)),
        ApiKey::DeleteRecords => x.reply(&topics::delete_records(broker, x.request()?)),
        ApiKey::DescribeConfigs => x.reply(&configs::describe(broker, x.request()?)),
        ApiKey::AlterConfigs => x.reply(&configs::alter(broker, x.request()?)),
        ApiKey::IncrementalAlterConfigs => {
            x.reply(&configs::alter_incrementally(broker, x.request()?))
        }
        ApiKey::Produce => match produce::produce(broker, x.request()?) {
            Some(response) => x.reply(&response),
            None => Ok(None),
        },
        ApiKey::Fetch => x.reply(&fetch::fetch(broker, x.request()?, version).await),
        ApiKey::ListOffsets => x.reply(&offsets::list(broker, x.request()?)),
        ApiKey::OffsetForLeaderEpoch => x.reply(&offsets::of_epoch(broker, x.request()?)),
        ApiKey::InitProducerId => x.reply(&transactions::init(broker, &x.request()?)),
        ApiKey::AddPartitionsToTxn => {
            x.reply(&transactions::add_partitions(broker, x.request()?, version))
        }
        ApiKey::AddOffsetsToTxn => {
            x.reply(&transactions::add_offsets(broker, &x.request()?, version))
        }
        ApiKey::TxnOffsetCommit => {
            x.reply(&transactions::commit_offsets(broker, x.request()?, version))
        }
        ApiKey::EndTxn => x.reply(&transactions::end(broker, &x.request()?, version)),
        ApiKey::JoinGroup => {
            let request = x.request()?;
            x.reply(&membership::join(broker, request, version, &x.client).await)
        }
        ApiKey::SyncGroup => x.reply(&membership::sync(broker, x.request()?).await),
        ApiKey::Heartbeat => x.reply(&membership::heartbeat(broker, &x.request()?)),
        ApiKey::LeaveGroup => x.reply(&membership::leave(broker, x.request()?, version)),
        ApiKey::DescribeGroups => x.reply(&membership::describe(broker, x.request()?)),
        ApiKey::ListGroups => x.reply(&membership::list(broker, &x.request()?)),
        ApiKey::DeleteGroups => x.reply(&membership::delete(broker, x.request()?)),
        ApiKey::OffsetCommit => x.reply(&group_offsets::commit(broker, x.request()?)),
        ApiKey::OffsetFetch => x.reply(&group_offsets::fetch(broker, x.request()?, version)),
        ApiKey::OffsetDelete => x.reply(&group_offsets::delete(broker, x.request()?)),
        key => Err(RequestError::Unsupported {
            key: key as i16,
            version,
        }),
    }
}

impl Exchange {
    fn read(mut request: Bytes) -> Result<Self, RequestError> {
        let mut start = &request[..];
        let number = start.try_get_i16().map_err(|_| RequestError::Short)?;
        let version = start.try_get_i16().map_err(|_| RequestError::Short)?;
        let key = ApiKey::try_from(number).map_err(|()| RequestError::Unsupported {
            key: number,
            version,
        })?;
        // What a later version of this one request holds beside is not looked at.
        let known = version.clamp(0, key.valid_versions().max);
        let header = RequestHeader::decode(&mut request, key.request_header_version(known))
            .map_err(|error| RequestError::Malformed {
                key,
                version,
                why: error.to_string(),
            })?;
        Ok(Self {
            key,
            version,
            correlation: header.correlation_id,
            client: header.client_id.unwrap_or_default().to_string(),
            body: request,
        })
    }

    fn is_answered(&self) -> bool {
        ANSWERED
            .iter()
            .any(|(key, from, to)| *key == self.key && (*from..=*to).contains(&self.version))
    }

    fn request<Q: Decodable>(&self) -> Result<Q, RequestError> {
        Q::decode(&mut self.body.clone(), self.version).map_err(|error| RequestError::Malformed {
            key: self.key,
            version: self.version,
            why: error.to_string(),
        })
    }

    fn reply<R: Encodable + HeaderVersion>(
        &self,
        response: &R,
    ) -> Result<Option<Bytes>, RequestError> {
        self.write(response, self.version)
    }

    fn write<R: Encodable + HeaderVersion>(
        &self,
        response: &R,
        version: i16,
    ) -> Result<Option<Bytes>, RequestError> {
        let unwritable = |why: String| RequestError::Unwritable {
            key: self.key,
            version,
            why,
        };
        let size = response
            .compute_size(version)
            .map_err(|error| unwritable(error.to_string()))?;
        let mut frame = BytesMut::with_capacity(size + 16);
        frame.extend_from_slice(&[0; 4]);
        ResponseHeader::default()
            .with_correlation_id(self.correlation)
            .encode(&mut frame, R::header_version(version))
            .and_then(|()| response.encode(&mut frame, version))
            .map_err(|error| unwritable(error.to_string()))?;
        let length =
            i32::try_from(frame.len() - 4).map_err(|_| unwritable("it is too large".to_owned()))?;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        Ok(Some(frame.freeze()))
    }
}

/// A text for a message.
fn text(text: impl Into<String>) -> StrBytes {
    StrBytes::from_string(text.into())
}
