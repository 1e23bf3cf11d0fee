//! A way to PostgreSQL on which answers get lost: of every so many commits, the connection breaks after the
//! server has committed and before it can say so.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// A proxy in front of the server, until it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: String,
    /// How many commits there are to one that is cut.
    every: usize,
    commits: AtomicUsize,
    closed: AtomicBool,
}

impl Proxy {
    /// Listens, and passes on to the server.
    pub fn start(server: &str, every: usize) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            server: server.to_owned(),
            every,
            commits: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        });
        let proxy = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if proxy.closed.load(Ordering::Relaxed) {
                    return;
                }
                let proxy = Arc::clone(&proxy);
                thread::spawn(move || proxy.serve(&client));
            }
        });
        Self { address, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many answers were lost.
    pub fn cuts(&self) -> usize {
        self.shared.commits.load(Ordering::Relaxed) / self.shared.every
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        // So that it looks.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, client: &TcpStream) {
        let Ok(server) = TcpStream::connect(&self.server) else {
            return;
        };
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let asking = thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        self.answer(&server, client);
        for side in [client, &server] {
            let _ = side.shutdown(Shutdown::Both);
        }
        let _ = asking.join();
    }

    /// Passes on what the server says, message by message, until one side ends or an answer is to be lost.
    fn answer(&self, mut server: &TcpStream, mut client: &TcpStream) {
        let (mut waiting, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        loop {
            let Ok(length @ 1..) = server.read(&mut buffer) else {
                return;
            };
            waiting.extend_from_slice(&buffer[..length]);
            let mut passed = 0;
            while let Some(message) = first_message(&waiting[passed..]) {
                if message[0] == b'C' && &message[5..] == b"COMMIT\0" {
                    let number = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
                    if number.is_multiple_of(self.every) {
                        return;
                    }
                }
                passed += message.len();
            }
            if client.write_all(&waiting[..passed]).is_err() {
                return;
            }
            waiting.drain(..passed);
        }
    }
}

/// The first message, if all of it is there: a byte for its kind, then its length without that byte.
fn first_message(bytes: &[u8]) -> Option<&[u8]> {
    let length: [u8; 4] = bytes.get(1..5)?.try_into().ok()?;
    bytes.get(..1 + u32::from_be_bytes(length) as usize)
}
