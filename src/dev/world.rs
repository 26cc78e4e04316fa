//! A world made for one run: a private folder, keys, identity services, the demo catalogue with this run's keys, and a
//! broker founded and started as in life. A world can also be founded alone: then its broker is another process.

use std::collections::{BTreeMap, HashMap};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum_server::tls_rustls::RustlsConfig;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::identity::{self, IssuerSettings, OFFICERS, PERSONS, Persona};
use super::site::{self, Site};
use super::wire::Wire;
use crate::app::{self, Running, Signatory, sign_activation};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::crypto::random;
use crate::identity::login::SecretText;
use crate::jose::{Algorithm, PrivateJwk, b64};
use crate::policy::{Bundle, Finding, demo_catalogue, product_rules};

/// The bodies that have their tokens encrypted.
const ENCRYPTED: [&str; 2] = ["afe", "mess"];
/// The broker's client at the identity services.
const CLIENT: &str = "unefois";

/// How a world is made.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    /// HTTPS from a throw-away authority.
    pub tls: bool,
    /// The broker's port, or any.
    pub port: Option<u16>,
    /// The Redis server that keeps what may vanish, or the broker's memory.
    pub redis: Option<String>,
}

/// A world without its broker: founded, ready to be served from its configuration file.
pub struct Founded {
    /// Its folder; gone when the world is.
    pub folder: PathBuf,
    /// The broker's issuer.
    pub issuer: String,
    /// The partners' demo site.
    pub site: String,
    /// The persons' identity service.
    pub persons: String,
    /// The officers' identity service.
    pub officers: String,
    /// Certificate authority, with `--tls`.
    pub authority: Option<String>,
    /// The broker's configuration.
    pub config: Config,
    /// The administrator.
    pub administrator: Signatory,
    /// Files of the bundle in force at first.
    pub files: BTreeMap<String, String>,
    /// The key that verifies its checkpoints.
    pub vkey: String,
    clients: BTreeMap<String, PrivateJwk>,
    encryption: BTreeMap<String, PrivateJwk>,
    handles: Vec<axum_server::Handle<SocketAddr>>,
    /// Where the partners' site is to listen, until it does.
    partners: Option<TcpListener>,
    /// Certificate and key, with `--tls`.
    tls: Option<(Vec<u8>, Vec<u8>)>,
}

/// The world, with its broker in this process.
pub struct World {
    /// The broker.
    pub running: Running,
    founded: Founded,
}

impl Deref for World {
    type Target = Founded;

    fn deref(&self) -> &Founded {
        &self.founded
    }
}

/// Where everything listens: bound before anything starts, so that addresses are known to all.
struct Ports {
    service: SocketAddr,
    ops: SocketAddr,
    persons: TcpListener,
    officers: TcpListener,
    site: TcpListener,
}

impl World {
    /// Makes a world. `port` is the broker's, or any.
    pub async fn make(tls: bool, port: Option<u16>) -> Result<Self, String> {
        // On the heap: a world is much to keep in every test that makes one.
        Box::pin(Self::set(Setting { tls, port, redis: None })).await
    }

    /// Makes a world as this setting says.
    pub async fn set(setting: Setting) -> Result<Self, String> {
        let mut founded = Founded::found(setting).await?;
        let started = match app::serve(&founded.config, true).await {
            Ok(running) => founded.open_partners().await.map(|()| running),
            Err(fault) => Err(fault.to_string()),
        };
        match started {
            Ok(running) => Ok(Self { running, founded }),
            Err(fault) => {
                founded.end();
                Err(fault)
            }
        }
    }

    /// Stops everything and removes the folder.
    pub async fn end(self) {
        self.running.stop().await;
        self.founded.end();
    }
}

impl Founded {
    /// Makes a world up to its broker, which anyone may start.
    pub async fn found(setting: Setting) -> Result<Self, String> {
        let folder = private_folder()?;
        let founded = Self::found_in(&folder, setting).await;
        if founded.is_err() {
            let _ = std::fs::remove_dir_all(&folder);
        }
        founded
    }

    async fn found_in(folder: &Path, setting: Setting) -> Result<Self, String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let ports = Ports::bind(setting.port)?;
        let authority = if setting.tls { Some(Authority::make(folder)?) } else { None };
        let scheme = if setting.tls { "https" } else { "http" };
        let at = |address: SocketAddr| format!("{scheme}://{address}");
        let issuer = at(ports.service);
        let site = at(local(&ports.site)?);
        let persons = at(local(&ports.persons)?);
        let officers = at(local(&ports.officers)?);

        let secret = name()?;
        write(&folder.join("client-secret"), secret.as_bytes())?;
        let config = config(folder, &issuer, &ports, (&persons, &officers), &setting)?;
        let mut handles = Vec::new();
        for (listener, url, personas, path) in
            [(ports.persons, &persons, &PERSONS[..], "persons"), (ports.officers, &officers, &OFFICERS[..], "officers")]
        {
            let client = identity::Client {
                id: CLIENT.to_owned(),
                secret: SecretText::new(secret.clone()),
                redirect_uris: vec![format!("{issuer}/login/{path}")],
            };
            handles.push(serve_issuer(listener, url, personas, client, authority.as_ref()).await?);
        }

        let clients = demo_clients()?;
        let fresh = |body: &&str| Ok((String::from(*body), PrivateJwk::generate(Algorithm::EcdhEs).map_err(text)?));
        let encryption = ENCRYPTED.iter().map(fresh).collect::<Result<BTreeMap<_, _>, String>>()?;
        let files = bundle(&clients, &encryption, &site, &officers)?;
        let administrator = Signatory::generate("Administration de l’essai").map_err(text)?;
        let bundle = Bundle::from_files(files.clone());
        let told = |findings: Vec<Finding>| findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let digest = *bundle.load().map_err(told)?.digest();
        // One administrator is enough for a trial; `serve` asks for two.
        let signed = [sign_activation(&administrator, &digest, &[0; 32]).map_err(text)?];
        let initialised = app::init(&config, &bundle, &signed, 1).await.map_err(text)?;
        let founded = Self {
            folder: folder.to_owned(),
            issuer,
            site,
            persons,
            officers,
            authority: authority.as_ref().map(|authority| authority.pem.clone()),
            config,
            administrator,
            files,
            vkey: initialised.vkey,
            clients,
            encryption,
            handles,
            partners: Some(ports.site),
            tls: authority.map(|it| (it.certificate, it.key)),
        };
        write(&folder.join("dev.json"), founded.described()?.to_string().as_bytes())?;
        Ok(founded)
    }

    /// Opens the partners' site, once the broker answers.
    async fn open_partners(&mut self) -> Result<(), String> {
        let Some(listener) = self.partners.take() else { return Ok(()) };
        let routes = site::router(self.partners().await?);
        self.handles.push(serve_site(listener, routes, self.tls.clone()).await?);
        Ok(())
    }

    /// The partners, each with its client.
    async fn partners(&self) -> Result<Site, String> {
        let wire = self.wire()?;
        let mut clients = HashMap::new();
        for (id, key) in &self.clients {
            let client = Client::discover(wire.clone(), &self.issuer, id, key, &self.redirect_uri(id)).await?;
            clients.insert(id.clone(), client);
        }
        let keys = self.encryption.keys().map(|body| Ok((body.clone(), self.encryption_key(body)?)));
        let encryption_keys = keys.collect::<Result<_, String>>()?;
        Ok(Site { issuer: self.issuer.clone(), wire, clients, encryption_keys, under_way: Mutex::default() })
    }

    /// A wire that trusts this world's authority.
    pub fn wire(&self) -> Result<Wire, String> {
        Wire::new(self.authority.as_deref())
    }

    /// A client's private key.
    pub fn key(&self, client: &str) -> Result<&PrivateJwk, String> {
        self.clients.get(client).ok_or_else(|| format!("no client {client}"))
    }

    /// The private key that opens the tokens of a body that has one, as JSON.
    pub fn encryption_key(&self, body: &str) -> Result<String, String> {
        let key = self.encryption.get(body).ok_or_else(|| format!("{body} has no encryption key"))?;
        json_of(key).map(|key| key.to_string())
    }

    /// Where a client's persons are sent back to.
    pub fn redirect_uri(&self, client: &str) -> String {
        redirect_uri(&self.site, client)
    }

    /// Brings a bundle of these files into force; its digest.
    pub async fn activate(&self, files: BTreeMap<String, String>) -> Result<[u8; 32], String> {
        let head = app::command(&self.config, app::Command::Head).await?;
        let previous = head.get("bundle").and_then(Value::as_str).unwrap_or_default();
        let previous = b64::decode_array::<32>(previous).map_err(text)?;
        let bundle = Bundle::from_files(files);
        let told = |findings: Vec<Finding>| findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let digest = *bundle.load().map_err(told)?.digest();
        let signatures = vec![sign_activation(&self.administrator, &digest, &previous).map_err(text)?.named()];
        let bundle = String::from_utf8(bundle.canonical().map_err(told)?).map_err(text)?;
        app::command(&self.config, app::Command::Activate { bundle, signatures }).await?;
        Ok(digest)
    }

    /// What any client needs to know.
    pub fn described(&self) -> Result<Value, String> {
        let clients = self
            .clients
            .iter()
            .map(|(id, key)| Ok(json!({"client_id": id, "redirect_uri": self.redirect_uri(id), "jwk": json_of(key)?})));
        let loaded = Bundle::from_files(self.files.clone()).load();
        let loaded = loaded.map_err(|findings| format!("the bundle has {} findings", findings.len()))?;
        let catalogue = loaded.catalogue();
        let keys = self.encryption.iter().map(|(body, key)| Ok((body.clone(), json_of(key)?)));
        let purposes = catalogue.purposes.iter().map(|(id, purpose)| {
            let necessary: Vec<_> = purpose.necessary.keys().collect();
            json!({"id": id, "label": purpose.label.fr, "recipients": purpose.recipients, "datatypes": necessary})
        });
        Ok(json!({
            "issuer": self.issuer,
            "ops": format!("http://{}", self.config.listen.ops),
            "authority": self.authority.as_ref().map(|_| self.folder.join("authority.pem")),
            "config": self.folder.join("unefois.toml"),
            "clients": clients.collect::<Result<Vec<_>, String>>()?,
            "encryption_keys": keys.collect::<Result<Map<_, _>, String>>()?,
            "purposes": purposes.collect::<Vec<_>>(),
            "identity_services": {"persons": self.persons, "officers": self.officers},
            "personas": PERSONS,
            "officers": OFFICERS,
            "vkey": self.vkey,
        }))
    }

    /// Ends the identity services and removes the folder.
    pub fn end(self) {
        for handle in &self.handles {
            handle.shutdown();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A free port below those that the system hands out by itself: nobody takes it while its broker restarts.
fn free() -> Result<TcpListener, String> {
    const FIRST: u16 = 10_240;
    const COUNT: u16 = 20_000;
    const TRIES: usize = 64;
    for _ in 0..TRIES {
        let drawn = random::<2>().map(u16::from_be_bytes).map_err(text)?;
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, FIRST + drawn % COUNT)) {
            return Ok(listener);
        }
    }
    Err("no port is free".to_owned())
}

impl Ports {
    fn bind(port: Option<u16>) -> Result<Self, String> {
        let service = match port {
            Some(port) => TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|it| format!("port {port}: {it}"))?,
            None => free()?,
        };
        let (persons, officers) = (free()?, free()?);
        let (ops, site) = (free()?, free()?);
        // The broker binds its own: these ports are free for it in a moment.
        Ok(Self { service: local(&service)?, ops: local(&ops)?, persons, officers, site })
    }
}

/// A throw-away certificate authority and a certificate for loopback.
struct Authority {
    pem: String,
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Authority {
    fn make(folder: &Path) -> Result<Self, String> {
        use rcgen::{
            BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
            KeyUsagePurpose,
        };
        let mut params = CertificateParams::new(Vec::<String>::new()).map_err(text)?;
        // Names that differ: where subject and issuer are the same, OpenSSL takes the leaf for self-signed.
        params.distinguished_name.push(DnType::CommonName, "Unefois: throw-away authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let ca_key = KeyPair::generate().map_err(text)?;
        let ca = params.self_signed(&ca_key).map_err(text)?;
        let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
        let leaf_key = KeyPair::generate().map_err(text)?;
        let mut leaf = CertificateParams::new(names).map_err(text)?;
        leaf.distinguished_name.push(DnType::CommonName, "Unefois: trial environment");
        leaf.is_ca = IsCa::ExplicitNoCa;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        let leaf = leaf.signed_by(&leaf_key, &Issuer::new(params, ca_key)).map_err(text)?;
        let pem = ca.pem();
        write(&folder.join("authority.pem"), pem.as_bytes())?;
        let (certificate, key) = (leaf.pem().into_bytes(), leaf_key.serialize_pem().into_bytes());
        write(&folder.join("certificate.pem"), &certificate)?;
        write(&folder.join("key.pem"), &key)?;
        Ok(Self { pem, certificate, key })
    }
}

async fn serve_issuer(
    listener: TcpListener,
    url: &str,
    personas: &'static [Persona],
    client: identity::Client,
    authority: Option<&Authority>,
) -> Result<axum_server::Handle<SocketAddr>, String> {
    let key = PrivateJwk::generate(Algorithm::Es256).and_then(|key| key.signer()).map_err(text)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let settings = IssuerSettings { url: url.to_owned(), key, personas, clients: vec![client] };
    let routes = identity::router(settings, clock);
    serve_site(listener, routes, authority.map(|it| (it.certificate.clone(), it.key.clone()))).await
}

/// Serves a partner's or an identity service's site.
async fn serve_site(
    listener: TcpListener,
    routes: axum::Router,
    tls: Option<(Vec<u8>, Vec<u8>)>,
) -> Result<axum_server::Handle<SocketAddr>, String> {
    listener.set_nonblocking(true).map_err(text)?;
    let handle = axum_server::Handle::new();
    let (theirs, routes) = (handle.clone(), routes.into_make_service());
    match tls {
        Some((certificate, key)) => {
            let tls = RustlsConfig::from_pem(certificate, key).await.map_err(text)?;
            let server = axum_server::from_tcp_rustls(listener, tls).map_err(text)?.handle(theirs);
            tokio::spawn(async move { server.serve(routes).await });
        }
        None => {
            let server = axum_server::from_tcp(listener).map_err(text)?.handle(theirs);
            tokio::spawn(async move { server.serve(routes).await });
        }
    }
    Ok(handle)
}

/// Writes and reads the configuration, as an operator would.
fn config(
    folder: &Path,
    issuer: &str,
    ports: &Ports,
    services: (&str, &str),
    setting: &Setting,
) -> Result<Config, String> {
    let shown = folder.display();
    let redis = setting.redis.as_ref().map(|url| format!("\n[ephemeral]\nredis = \"{url}\"\n")).unwrap_or_default();
    let tls = if setting.tls {
        format!(
            "\n[listen.tls]\ncertificate = \"{shown}/certificate.pem\"\nkey = \"{shown}/key.pem\"\n\n[outbound]\nauthorities = \"{shown}/authority.pem\"\n"
        )
    } else {
        String::new()
    };
    let (persons, officers) = services;
    let text = format!(
        "# Made by `unefois dev` for one run.\nissuer = \"{issuer}\"\ndata = \"{shown}/data\"\n\
         custodian = {{ body = \"bqtu\", instrument = \"mandat-bqtu\" }}\n\n\
         [keys]\nfolder = \"{shown}/keys\"\ncredential = \"{shown}/credential\"\nrecovery = \"{shown}/recovery\"\n\n\
         [listen]\nservice = \"{}\"\nops = \"{}\"\n{tls}\n\
         [persons]\nissuer = \"{persons}\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"{shown}/client-secret\"\n\n\
         [officers]\nissuer = \"{officers}\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"{shown}/client-secret\"\n{redis}",
        ports.service, ports.ops
    );
    let path = folder.join("unefois.toml");
    write(&path, text.as_bytes())?;
    Config::read(&path).map_err(|fault| fault.to_string())
}

/// A key for each client of the demo catalogue.
fn demo_clients() -> Result<BTreeMap<String, PrivateJwk>, String> {
    let clients: toml::Table = catalogue_file("clients.toml")?;
    let names = clients.get("clients").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys);
    names.map(|id| Ok((id.clone(), PrivateJwk::generate(Algorithm::Es256).map_err(text)?))).collect()
}

/// The product's rules with the demo catalogue, completed with what was made for this run.
fn bundle(
    clients: &BTreeMap<String, PrivateJwk>,
    encryption: &BTreeMap<String, PrivateJwk>,
    site: &str,
    officers: &str,
) -> Result<BTreeMap<String, String>, String> {
    let mut files = product_rules();
    files.extend(demo_catalogue());
    let mut table = catalogue_file("clients.toml")?;
    for (id, key) in clients {
        let client = table.get_mut("clients").and_then(|it| it.get_mut(id)).and_then(toml::Value::as_table_mut);
        let client = client.ok_or("the demo catalogue has no such client")?;
        client.insert("keys".into(), toml::Value::Array(vec![toml_key(key)?]));
        client.insert("redirect_uris".into(), toml::Value::Array(vec![redirect_uri(site, id).into()]));
    }
    let delegations = table.get_mut("delegations").and_then(toml::Value::as_array_mut);
    for delegation in delegations.into_iter().flatten().filter_map(toml::Value::as_table_mut) {
        delegation.insert("issuer".into(), officers.into());
    }
    files.insert("catalogue/clients.toml".to_owned(), table.to_string());
    let mut bodies = catalogue_file("bodies.toml")?;
    for (id, key) in encryption {
        let body = bodies.get_mut("bodies").and_then(|it| it.get_mut(id)).and_then(toml::Value::as_table_mut);
        body.ok_or("the demo catalogue has no such body")?.insert("encryption_key".into(), toml_key(key)?);
    }
    files.insert("catalogue/bodies.toml".to_owned(), bodies.to_string());
    Ok(files)
}

fn catalogue_file(name: &str) -> Result<toml::Table, String> {
    let files = demo_catalogue();
    let file = files.get(&format!("catalogue/{name}")).ok_or_else(|| format!("the demo catalogue has no {name}"))?;
    file.parse().map_err(text)
}

fn toml_key(key: &PrivateJwk) -> Result<toml::Value, String> {
    toml::Value::try_from(key.public()).map_err(text)
}

fn redirect_uri(site: &str, client: &str) -> String {
    format!("{site}/{client}/retour")
}

fn json_of(key: &PrivateJwk) -> Result<Value, String> {
    serde_json::from_slice(&key.to_json().map_err(text)?).map_err(text)
}

fn private_folder() -> Result<PathBuf, String> {
    use std::os::unix::fs::DirBuilderExt as _;
    let folder = std::env::temp_dir().join(format!("unefois-{}", name()?));
    std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|fault| format!("{}: {fault}", folder.display()))?;
    Ok(folder)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    std::fs::write(path, bytes).map_err(|fault| format!("{}: {fault}", path.display()))
}

fn local(listener: &TcpListener) -> Result<SocketAddr, String> {
    listener.local_addr().map_err(text)
}

fn name() -> Result<String, String> {
    random::<12>().map(b64::encode).map_err(text)
}

#[expect(clippy::needless_pass_by_value, reason = "given to map_err, which hands over the fault")]
fn text(fault: impl ToString) -> String {
    fault.to_string()
}
