//! A real S3 server of a test's own: MinIO, built from its Go module.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use object_store::{ObjectStoreExt, aws::AmazonS3Builder, path::Path as ObjectPath};
use tempfile::TempDir;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_mins(1);
/// The key that it knows.
pub const KEY: &str = "sensorstream";
/// And its secret.
pub const SECRET: &str = "only-for-tests";

/// A running server, on a free port of this machine.
pub struct Minio {
    program: PathBuf,
    process: Child,
    address: SocketAddr,
    /// Its objects and its log.
    folder: TempDir,
}

impl Minio {
    /// Starts a server with these buckets.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(buckets: &[&str]) -> Self {
        let program = program();
        let folder = TempDir::new().expect("a folder");
        for bucket in buckets {
            // A folder that is there when it starts is a bucket.
            fs::create_dir_all(folder.path().join("data").join(bucket)).expect("a bucket");
        }
        let address = free_address();
        let process = run(&program, address, folder.path());
        let mut server = Self {
            program,
            process,
            address,
            folder,
        };
        server.wait();
        server
    }

    /// Kills it.
    ///
    /// # Panics
    /// When it has ended by itself.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it has ended");
    }

    /// Starts it again after it was killed: at the same address, with all objects.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn restart(&mut self) {
        self.process = run(&self.program, self.address, self.folder.path());
        self.wait();
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_ready() {
            let ended = self.process.try_wait().expect("its state");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "MinIO is not up ({ended:?}): {}",
                fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn is_ready(&self) -> bool {
        let answer = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            let request = format!(
                "GET /minio/health/ready HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n",
                self.address
            );
            stream.write_all(request.as_bytes())?;
            let mut text = String::new();
            stream.read_to_string(&mut text)?;
            Ok(text)
        };
        answer().is_ok_and(|text| text.split(' ').nth(1) == Some("200"))
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bytes of an object.
    ///
    /// # Panics
    /// When there is none.
    pub async fn object(&self, bucket: &str, path: &str) -> Bytes {
        let store = AmazonS3Builder::new()
            .with_endpoint(self.endpoint())
            .with_allow_http(true)
            .with_access_key_id(KEY)
            .with_secret_access_key(SECRET)
            .with_bucket_name(bucket)
            .build()
            .expect("a client");
        let found = store.get(&ObjectPath::from(path)).await;
        found.expect("an object").bytes().await.expect("its bytes")
    }
}

impl Drop for Minio {
    fn drop(&mut self) {
        // By its id; it may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the program.
fn run(program: &Path, address: SocketAddr, folder: &Path) -> Child {
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .expect("a log");
    Command::new(program)
        .args(["server", "--quiet", "--address", &address.to_string()])
        .arg(folder.join("data"))
        .env("HOME", folder)
        .env("MINIO_ROOT_USER", KEY)
        .env("MINIO_ROOT_PASSWORD", SECRET)
        .env("MINIO_BROWSER", "off")
        .env("MINIO_UPDATE", "off")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a log"))
        .stderr(log)
        .spawn()
        .expect("MinIO starts")
}

/// The variables, which Amazon's own tools read too, that lead to a server.
pub fn variables(endpoint: &str, key: &str, secret: &str) -> [(String, String); 3] {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// An address where nobody listens.
///
/// # Panics
/// When there is none.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("its address")
}

/// The program, which is built if it is not there yet.
fn program() -> PathBuf {
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/tools.sh");
    let output = Command::new(tools)
        .arg("minio")
        .stderr(Stdio::inherit())
        .output()
        .expect("cluster/tools.sh runs");
    assert!(output.status.success(), "cluster/tools.sh minio failed");
    let folder = String::from_utf8(output.stdout).expect("a path");
    PathBuf::from(folder.trim()).join("minio")
}
