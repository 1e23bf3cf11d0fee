//! The program, running.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        atomic::{AtomicU16, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long anything a test waits for may take.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// The program, not yet told what to do.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sensorstream"));
    command.env_remove("RUST_LOG").env("NO_COLOR", "1");
    // Whatever S3 the machine knows is no business of a test.
    command.env_remove("AWS_ACCESS_KEY_ID");
    command
}

/// The path of an example.
pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../examples/{name}.yaml"))
}

/// Runs the program to its end, which has to come by itself.
pub fn output(arguments: &[&str]) -> Output {
    program()
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program starts")
}

/// What the program writes to standard error, where it has to fail.
pub fn refusal(arguments: &[&str]) -> String {
    let output = output(arguments);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    text
}

/// A run that tells of itself in JSON.
pub struct Run {
    child: Child,
    events: mpsc::Receiver<Value>,
    seen: Vec<Value>,
}

impl Run {
    /// Starts `sensorstream run FILE`, with these arguments besides.
    pub fn start(file: &Path, arguments: &[&str]) -> Self {
        Self::start_with(file, arguments, Stdio::null())
    }

    /// The same, with this standard input.
    pub fn start_with(file: &Path, arguments: &[&str], input: Stdio) -> Self {
        let mut child = program()
            .arg("run")
            .arg(file)
            .args(["--output", "json", "--api-listen", &free_address()])
            .args(arguments)
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (sender, events) = mpsc::channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let event = serde_json::from_str(&line);
                let event = event.unwrap_or_else(|error| panic!("{line}: {error}"));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            events,
            seen: Vec::new(),
        }
    }

    /// Writes to its standard input, and closes that.
    pub fn feed(&mut self, text: &[u8]) {
        let mut input = self.child.stdin.take().expect("it has an input");
        input.write_all(text).unwrap();
    }

    /// Waits for an event that is as asked.
    pub fn until(&mut self, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => {
                    self.seen.push(event.clone());
                    if so(&event) {
                        return event;
                    }
                }
                Err(_) => self.give_up(what),
            }
        }
    }

    /// Waits until everything runs.
    pub fn until_ready(&mut self) -> Value {
        self.until("it is ready", |event| event["event"] == "ready")
    }

    /// Waits until so many records have been read.
    pub fn until_read(&mut self, count: u64) -> Value {
        self.until("the records are read", |event| {
            event["records"]["read"].as_u64() >= Some(count)
        })
    }

    /// Sends a signal.
    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: it is this test's own child, which nobody else waits for.
        let sent = unsafe { libc::kill(self.child.id() as libc::pid_t, signal) };
        assert_eq!(sent, 0);
    }

    /// Waits for the end. Answers the summary and the exit status.
    pub fn end(mut self) -> (Value, ExitStatus) {
        let summary = self.until("there is a summary", |event| event["event"] == "summary");
        let status = self.child.wait().unwrap();
        (summary, status)
    }

    /// Waits for an end that is a success. Answers the summary.
    pub fn succeed(self) -> Value {
        let (summary, status) = self.end();
        assert!(status.success(), "{status}: {summary:#}");
        assert_eq!(summary["success"], true, "{summary:#}");
        summary
    }

    fn give_up(&mut self, what: &str) -> ! {
        let _ = self.child.kill();
        let mut said = String::new();
        let errors = self.child.stderr.take();
        let _ = errors.map(|mut errors| errors.read_to_string(&mut said));
        let last = self.seen.last();
        panic!("waited in vain: {what}\nlast event: {last:#?}\nstandard error: {said}");
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address of this machine that is free, so that tests do not get into each other's way. Its port is none of
/// those that the system gives out by itself: somebody could have got it by the time that it is used.
pub fn free_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + (std::process::id() % 400) as u16 * 25;
    loop {
        let address = format!("127.0.0.1:{}", first + NEXT.fetch_add(1, Ordering::Relaxed));
        if std::net::TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

/// What an API answers.
pub fn get(api: &Value, path: &str) -> (u16, String) {
    let address = api
        .as_str()
        .unwrap()
        .trim_start_matches("http://")
        .to_owned();
    let mut stream = std::net::TcpStream::connect(&address).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}
