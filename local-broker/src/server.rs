//! Connections: requests come in frames and are answered in their order, as Kafka does.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;

use crate::{
    services::{self, RequestError},
    state::{Broker, now_ms},
};

/// As Kafka's `socket.request.max.bytes`.
const LARGEST_REQUEST: usize = 100 * 1024 * 1024;
/// How exactly times are kept.
const TICK: Duration = Duration::from_millis(20);
/// How often old records are looked for.
const DELETE_EVERY: Duration = Duration::from_secs(1);

/// Why a connection is closed.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error("the connection broke")]
    Io(#[from] io::Error),
    #[error("a request has {0} bytes, which is too many or too few")]
    Size(i32),
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// Serves clients until it is told to stop.
pub(crate) async fn run(listener: TcpListener, broker: Arc<Broker>, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut deleted_at = Instant::now();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&broker)));
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection to the local broker");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            _ = tick.tick() => {
                let mut state = broker.state();
                state.expire(Instant::now(), now_ms());
                if deleted_at.elapsed() >= DELETE_EVERY {
                    deleted_at = Instant::now();
                    state.delete_old(now_ms());
                }
            }
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::warn!(%error, "a connection to the local broker");
                }
            }
        }
    }
    connections.shutdown().await;
}

async fn connection(stream: TcpStream, broker: Arc<Broker>) {
    match serve(stream, &broker).await {
        Ok(()) => {}
        Err(ConnectionError::Io(error)) => tracing::debug!(%error, "a connection ended"),
        Err(error) => tracing::warn!(%error, "a connection to the local broker is closed"),
    }
}

async fn serve(mut stream: TcpStream, broker: &Broker) -> Result<(), ConnectionError> {
    stream.set_nodelay(true)?;
    loop {
        let Some(request) = read(&mut stream).await? else {
            return Ok(());
        };
        if let Some(response) = services::answer(broker, request).await? {
            stream.write_all(&response).await?;
        }
    }
}

/// The next request; none when the client has closed the connection.
async fn read(stream: &mut TcpStream) -> Result<Option<Bytes>, ConnectionError> {
    let mut size = [0; 4];
    match stream.read_exact(&mut size).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let size = i32::from_be_bytes(size);
    let length = usize::try_from(size)
        .ok()
        .filter(|length| (1..=LARGEST_REQUEST).contains(length))
        .ok_or(ConnectionError::Size(size))?;
    let mut request = BytesMut::with_capacity(length.min(1 << 20));
    let mut body = stream.take(length as u64);
    while request.len() < length {
        if body.read_buf(&mut request).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    Ok(Some(request.freeze()))
}
