//! Operators' commands: sent to the running broker over a socket in its data folder, or run on the record when none is
//! running. Who may open the socket's folder may command.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Frame};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::AppFault;
use crate::broker::{AskedRehearsal, Broker, Compared, Progress};
use crate::config::Config;
use crate::domain::{ClientId, Section};
use crate::jose::b64;
use crate::ledger::{NamedSignature, PersonsOpened};
use crate::policy::read_change;

/// The socket's name in the data folder.
const SOCKET: &str = "admin.sock";
/// Largest command, in bytes: a bundle.
const LARGEST: usize = 4 * 1024 * 1024;

/// A command.
#[derive(Debug, Deserialize, Serialize)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// What is in force, for who is about to sign.
    Head,
    /// Brings a bundle into force.
    Activate {
        /// Canonical bytes of the bundle, as text.
        bundle: String,
        /// Administrators' signatures.
        signatures: Vec<NamedSignature>,
    },
    /// Stops a client.
    StopClient {
        /// Which.
        client: ClientId,
        /// An administrator's signature.
        signature: NamedSignature,
    },
    /// An officer proposes a change of the catalogue.
    Propose {
        /// The section.
        section: Section,
        /// The entry, as TOML.
        entry: String,
        /// The officer's signature.
        signature: NamedSignature,
    },
    /// Another officer approves it.
    Approve {
        /// The section.
        section: Section,
        /// The entry, as TOML.
        entry: String,
        /// The officer's signature.
        signature: NamedSignature,
    },
    /// Destroys keys of a subject.
    Erase {
        /// The operator's name, which the entry carries.
        operator: String,
        /// The identity service that knows the subject.
        issuer: String,
        /// Its identifier there.
        sub: String,
        /// Classes; all values when empty.
        classes: Vec<String>,
    },
    /// Writes an export.
    Export {
        /// Where to; a new folder.
        folder: PathBuf,
        /// Opens person parts too: the operator and the reason, which the entry carries.
        open: Option<(String, String)>,
    },
    /// Has a draft decide again what the log keeps.
    Rehearse {
        /// The draft's files; the catalogue in force where they hold none.
        draft: BTreeMap<String, String>,
        /// Over how many days before today.
        days: u16,
        /// The operator's name, which the entry carries.
        operator: String,
        /// Why, which the entry carries.
        reason: String,
    },
    /// What is in force, and which consents a draft would ask again.
    Compare {
        /// The draft's files, as for a rehearsal.
        draft: BTreeMap<String, String>,
    },
}

/// One line of what the running broker answers: how far it is, then how it ended.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Told {
    /// So many of so many.
    At(u64, u64),
    Done(Value),
    Fault(String),
}

/// Runs a command on a broker; one that takes long says how far it is.
async fn execute(broker: &Broker, command: Command, progress: Progress<'_>) -> Result<Value, String> {
    let text = |fault: &dyn std::fmt::Display| fault.to_string();
    match command {
        Command::Head => {
            let head = broker.ledger().head().map_err(|it| text(&it))?;
            Ok(json!({"origin": broker.ledger().origin(), "bundle": b64::encode(head.bundle), "size": head.size}))
        }
        Command::Activate { bundle, signatures } => {
            let digest = broker.activate(bundle.as_bytes(), &signatures).await.map_err(|it| text(&it))?;
            Ok(json!({"bundle": b64::encode(digest)}))
        }
        Command::StopClient { client, signature } => {
            let entry = broker.stop_client(&client, &signature).await.map_err(|it| text(&it))?;
            Ok(json!({"entry": entry}))
        }
        Command::Propose { section, entry, signature } => {
            let change = read_change(section, &entry).map_err(|it| text(&it))?;
            let entry = broker.propose(&change, &signature).await.map_err(|it| text(&it))?;
            Ok(json!({"entry": entry}))
        }
        Command::Approve { section, entry, signature } => {
            let change = read_change(section, &entry).map_err(|it| text(&it))?;
            let entry = broker.approve(change, &signature).await.map_err(|it| text(&it))?;
            Ok(json!({"entry": entry}))
        }
        Command::Erase { operator, issuer, sub, classes } => {
            let entry = broker.erase(&operator, &issuer, &sub, &classes).await.map_err(|it| text(&it))?;
            Ok(json!({"entry": entry}))
        }
        Command::Export { folder, open } => export(broker, &folder, open, progress).await,
        Command::Rehearse { draft, days, operator, reason } => {
            let asked = AskedRehearsal { draft, days, operator, reason };
            let rehearsed = broker.rehearse(asked, progress).await.map_err(|it| text(&it))?;
            serde_json::to_value(rehearsed).map_err(|it| text(&it))
        }
        Command::Compare { draft } => {
            let Compared { in_force, asked_again } = broker.compare(draft).await.map_err(|it| text(&it))?;
            Ok(json!({"in_force": in_force.files(), "asked_again": asked_again}))
        }
    }
}

async fn export(
    broker: &Broker,
    folder: &Path,
    open: Option<(String, String)>,
    progress: Progress<'_>,
) -> Result<Value, String> {
    let ledger = broker.ledger();
    let opened = match open {
        Some((operator, reason)) => Some(ledger.opening(&operator, &reason).await.map_err(|it| it.to_string())?),
        None => None,
    };
    let opened: Option<&PersonsOpened> = opened.as_ref();
    let report = ledger.export(folder, opened, progress).map_err(|it| it.to_string())?;
    serde_json::to_value(report).map_err(|it| it.to_string())
}

/// Sends a command to the running broker, or runs it on the record when none is running.
pub async fn command(config: &Config, command: Command) -> Result<Value, String> {
    follow(config, command, &|_, _| {}).await
}

/// The same for a command that takes long: `progress` is told how far it is.
pub async fn follow(config: &Config, command: Command, progress: Progress<'_>) -> Result<Value, String> {
    match UnixStream::connect(config.data.join(SOCKET)).await {
        Ok(stream) => send(stream, &command, progress).await,
        Err(_) => {
            let broker = super::open(config).map_err(|fault| fault.to_string())?;
            let done = execute(&broker, command, progress).await;
            broker.close();
            done
        }
    }
}

async fn send(stream: UnixStream, command: &Command, progress: Progress<'_>) -> Result<Value, String> {
    let text = |fault: &dyn std::fmt::Display| format!("the running broker does not answer: {fault}");
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|it| text(&it))?;
    let driver = tokio::spawn(connection);
    let body = serde_json::to_vec(command).map_err(|it| text(&it))?;
    let request = http::Request::post("/").header("host", "admin").header("content-type", "application/json");
    let request = request.body(Full::new(Bytes::from(body))).map_err(|it| text(&it))?;
    let response = sender.send_request(request).await.map_err(|it| text(&it))?;
    let mut body = response.into_body();
    let (mut lines, mut ended) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        lines.extend_from_slice(frame.map_err(|it| text(&it))?.data_ref().map_or(&[][..], |data| data));
        while let Some(end) = lines.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = lines.drain(..=end).collect();
            match serde_json::from_slice(&line).map_err(|it| text(&it))? {
                Told::At(done, of) => progress(done, of),
                Told::Done(done) => ended = Some(Ok(done)),
                Told::Fault(fault) => ended = Some(Err(fault)),
            }
        }
    }
    driver.abort();
    ended.unwrap_or_else(|| Err(text(&"it does not take the command")))
}

/// Takes commands for a broker on the socket in its data folder.
pub(super) fn listen(broker: Arc<crate::http::App>, data: &Path) -> Result<tokio::task::JoinHandle<()>, AppFault> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = data.join(SOCKET);
    let io = |fault| AppFault::Io { what: path.display().to_string(), fault };
    // The lock on the record says that no other broker runs: what is there is a leftover.
    match std::fs::remove_file(&path) {
        Err(fault) if fault.kind() != std::io::ErrorKind::NotFound => return Err(io(fault)),
        _ => {}
    }
    let listener = tokio::net::UnixListener::bind(&path).map_err(io)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(io)?;
    let routes =
        Router::new().route("/", post(take)).layer(axum::extract::DefaultBodyLimit::max(LARGEST)).with_state(broker);
    Ok(tokio::spawn(async move {
        if let Err(fault) = axum::serve(listener, routes).await {
            tracing::error!(%fault, "the admin socket ended");
        }
    }))
}

async fn take(State(app): State<Arc<crate::http::App>>, Json(command): Json<Command>) -> Response {
    let (tell, told) = unbounded_channel();
    tokio::spawn(async move {
        // An operator who has gone hears nothing more; what was asked is done all the same.
        let say = |line: Told| {
            let _ = tell.send(line);
        };
        let done = execute(&app.broker, command, &|done, of| say(Told::At(done, of))).await;
        say(done.map_or_else(Told::Fault, Told::Done));
    });
    Response::new(Body::new(Lines(told)))
}

/// What is told, line by line, as it is told.
struct Lines(UnboundedReceiver<Told>);

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = serde_json::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, serde_json::Error>>> {
        let framed = |told: Told| serde_json::to_string(&told).map(|line| Frame::data((line + "\n").into()));
        self.0.poll_recv(cx).map(|told| told.map(framed))
    }
}
