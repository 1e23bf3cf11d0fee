//! A `PostgreSQL` of this run's own, started from the programs that are installed.

use std::{
    fmt::Write as _,
    fs::{self, File, Permissions},
    io::{self, Read},
    net::{Ipv4Addr, TcpListener},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use sensorstream_operator::password::Password;
use sqlx::{Connection, PgConnection};
use tokio::sync::watch;

use super::home::{Home, HomeError};

/// Who owns everything in it.
const USER: &str = "sensorstream";
/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it may take to stop.
const STOPPING: Duration = Duration::from_secs(10);
/// How often to look whether it has started.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Where distributions keep the programs, one folder a version.
const PLACES: [&str; 4] = [
    "/usr/lib/postgresql",
    "/usr",
    "/opt/homebrew/opt",
    "/usr/local/opt",
];
/// How often another port is tried: somebody may get one between its being found free and its being used.
const PORTS: u32 = 3;
/// What the server says then.
const PORT_TAKEN: &str = "Address already in use";
/// The longest folder of a socket, in bytes: its whole path may have 103, on macOS.
const LONGEST_SOCKET_FOLDER: usize = 85;
/// How much of its log is shown when it does not start.
const LOG_SHOWN: usize = 2_000;

/// A server that runs.
pub struct Postgres {
    /// How to log in. It holds a password.
    pub uri: String,
    /// How a person on this machine looks into it.
    pub psql: String,
    pid: i32,
    ended: watch::Receiver<Option<ExitStatus>>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// Its programs are not here.
    #[error(
        "PostgreSQL is not installed here: install it (Debian: apt install postgresql), or name a \
         database with --database-url"
    )]
    NotInstalled,
    /// A folder or file of its.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A file of its.
    #[error("preparing PostgreSQL's files")]
    Files(#[source] io::Error),
    /// A program of its does not run.
    #[error("running {0}")]
    Run(PathBuf, #[source] io::Error),
    /// It makes no database.
    #[error("initdb failed:\n{0}")]
    Init(String),
    /// It ends, or takes too long.
    #[error("PostgreSQL does not start:\n{0}")]
    Start(String),
}

/// Whom it runs as: it refuses to be root.
#[derive(Clone, Copy)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Postgres {
    /// Starts it in the folder of the run, where it goes on with what is there.
    pub async fn start(home: &Home) -> Result<Self, PostgresError> {
        let folder = home.folder("postgres")?;
        let programs = find_programs(&folder.join("data")).ok_or(PostgresError::NotInstalled)?;
        let account = account();
        let (data, secret) = (folder.join("data"), folder.join("password"));
        let prepare = {
            let (programs, folder, data, secret) = (
                programs.clone(),
                folder.clone(),
                data.clone(),
                secret.clone(),
            );
            move || prepare(&programs, &folder, &data, &secret, account)
        };
        let prepared = tokio::task::spawn_blocking(prepare).await;
        let password =
            prepared.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        let mut tried = 1;
        loop {
            match Self::serve(home, &programs, &folder, &password, account).await {
                Err(PostgresError::Start(log)) if log.contains(PORT_TAKEN) && tried < PORTS => {
                    tried += 1;
                }
                other => return other,
            }
        }
    }

    /// Starts the server on a port that is free.
    async fn serve(
        home: &Home,
        programs: &Path,
        folder: &Path,
        password: &str,
        account: Option<Account>,
    ) -> Result<Self, PostgresError> {
        let data = folder.join("data");
        let port = free_port().map_err(PostgresError::Files)?;
        let log = folder.join("log");
        let mut command = Command::new(programs.join("postgres"));
        command.arg("-D").arg(&data).current_dir(folder);
        command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"]);
        // Without a path that a socket can have, people have to use the password.
        let socket = folder.to_str().filter(|path| is_socket_path(path));
        command.arg(socket.unwrap_or_default());
        if !home.is_kept() {
            // What nobody keeps need not survive a crash of the machine.
            command.args(["-c", "fsync=off", "-c", "synchronous_commit=off"]);
            command.args(["-c", "full_page_writes=off"]);
        }
        let written = File::create(&log).map_err(PostgresError::Files)?;
        let errors = written.try_clone().map_err(PostgresError::Files)?;
        command.stdin(Stdio::null()).stdout(written).stderr(errors);
        run_as(&mut command, account);
        let (pid, ended) = keep(command, programs)?;
        let server = Self {
            uri: format!("postgres://{USER}:{password}@127.0.0.1:{port}/postgres"),
            psql: match socket {
                Some(folder) => format!("psql -h '{folder}' -p {port} -U {USER} postgres"),
                None => format!(
                    "PGPASSWORD=$(cat '{}') psql -h 127.0.0.1 -p {port} -U {USER} postgres",
                    folder.join("password").display()
                ),
            },
            pid,
            ended,
        };
        server.until_it_answers(&log).await?;
        Ok(server)
    }

    async fn until_it_answers(&self, log: &Path) -> Result<(), PostgresError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(connection) = PgConnection::connect(&self.uri).await {
                let _ = connection.close().await;
                return Ok(());
            }
            if self.ended.borrow().is_some() || Instant::now() > deadline {
                return Err(PostgresError::Start(end_of(log)));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Stops it: connections are ended, and what is committed is written.
    pub async fn stop(mut self) {
        if self.ended.borrow().is_some() {
            return;
        }
        // SAFETY: it is this process's child, which nobody else waits for.
        unsafe { libc::kill(self.pid, libc::SIGINT) };
        let _ = tokio::time::timeout(STOPPING, self.ended.wait_for(Option::is_some)).await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.ended.borrow().is_none() {
            // SAFETY: as above. At once, for nobody waits.
            unsafe { libc::kill(self.pid, libc::SIGQUIT) };
        }
    }
}

/// Starts it, and waits for its end on a thread of its own, which is also whose end it would follow.
fn keep(
    mut command: Command,
    programs: &Path,
) -> Result<(i32, watch::Receiver<Option<ExitStatus>>), PostgresError> {
    // A terminal's Ctrl-C is for this process alone, which still needs its database then.
    command.process_group(0);
    #[cfg(target_os = "linux")]
    // SAFETY: prctl may be called between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGQUIT);
            Ok(())
        });
    }
    let (started, is_started) = std::sync::mpsc::channel();
    let (end, ended) = watch::channel(None);
    thread::spawn(move || match command.spawn() {
        Ok(mut child) => {
            let _ = started.send(Ok(child.id()));
            if let Ok(status) = child.wait() {
                end.send_replace(Some(status));
            }
        }
        Err(error) => {
            let _ = started.send(Err(error));
        }
    });
    let failed = |error| PostgresError::Run(programs.join("postgres"), error);
    let pid = is_started
        .recv()
        .unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))
        .map_err(failed)?;
    Ok((pid as i32, ended))
}

/// Makes the database's files, unless they are there. Answers the password.
fn prepare(
    programs: &Path,
    folder: &Path,
    data: &Path,
    secret: &Path,
    account: Option<Account>,
) -> Result<String, PostgresError> {
    let files = PostgresError::Files;
    if let Some(Account { uid, gid }) = account {
        chown(folder, Some(uid), Some(gid)).map_err(files)?;
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(files)?;
    if data.join("PG_VERSION").exists() {
        return fs::read_to_string(secret).map_err(files);
    }
    let password = Password::random().text().to_owned();
    fs::write(secret, &password).map_err(files)?;
    fs::set_permissions(secret, Permissions::from_mode(0o600)).map_err(files)?;
    if let Some(Account { uid, gid }) = account {
        chown(secret, Some(uid), Some(gid)).map_err(files)?;
    }
    // One that was interrupted left something that is no database.
    let fresh = folder.join("data.new");
    let _ = fs::remove_dir_all(&fresh);
    let program = programs.join("initdb");
    let mut command = Command::new(&program);
    command.arg("-D").arg(&fresh).args(["-U", USER, "--pwfile"]);
    command.arg(secret);
    command.args(["--auth-local=trust", "--auth-host=scram-sha-256"]);
    command.args([
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
        "--no-instructions",
    ]);
    command.current_dir(folder).stdin(Stdio::null());
    run_as(&mut command, account);
    let output = command
        .output()
        .map_err(|error| PostgresError::Run(program, error))?;
    if !output.status.success() {
        let mut said = String::from_utf8_lossy(&output.stderr).into_owned();
        let _ = write!(said, "{}", output.status);
        return Err(PostgresError::Init(said));
    }
    fs::rename(&fresh, data).map_err(files)?;
    Ok(password)
}

fn run_as(command: &mut Command, account: Option<Account>) {
    if let Some(Account { uid, gid }) = account {
        command.gid(gid).uid(uid);
    }
}

/// Whom the server has to run as: somebody else only where this process is root.
fn account() -> Option<Account> {
    // SAFETY: it asks for a number.
    let is_root = unsafe { libc::geteuid() } == 0;
    let named = |name: &std::ffi::CStr| {
        // SAFETY: it is read before anybody else could ask: this runs once, at the start.
        let entry = unsafe { libc::getpwnam(name.as_ptr()).as_ref() };
        entry.map(|entry| Account {
            uid: entry.pw_uid,
            gid: entry.pw_gid,
        })
    };
    is_root
        .then(|| named(c"postgres").or_else(|| named(c"nobody")))
        .flatten()
}

/// Whether a server can have its socket in a folder: paths of sockets are short, and a comma parts folders.
fn is_socket_path(folder: &str) -> bool {
    folder.len() <= LONGEST_SOCKET_FOLDER && !folder.contains(',')
}

/// The folder with `initdb` and `postgres`: of the version that made the files, if they are there, or else what
/// the path has, or the newest that is installed.
fn find_programs(data: &Path) -> Option<PathBuf> {
    let made_by = fs::read_to_string(data.join("PG_VERSION")).ok();
    let made_by: Option<u32> = made_by.and_then(|version| version.trim().parse().ok());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut versions: Vec<(u32, PathBuf)> = PLACES
        .iter()
        .filter_map(|place| fs::read_dir(place).ok())
        .flat_map(std::iter::Iterator::flatten)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.trim_start_matches("postgresql@");
            let version = version.trim_start_matches("pgsql-").parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let same = versions
        .iter()
        .find(|(version, _)| Some(*version) == made_by);
    if let Some((_, folder)) = same {
        folders.insert(0, folder.clone());
    }
    folders.extend(versions.into_iter().map(|(_, folder)| folder));
    let has = |folder: &PathBuf, program| folder.join(program).is_file();
    folders
        .into_iter()
        .find(|folder| has(folder, "initdb") && has(folder, "postgres"))
}

fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

fn end_of(log: &Path) -> String {
    let mut text = String::new();
    let read = File::open(log).and_then(|mut file| file.read_to_string(&mut text));
    if read.is_err() || text.is_empty() {
        return "it left no log".to_owned();
    }
    let from = text.len().saturating_sub(LOG_SHOWN);
    text.get(from..).unwrap_or(&text).to_owned()
}
