//! The only door out: requests to configured hosts, over https, bounded in time and size.
//!
//! It is not a general client: no redirect is followed, no proxy is read from the environment, no cookie is kept. What
//! a host says is for the caller to check (`identity/login` for the identity services).
//!
//! INVARIANT: a request leaves for a host and port written in the configuration, or not at all; in clear only to this
//! machine, and only where the configuration says so.
//! INVARIANT: an error names the host and what failed, never the path, the query or the body: they may hold codes.

use std::collections::BTreeSet;
use std::fmt;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Where Debian, and most others, keep the certificate authorities that the system trusts.
pub const SYSTEM_CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// Longest that a call may take, from the first byte sent to the last byte read.
pub const LONGEST: Duration = Duration::from_secs(5);
/// Largest body that is read.
pub const LARGEST: usize = 256 * 1024;

/// What may be reached, and whose word is taken for it.
#[derive(Clone, Debug, Default)]
pub struct OutboundConfig {
    /// `host:port` of each host, exactly as it stands in the URLs; the port is never left out.
    pub hosts: BTreeSet<String>,
    /// PEM bundle of the authorities to trust; [`SYSTEM_CA_BUNDLE`], where there is one, when not given.
    pub ca_bundle: Option<PathBuf>,
    /// Further authorities, as PEM text: a test environment's own.
    pub extra_cas: Vec<String>,
    /// Whether this machine may be reached in clear: development alone.
    pub allow_http_loopback: bool,
    /// Longest that a call may take, if not [`LONGEST`].
    pub timeout: Option<Duration>,
}

/// The door. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Outbound {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    hosts: Arc<BTreeSet<String>>,
    allow_http_loopback: bool,
    timeout: Duration,
}

impl Outbound {
    /// Reads the authorities and makes the door; calls nobody.
    pub fn new(config: OutboundConfig) -> Result<Self, OutboundError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|fault| OutboundError::Authorities { from: "TLS".to_owned(), why: fault.to_string() })?
            .with_root_certificates(authorities(&config)?)
            .with_no_client_auth();
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Ok(Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            hosts: Arc::new(config.hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect()),
            allow_http_loopback: config.allow_http_loopback,
            timeout: config.timeout.unwrap_or(LONGEST),
        })
    }

    /// Sends one request and reads the whole answer. An answer that redirects is an error; other statuses are answers.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, OutboundError> {
        let host = self.admit(request.uri())?;
        match tokio::time::timeout(self.timeout, self.exchange(&host, request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(OutboundError::TooSlow { host }),
        }
    }

    async fn exchange(&self, host: &str, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, OutboundError> {
        let failed = |why: String| OutboundError::Failed { host: host.to_owned(), why };
        let request = request.map(|body| Full::new(Bytes::from(body)));
        let answer = self.client.request(request).await.map_err(|fault| failed(chain(&fault)))?;
        if answer.status().is_redirection() {
            return Err(OutboundError::Redirected { host: host.to_owned() });
        }
        let (head, body) = answer.into_parts();
        let body = Limited::<Incoming>::new(body, LARGEST).collect().await.map_err(|fault| {
            if fault.is::<LengthLimitError>() {
                OutboundError::TooLarge { host: host.to_owned() }
            } else {
                failed(chain(&*fault))
            }
        })?;
        Ok(Response::from_parts(head, body.to_bytes().to_vec()))
    }

    /// The request's `host:port`, if it may be reached in this way.
    fn admit(&self, uri: &Uri) -> Result<String, OutboundError> {
        let name = uri.host().unwrap_or_default().to_ascii_lowercase();
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let host = format!("{name}:{port}");
        let bare = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if !bare || !self.hosts.contains(&host) {
            return Err(OutboundError::Foreign { host });
        }
        let in_clear = uri.scheme() == Some(&Scheme::HTTP) && self.allow_http_loopback && is_loopback(&name);
        if secure || in_clear { Ok(host) } else { Err(OutboundError::InClear { host }) }
    }
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbound").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// Why a call was not made, or gave nothing.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum OutboundError {
    /// The certificate authorities cannot be read.
    #[error("cannot read the certificate authorities in {from}: {why}")]
    Authorities {
        /// File, or what else they were to come from.
        from: String,
        /// What is wrong.
        why: String,
    },
    /// The host is not in the configuration.
    #[error("{host} is not among the hosts that the configuration lets us call")]
    Foreign {
        /// Host and port.
        host: String,
    },
    /// Not https.
    #[error("{host} may only be called over https")]
    InClear {
        /// Host and port.
        host: String,
    },
    /// The answer sends us elsewhere.
    #[error("{host} answered with a redirect, which is never followed")]
    Redirected {
        /// Host and port.
        host: String,
    },
    /// The body is larger than [`LARGEST`].
    #[error("{host} answered with more than {LARGEST} bytes")]
    TooLarge {
        /// Host and port.
        host: String,
    },
    /// The call took too long.
    #[error("{host} took too long to answer")]
    TooSlow {
        /// Host and port.
        host: String,
    },
    /// No connection, no trust, or no HTTP.
    #[error("{host} cannot be reached: {why}")]
    Failed {
        /// Host and port.
        host: String,
        /// What failed.
        why: String,
    },
}

/// Whether a host name or address literal, as it stands in a URL, is this machine.
pub fn is_loopback(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let v6 = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match v6 {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok_and(|address| address.to_canonical().is_loopback()),
        None => {
            host == "localhost"
                || host.ends_with(".localhost")
                || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

/// The authorities of the bundle, of which ones in a form that we do not know are left out, as browsers do, and the
/// further ones, each of which must hold.
fn authorities(config: &OutboundConfig) -> Result<RootCertStore, OutboundError> {
    let mut store = RootCertStore::empty();
    let system = Path::new(SYSTEM_CA_BUNDLE);
    if let Some(path) = config.ca_bundle.as_deref().or_else(|| system.is_file().then_some(system)) {
        let unreadable = |why: String| OutboundError::Authorities { from: path.display().to_string(), why };
        let certificates = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|fault| unreadable(fault.to_string()))?;
        if store.add_parsable_certificates(certificates).0 == 0 {
            return Err(unreadable("it holds no certificate".to_owned()));
        }
    }
    for pem in &config.extra_cas {
        let unreadable = |why: String| OutboundError::Authorities { from: "an extra authority".to_owned(), why };
        let before = store.len();
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|fault| unreadable(fault.to_string()))?;
            store.add(certificate).map_err(|fault| unreadable(fault.to_string()))?;
        }
        if store.len() == before {
            return Err(unreadable("it holds no certificate".to_owned()));
        }
    }
    Ok(store)
}

/// An error's last cause, which says most: "connection refused", "invalid peer certificate".
fn chain(fault: &(dyn std::error::Error + 'static)) -> String {
    let mut last = fault;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// A server that answers each connection with these bytes, after a pause, and its `host:port`.
    fn server(answer: Vec<u8>, pause: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                std::thread::sleep(pause);
                let _ = stream.write_all(&answer);
            }
        });
        host
    }

    fn door(host: &str) -> Outbound {
        let hosts = BTreeSet::from([host.to_owned()]);
        let timeout = Some(Duration::from_millis(300));
        Outbound::new(OutboundConfig { hosts, allow_http_loopback: true, timeout, ..OutboundConfig::default() })
            .unwrap()
    }

    async fn get(door: &Outbound, url: &str) -> Result<Response<Vec<u8>>, OutboundError> {
        door.send(Request::get(url).body(Vec::new()).unwrap()).await
    }

    fn answer(status: &str, length: usize) -> Vec<u8> {
        let head =
            format!("HTTP/1.1 {status}\r\nconnection: close\r\nlocation: /x\r\ncontent-length: {length}\r\n\r\n");
        [head.into_bytes(), vec![b'x'; length]].concat()
    }

    #[tokio::test]
    async fn an_allowed_host_answers() {
        let host = server(answer("404 Not Found", 2), Duration::ZERO);
        let given = get(&door(&host), &format!("http://{host}/a?b=c")).await.unwrap();
        assert_eq!((given.status().as_u16(), given.body().as_slice()), (404, b"xx".as_slice()));
    }

    #[tokio::test]
    async fn a_redirect_is_refused() {
        for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
            let host = server(answer(status, 0), Duration::ZERO);
            let refused = get(&door(&host), &format!("http://{host}/")).await.unwrap_err();
            assert_eq!(refused, OutboundError::Redirected { host }, "{status}");
        }
    }

    #[tokio::test]
    async fn a_body_is_bounded_whether_or_not_it_says_its_length() {
        let host = server(answer("200 OK", LARGEST + 1), Duration::ZERO);
        let refused = get(&door(&host), &format!("http://{host}/")).await.unwrap_err();
        assert_eq!(refused, OutboundError::TooLarge { host });
        let endless = [b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec(), vec![b'x'; LARGEST + 1]].concat();
        let host = server(endless, Duration::ZERO);
        let refused = get(&door(&host), &format!("http://{host}/")).await.unwrap_err();
        assert_eq!(refused, OutboundError::TooLarge { host });
        let host = server(answer("200 OK", LARGEST), Duration::ZERO);
        assert_eq!(get(&door(&host), &format!("http://{host}/")).await.unwrap().body().len(), LARGEST);
    }

    #[tokio::test]
    async fn a_slow_host_is_left() {
        let host = server(answer("200 OK", 0), Duration::from_secs(2));
        let refused = get(&door(&host), &format!("http://{host}/")).await.unwrap_err();
        assert_eq!(refused, OutboundError::TooSlow { host });
    }

    #[tokio::test]
    async fn a_host_that_is_not_there_is_named_without_the_path() {
        let host = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let refused = get(&door(&host), &format!("http://{host}/secret?code=secret")).await.unwrap_err();
        assert!(matches!(refused, OutboundError::Failed { .. }), "{refused}");
        assert!(refused.to_string().contains(&host) && !refused.to_string().contains("secret"), "{refused}");
    }

    #[tokio::test]
    async fn foreign_hosts_are_refused() {
        let door = door("127.0.0.1:9");
        let foreign = [
            "http://127.0.0.1:10/",
            "http://127.0.0.1/",
            "https://example.org/",
            "http://127.0.0.1:9@example.org/",
            "http://user@127.0.0.1:9/",
            "http://127.0.0.1.example.org:9/",
            "/relative",
        ];
        for url in foreign {
            assert!(matches!(get(&door, url).await, Err(OutboundError::Foreign { .. })), "{url}");
        }
    }

    #[tokio::test]
    async fn clear_text_is_for_this_machine_alone_and_only_when_told() {
        let hosts = BTreeSet::from(["example.org:80".to_owned(), "127.0.0.1:9".to_owned()]);
        let lenient = OutboundConfig { hosts, allow_http_loopback: true, ..OutboundConfig::default() };
        let strict = OutboundConfig { allow_http_loopback: false, ..lenient.clone() };
        let lenient = Outbound::new(lenient).unwrap();
        assert!(matches!(get(&lenient, "http://example.org/").await, Err(OutboundError::InClear { .. })));
        let strict = Outbound::new(strict).unwrap();
        assert!(matches!(get(&strict, "http://127.0.0.1:9/").await, Err(OutboundError::InClear { .. })));
    }

    #[tokio::test]
    async fn a_certificate_of_an_unknown_authority_is_refused() {
        // Not TLS at all, which fails the handshake in the same place.
        let host = server(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), Duration::ZERO);
        let refused = get(&door(&host), &format!("https://{host}/")).await.unwrap_err();
        assert!(matches!(refused, OutboundError::Failed { .. }), "{refused}");
    }

    #[test]
    fn authorities_that_cannot_be_read_are_an_error() {
        let missing = OutboundConfig { ca_bundle: Some("/nowhere/ca.pem".into()), ..OutboundConfig::default() };
        assert!(matches!(Outbound::new(missing), Err(OutboundError::Authorities { .. })));
        for pem in ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "", "ca.pem"] {
            let broken = OutboundConfig { extra_cas: vec![pem.to_owned()], ..OutboundConfig::default() };
            assert!(matches!(Outbound::new(broken), Err(OutboundError::Authorities { .. })), "{pem}");
        }
    }

    #[test]
    fn loopback() {
        for host in ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "a.localhost", "[::1]", "[::ffff:127.0.0.1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["example.org", "127.0.0.1.example.org", "localhost.example.org", "10.0.0.1", "[::2]", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
