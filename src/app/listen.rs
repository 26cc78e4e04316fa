//! Listeners: the service, the operators' probes, the admin socket; and a stop that loses nothing.

use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;

use super::{AppFault, open_on, read};
use crate::broker::Broker;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, IdentityService};
use crate::domain::Catalogue;
use crate::http::{App, ops, service};
use crate::identity::login::{ACR_STEPPED_UP, Audience, Login, LoginSettings, SecretText};
use crate::outbound::{Outbound, OutboundConfig};
use crate::store::{Sqlite, Store};

/// How long requests under way may take to end at a stop.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running broker.
pub struct Running {
    /// What handlers work with.
    pub app: Arc<App>,
    /// Address of the service.
    pub service: SocketAddr,
    /// Address of the operators' probes.
    pub ops: SocketAddr,
    handles: Vec<Handle<SocketAddr>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    admin: tokio::task::JoinHandle<()>,
    dated: tokio::task::JoinHandle<()>,
    socket: std::path::PathBuf,
}

/// Starts the broker. `trial` lets it run on a demo catalogue and development identity services, and says so on every
/// page; only `dev` and tests ask for that.
pub async fn serve(config: &Config, trial: bool) -> Result<Running, AppFault> {
    serve_on(config, Arc::new(Sqlite::open(&config.data)?), Arc::new(SystemClock), trial).await
}

/// Starts the broker on a record that is open already, by this clock. Identity services are judged by the machine's.
pub async fn serve_on(
    config: &Config,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    trial: bool,
) -> Result<Running, AppFault> {
    // Another library of the process may have chosen a provider already: then it is the same one, there is no other.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let broker = open_on(config, store, clock)?;
    check_bundle(config, broker.in_force().catalogue(), trial)?;
    check_quorum(&broker, trial)?;
    let outbound = outbound(config, trial)?;
    let persons = login(config, &config.persons, Audience::Persons, &outbound, trial)?;
    let officers = login(config, &config.officers, Audience::Officers, &outbound, trial)?;
    broker.restart_ephemeral().await.map_err(|fault| AppFault::Refused(fault.to_string()))?;
    let app = Arc::new(App { broker, persons, officers, trial });
    let admin = super::admin::listen(Arc::clone(&app), &config.data)?;
    let dated = tokio::spawn(do_dated(Arc::clone(&app)));
    let socket = config.data.join("admin.sock");
    let mut running = Running {
        service: config.listen.service,
        ops: config.listen.ops,
        handles: Vec::new(),
        tasks: Vec::new(),
        admin,
        dated,
        socket,
        app: Arc::clone(&app),
    };
    running.service = running.listen(config, config.listen.service, service(Arc::clone(&app)), true).await?;
    running.ops = running.listen(config, config.listen.ops, ops(app), false).await?;
    Ok(running)
}

/// Does dated work as it falls due. Nothing waits for it.
async fn do_dated(app: Arc<App>) {
    const ROUND: Duration = Duration::from_secs(5);
    loop {
        match app.broker.do_due().await {
            Ok(0) => {}
            Ok(done) => tracing::info!(done, "dated work"),
            Err(refusal) => tracing::warn!(%refusal, "dated work waits for the next round"),
        }
        tokio::time::sleep(ROUND).await;
    }
}

/// What is in force must know the custodian, and be fit for where it runs.
pub(super) fn check_bundle(config: &Config, catalogue: &Catalogue, trial: bool) -> Result<(), AppFault> {
    let custodian = &config.custodian;
    if catalogue.demo && !trial {
        return Err(AppFault::Refused("the catalogue in force is a demonstration; `unefois dev` runs it".to_owned()));
    }
    if !catalogue.bodies.contains_key(&custodian.body) {
        return Err(AppFault::Refused(format!("custodian.body: the catalogue knows no body {}", custodian.body)));
    }
    if !catalogue.instruments.contains_key(&custodian.instrument) {
        let text = format!("custodian.instrument: the catalogue knows no instrument {}", custodian.instrument);
        return Err(AppFault::Refused(text));
    }
    Ok(())
}

/// One person alone brings nothing into force.
fn check_quorum(broker: &Broker, trial: bool) -> Result<(), AppFault> {
    const LEAST: usize = 2;
    let quorum = broker.quorum()?;
    if quorum < LEAST && !trial {
        let text = format!("{quorum} administrator is enough to change the rules of this log; {LEAST} must sign");
        return Err(AppFault::Refused(text));
    }
    Ok(())
}

fn outbound(config: &Config, trial: bool) -> Result<Outbound, AppFault> {
    let hosts: BTreeSet<String> =
        [&config.persons.issuer, &config.officers.issuer].into_iter().filter_map(|issuer| host_of(issuer)).collect();
    let mut out = OutboundConfig { hosts, allow_http_loopback: trial, ..OutboundConfig::default() };
    out.ca_bundle.clone_from(&config.outbound.authorities);
    Ok(Outbound::new(out)?)
}

/// Host and port of an issuer.
fn host_of(issuer: &str) -> Option<String> {
    let uri: http::Uri = issuer.parse().ok()?;
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    Some(format!("{}:{port}", uri.host()?))
}

fn login(
    config: &Config,
    service: &IdentityService,
    audience: Audience,
    outbound: &Outbound,
    trial: bool,
) -> Result<Login, AppFault> {
    let secret = String::from_utf8(read(&service.client_secret)?)
        .map_err(|_| AppFault::Refused(format!("{}: not text", service.client_secret.display())))?;
    let path = match audience {
        Audience::Persons => "persons",
        Audience::Officers => "officers",
    };
    let settings = LoginSettings {
        issuer: service.issuer.clone(),
        client_id: service.client_id.clone(),
        client_secret: SecretText::new(secret.trim().to_owned()),
        redirect_uri: format!("{}/login/{path}", config.issuer),
        audience,
        required_acr: None,
        step_up_acr: service.step_up_acr.clone().unwrap_or_else(|| ACR_STEPPED_UP.to_owned()),
        max_auth_age: None,
        allow_development: trial,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(Login::new(settings, outbound.clone(), clock)?)
}

impl Running {
    async fn listen(
        &mut self,
        config: &Config,
        address: SocketAddr,
        routes: axum::Router,
        public: bool,
    ) -> Result<SocketAddr, AppFault> {
        let io = |fault| AppFault::Io { what: format!("listening on {address}"), fault };
        let listener = TcpListener::bind(address).map_err(io)?;
        listener.set_nonblocking(true).map_err(io)?;
        let bound = listener.local_addr().map_err(io)?;
        let handle = Handle::new();
        self.handles.push(handle.clone());
        let routes = routes.into_make_service();
        let task = match config.listen.tls.as_ref().filter(|_| public) {
            Some(tls) => {
                let (certificate, key) = (read(&tls.certificate)?, read(&tls.key)?);
                let tls = RustlsConfig::from_pem(certificate, key).await.map_err(io)?;
                let server = axum_server::from_tcp_rustls(listener, tls).map_err(io)?.handle(handle);
                tokio::spawn(async move { ended(server.serve(routes).await) })
            }
            None => {
                let server = axum_server::from_tcp(listener).map_err(io)?.handle(handle);
                tokio::spawn(async move { ended(server.serve(routes).await) })
            }
        };
        self.tasks.push(task);
        Ok(bound)
    }

    /// Ends listening, lets requests under way end, commits what waits.
    pub async fn stop(self) {
        self.admin.abort();
        self.dated.abort();
        for handle in &self.handles {
            handle.graceful_shutdown(Some(PATIENCE));
        }
        for task in self.tasks {
            let _ = task.await;
        }
        self.app.broker.close();
        let _ = std::fs::remove_file(&self.socket);
    }

    /// Waits for an interrupt or a termination signal.
    pub async fn until_signal(&self) {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping");
    }
}

fn ended(result: std::io::Result<()>) {
    if let Err(fault) = result {
        tracing::error!(%fault, "a listener ended");
    }
}
