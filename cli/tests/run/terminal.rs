//! The live view, on a pseudo-terminal.

use std::{
    io::{Read, Write},
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use portable_pty::{CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::program::{PATIENCE, example, free_address};

/// A terminal with the program on it.
struct Terminal {
    screen: Arc<Mutex<vt100::Parser>>,
    keys: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    /// Held, for the program ends with it.
    _held: Box<dyn MasterPty + Send>,
}

impl Terminal {
    fn run(name: &str, arguments: &[&str]) -> Self {
        let size = PtySize {
            rows: 30,
            cols: 100,
            ..PtySize::default()
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_sensorstream"));
        command.arg("run");
        command.arg(example(name));
        command.args(["--api-listen", &free_address()]);
        command.args(arguments);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(size.rows, size.cols, 0)));
        let mut output = pair.master.try_clone_reader().unwrap();
        let shown = Arc::clone(&screen);
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = output.read(&mut buffer) {
                shown.lock().unwrap().process(&buffer[..count]);
            }
        });
        Self {
            screen,
            keys: pair.master.take_writer().unwrap(),
            child,
            _held: pair.master,
        }
    }

    fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    fn is_whole_screen(&self) -> bool {
        self.screen.lock().unwrap().screen().alternate_screen()
    }

    fn until(&self, what: &str, so: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            if so(&text) {
                return text;
            }
            assert!(Instant::now() < deadline, "waited in vain: {what}\n{text}");
            thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    fn press(&mut self, keys: &[u8]) {
        self.keys.write_all(keys).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for the end. Answers what is on the terminal then.
    fn end(mut self) -> (u32, String) {
        let status = self.child.wait().unwrap();
        let text = self.until("the summary is there", |text| text.contains("ran for"));
        assert!(!self.is_whole_screen(), "the terminal is given back");
        (status.exit_code(), text)
    }
}

/// The number after a name on the screen.
fn figure(text: &str, name: &str) -> Option<f64> {
    let after = text.split_once(name)?.1;
    after.split_whitespace().next()?.parse().ok()
}

#[test]
fn figures_and_rows_change_until_it_is_told_to_stop() {
    let mut terminal = Terminal::run("factory", &["--set", "spec.simulator.rate=300"]);
    let text = terminal.until("it is ready", |text| text.contains("● running"));
    assert!(terminal.is_whole_screen());
    assert!(text.contains("http://127.0.0.1:"), "{text}");
    let first = terminal.until("readings are accepted", |text| {
        figure(text, "accepted") > Some(0.0) && text.contains("MTR-")
    });
    let accepted = figure(&first, "accepted");
    let later = terminal.until("there are more", |text| figure(text, "accepted") > accepted);
    assert!(figure(&later, "records a second") > Some(0.0), "{later}");
    assert!(
        later.contains("newest rows of factory.sensor_readings"),
        "{later}"
    );
    assert!(figure(&later, "lag").is_some(), "{later}");
    terminal.until("there is a watermark", |text| {
        text.split_once("watermark")
            .is_some_and(|(_, rest)| rest.trim_start().starts_with("20"))
    });
    terminal.press(b"q");
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("processed and accounted for"), "{text}");
}

#[test]
fn control_c_stops_it_too() {
    let mut terminal = Terminal::run("environment", &[]);
    terminal.until("it is ready", |text| text.contains("● running"));
    terminal.press(b"\x03");
    let (status, text) = terminal.end();
    assert_eq!(status, 0, "{text}");
}
