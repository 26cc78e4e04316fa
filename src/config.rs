//! The configuration: one TOML file, overridden by the environment. Unknown keys are errors, with a suggestion.
//!
//! Not here: rules and catalogue (the bundle), secrets themselves (files of their own, named here).
//! INVARIANT: every default is safe; what is legally a choice (the custodian) has none.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::Custodian;

/// The whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address under which everyone reaches the broker: `https://…`, without a path.
    pub issuer: String,
    /// Folder of the record.
    pub data: PathBuf,
    /// The body that runs the broker.
    pub custodian: Custodian,
    /// Keys.
    pub keys: Keys,
    /// Where it listens.
    pub listen: Listen,
    /// Identity service of persons.
    pub persons: IdentityService,
    /// Identity service of officers.
    pub officers: IdentityService,
    /// What may vanish.
    #[serde(default)]
    pub ephemeral: Ephemeral,
    /// The only way out.
    #[serde(default)]
    pub outbound: Outbound,
}

/// `[keys]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Folder of the key ring and the head file: on another volume than the data, never in its backups.
    pub folder: PathBuf,
    /// File that holds the credential which opens the ring.
    pub credential: PathBuf,
    /// Folder of the second custodian, to which the ring is copied, encrypted to the recovery key.
    #[serde(default)]
    pub recovery: Option<PathBuf>,
}

/// `[listen]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Address and port of the service.
    pub service: SocketAddr,
    /// Address and port of `/healthz` and `/readyz`.
    pub ops: SocketAddr,
    /// Certificate chain and key; without them the service speaks plain HTTP, to loopback only.
    #[serde(default)]
    pub tls: Option<Tls>,
}

/// `[listen.tls]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file of the certificate chain.
    pub certificate: PathBuf,
    /// PEM file of its private key.
    pub key: PathBuf,
}

/// `[persons]`, `[officers]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityService {
    /// OpenID Connect issuer.
    pub issuer: String,
    /// The broker's client there.
    pub client_id: String,
    /// File that holds its secret.
    pub client_secret: PathBuf,
    /// Authentication context asked for when a sensitive attribute is consented to.
    #[serde(default)]
    pub step_up_acr: Option<String>,
}

/// `[ephemeral]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ephemeral {
    /// `redis://` or `rediss://` URL; without one, the memory of this process.
    #[serde(default)]
    pub redis: Option<RedisUrl>,
}

/// A Redis address. It may carry a password: never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct RedisUrl(String);

impl RedisUrl {
    /// The address.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUrl(..)")
    }
}

/// `[outbound]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbound {
    /// PEM bundle of authorities to trust; the system's otherwise.
    #[serde(default)]
    pub authorities: Option<PathBuf>,
}

/// What is wrong with the configuration, and where.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct ConfigFault {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where none applies.
    pub line: usize,
    /// What to mend.
    pub message: String,
}

/// Values that the environment overrides.
const OVERRIDES: &[(&str, &str)] = &[
    ("UNEFOIS_ISSUER", "issuer"),
    ("UNEFOIS_DATA", "data"),
    ("UNEFOIS_KEYS_FOLDER", "keys.folder"),
    ("UNEFOIS_KEYS_CREDENTIAL", "keys.credential"),
    ("UNEFOIS_LISTEN_SERVICE", "listen.service"),
    ("UNEFOIS_LISTEN_OPS", "listen.ops"),
    ("UNEFOIS_EPHEMERAL_REDIS", "ephemeral.redis"),
];

impl Config {
    /// Reads the file, lets the environment override it, and checks the whole.
    pub fn read(path: &Path) -> Result<Self, ConfigFault> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|fault| ConfigFault {
            file: file.clone(),
            line: 0,
            message: fault.to_string(),
        })?;
        Self::parse(&file, &text, |name| std::env::var(name).ok())
    }

    /// Parses the text of `file`; `variable` gives the environment's values.
    pub fn parse(file: &str, text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigFault> {
        let set = OVERRIDES.iter().filter_map(|(name, key)| Some((key, toml::Value::String(variable(name)?))));
        let lines: Vec<String> = set.map(|(key, value)| format!("{key} = {value}")).collect();
        let lines = lines.join("\n");
        let text = merge(file, text, &lines)?;
        let config: Self = toml::from_str(&text).map_err(|fault| fault_at(file, &text, &fault))?;
        config.check(file)?;
        Ok(config)
    }

    fn check(&self, file: &str) -> Result<(), ConfigFault> {
        let wrong = |message: &str| Err(ConfigFault { file: file.to_owned(), line: 0, message: message.to_owned() });
        let issuer: http::Uri = match self.issuer.parse() {
            Ok(uri) => uri,
            Err(_) => return wrong("issuer: not an address; write it as https://host or https://host:port"),
        };
        if issuer.scheme_str().is_none() || issuer.path() != "/" || self.issuer.ends_with('/') {
            return wrong("issuer: write scheme and host alone, without a path or a final slash");
        }
        if self.keys.folder.starts_with(&self.data) || self.data.starts_with(&self.keys.folder) {
            return wrong("keys.folder: keep keys and data apart; a backup of the one must never hold the other");
        }
        if self.listen.tls.is_none() && !self.listen.service.ip().is_loopback() {
            return wrong(
                "listen.tls: without a certificate the service listens on loopback only; give certificate and key",
            );
        }
        Ok(())
    }
}

/// The file with the environment's values in place of its own.
fn merge(file: &str, text: &str, overrides: &str) -> Result<String, ConfigFault> {
    if overrides.is_empty() {
        return Ok(text.to_owned());
    }
    let mut base: toml::Table = text.parse().map_err(|fault| fault_at(file, text, &fault))?;
    let over: toml::Table = overrides.parse().map_err(|fault| fault_at("environment", overrides, &fault))?;
    lay_over(&mut base, over);
    Ok(base.to_string())
}

fn lay_over(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(value)) => lay_over(below, value),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

fn fault_at(file: &str, text: &str, fault: &toml::de::Error) -> ConfigFault {
    let start = fault.span().map_or(0, |span| span.start);
    let line = text.get(..start).map_or(0, |before| before.matches('\n').count() + 1);
    ConfigFault { file: file.to_owned(), line, message: suggest(fault.message()) }
}

/// Adds the nearest known name to serde's list of expected ones.
fn suggest(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((unknown, known)) = names.split_first().filter(|_| message.starts_with("unknown field")) else {
        return message.to_owned();
    };
    match known.iter().min_by_key(|name| strsim::levenshtein(unknown, name)) {
        Some(nearest) if strsim::levenshtein(unknown, nearest) <= 3 => {
            format!("unknown key `{unknown}`; did you mean `{nearest}`?")
        }
        _ => format!("unknown key `{unknown}`; known are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
issuer = "https://unefois.example"
data = "/var/lib/unefois"
custodian = { body = "butu", instrument = "entente" }
keys = { folder = "/etc/unefois/keys", credential = "/run/credentials/unefois" }
listen = { service = "127.0.0.1:8443", ops = "127.0.0.1:8444" }
persons = { issuer = "https://id.example", client_id = "unefois", client_secret = "/etc/unefois/persons" }
officers = { issuer = "https://of.example", client_id = "unefois", client_secret = "/etc/unefois/officers" }
"#;

    fn parse(text: &str) -> Result<Config, ConfigFault> {
        Config::parse("unefois.toml", text, |_| None)
    }

    #[test]
    fn a_good_file_is_read() {
        assert_eq!(parse(GOOD).unwrap().issuer, "https://unefois.example");
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_a_suggestion() {
        let fault = parse(&GOOD.replace("data =", "dato =")).unwrap_err();
        assert_eq!(fault.to_string(), "unefois.toml:3: unknown key `dato`; did you mean `data`?");
    }

    #[test]
    fn a_missing_custodian_is_refused() {
        let text = GOOD.lines().filter(|line| !line.starts_with("custodian")).collect::<Vec<_>>().join("\n");
        assert!(parse(&text).unwrap_err().message.contains("custodian"));
    }

    #[test]
    fn the_environment_wins() {
        let variable = |name: &str| (name == "UNEFOIS_LISTEN_SERVICE").then(|| "127.0.0.1:1".to_owned());
        let config = Config::parse("f", GOOD, variable).unwrap();
        assert_eq!(config.listen.service.port(), 1);
        assert_eq!(config.listen.ops.port(), 8444);
    }

    #[test]
    fn unsafe_choices_are_refused() {
        for (from, to) in [
            ("127.0.0.1:8443", "0.0.0.0:8443"),
            ("/etc/unefois/keys", "/var/lib/unefois/keys"),
            ("https://unefois.example", "https://unefois.example/"),
        ] {
            assert!(parse(&GOOD.replacen(from, to, 1)).is_err(), "{to}");
        }
    }
}
