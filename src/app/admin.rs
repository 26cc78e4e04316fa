//! Operators' commands: sent to the running broker over a socket in its data folder, or run on the record when none is
//! running. Who may open the socket's folder may command.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::UnixStream;

use super::AppFault;
use crate::broker::Broker;
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
}

/// Runs a command on a broker.
pub async fn execute(broker: &Broker, command: Command) -> Result<Value, String> {
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
        Command::Export { folder, open } => export(broker, &folder, open).await,
    }
}

async fn export(broker: &Broker, folder: &Path, open: Option<(String, String)>) -> Result<Value, String> {
    let ledger = broker.ledger();
    let opened = match open {
        Some((operator, reason)) => Some(ledger.opening(&operator, &reason).await.map_err(|it| it.to_string())?),
        None => None,
    };
    let opened: Option<&PersonsOpened> = opened.as_ref();
    let report = ledger.export(folder, opened, &|_, _| {}).map_err(|it| it.to_string())?;
    serde_json::to_value(report).map_err(|it| it.to_string())
}

/// Sends a command to the running broker, or runs it on the record when none is running.
pub async fn command(config: &Config, command: Command) -> Result<Value, String> {
    match UnixStream::connect(config.data.join(SOCKET)).await {
        Ok(stream) => send(stream, &command).await,
        Err(_) => {
            let broker = super::open(config).map_err(|fault| fault.to_string())?;
            let done = execute(&broker, command).await;
            broker.close();
            done
        }
    }
}

async fn send(stream: UnixStream, command: &Command) -> Result<Value, String> {
    let text = |fault: &dyn std::fmt::Display| format!("the running broker does not answer: {fault}");
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|it| text(&it))?;
    let driver = tokio::spawn(connection);
    let body = serde_json::to_vec(command).map_err(|it| text(&it))?;
    let request = http::Request::post("/").header("host", "admin").header("content-type", "application/json");
    let request = request.body(Full::new(Bytes::from(body))).map_err(|it| text(&it))?;
    let response = sender.send_request(request).await.map_err(|it| text(&it))?;
    let good = response.status().is_success();
    let body = response.into_body().collect().await.map_err(|it| text(&it))?.to_bytes();
    driver.abort();
    let answer: Value = serde_json::from_slice(&body).map_err(|it| text(&it))?;
    let fault = || answer.get("fault").and_then(Value::as_str).unwrap_or("it refuses").to_owned();
    if good { Ok(answer) } else { Err(fault()) }
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
    match execute(&app.broker, command).await {
        Ok(done) => Json(done).into_response(),
        Err(fault) => (StatusCode::CONFLICT, Json(json!({"fault": fault}))).into_response(),
    }
}
