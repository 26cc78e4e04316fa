//! A real `redis-server` on a loopback port of its own, with a folder of its own; both end with the value.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, ErrorKind, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

const PROGRAM: &str = "redis-server";
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct Server {
    pub(super) port: u16,
    pub(super) folder: PathBuf,
    options: Vec<String>,
    process: Child,
}

impl Server {
    /// `None` where the program is not installed, unless the environment says that it must be.
    pub(super) fn start(options: &[&str]) -> Option<Self> {
        let port = free_port();
        let folder = env::temp_dir().join(format!("unefois-redis-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self::start_in(folder, port, options)
    }

    /// In a folder that already holds what the options name.
    pub(super) fn start_in(folder: PathBuf, port: u16, options: &[&str]) -> Option<Self> {
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        match launch(&folder, port, &options) {
            Ok(process) => {
                let server = Self { port, folder, options, process };
                server.await_reply("PING", "+PONG");
                Some(server)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::remove_dir_all(folder).unwrap();
                assert!(env::var_os("UNEFOIS_REQUIRE_SERVERS").is_none_or(|v| v != "1"), "{PROGRAM} is not installed");
                println!("skipped: {PROGRAM} is not installed");
                None
            }
            Err(error) => panic!("{PROGRAM} does not start: {error}"),
        }
    }

    pub(super) fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// As a power cut does.
    pub(super) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// In the same folder, on the same port.
    pub(super) fn restart(&mut self) {
        self.process = launch(&self.folder, self.port, &self.options).unwrap();
        self.await_reply("PING", "+PONG");
    }

    /// `STOP`: the server holds its connections and answers none. `CONT`: it goes on.
    pub(super) fn signal(&self, name: &str) {
        let status = Command::new("kill").args([&format!("-{name}"), &self.process.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// The first line of the reply to an operator's command.
    pub(super) fn command(&self, command: &str) -> String {
        self.ask(command).unwrap()
    }

    /// All keys and values, as they lie in the server.
    pub(super) fn dump(&self) -> Vec<u8> {
        assert_eq!(self.command("SAVE"), "+OK");
        fs::read(self.folder.join("dump.rdb")).unwrap()
    }

    /// Asks until the reply comes.
    pub(super) fn await_reply(&self, command: &str, reply: &str) {
        let since = Instant::now();
        while self.ask(command).ok().as_deref() != Some(reply) {
            assert!(since.elapsed() < PATIENCE, "{PROGRAM} does not answer {command} with {reply}");
            sleep(Duration::from_millis(5));
        }
    }

    fn ask(&self, command: &str) -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply)?;
        Ok(reply.trim_end().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub(super) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn launch(folder: &PathBuf, port: u16, options: &[String]) -> std::io::Result<Child> {
    Command::new(PROGRAM)
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--rdbcompression", "no", "--dir"])
        .arg(folder)
        .args(options)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
