//! The catalogue: which bodies, kinds, purposes, instruments, clients and delegations there are. Data that
//! administrators sign; texts that persons read come from here and from nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AttributeId, BodyId, ClientId, Declared, InstrumentId, KindId, PurposeId};
use crate::clock::Day;

/// A text in both languages. French is authoritative (C-11).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// French.
    pub fr: String,
    /// English.
    pub en: String,
}

/// Language of a page or an answer.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// French: the default and the authoritative text.
    #[default]
    Fr,
    /// English: behind the attestation gate.
    En,
}

impl Language {
    /// The language's code, as in the path of a page.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }
}

impl Text {
    /// The text in `language`.
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Fr => &self.fr,
            Language::En => &self.en,
        }
    }
}

/// The whole catalogue.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Catalogue {
    /// Fictional data: `serve` refuses it.
    pub demo: bool,
    /// Public bodies.
    pub bodies: BTreeMap<BodyId, Body>,
    /// Record kinds.
    pub kinds: BTreeMap<KindId, RecordKind>,
    /// Purposes.
    pub purposes: BTreeMap<PurposeId, Purpose>,
    /// Written instruments.
    pub instruments: BTreeMap<InstrumentId, Instrument>,
    /// Clients.
    pub clients: BTreeMap<ClientId, Client>,
    /// Officers, by delegation.
    pub delegations: Vec<Delegation>,
}

/// A public body (*organisme public*), as it exists between two days.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Its legal name.
    pub name: Text,
    /// The provisions under which it is public, for example `A-2.1, art. 3`.
    pub public_under: Vec<String>,
    /// First day of its existence.
    pub from: Day,
    /// First day on which it no longer exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Whom a person may turn to: the person in charge of the protection of personal information (s. 8).
    pub contact: Contact,
    /// Key to which its data tokens are encrypted; without one it gets no sensitive attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<PublicJwk>,
}

/// How to reach a body's person in charge.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Title of the function.
    pub title: Text,
    /// E-mail address.
    pub email: String,
    /// Telephone, for help without a computer.
    pub phone: String,
}

/// A public key, inline: there is no `jwks_uri`. Checked by `jose` when the bundle is loaded.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PublicJwk {
    /// `EC` or `OKP`.
    pub kty: String,
    /// `P-256` or `Ed25519`.
    pub crv: String,
    /// First coordinate, base64url.
    pub x: String,
    /// Second coordinate, base64url; absent for `OKP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// Key identifier; without one, the RFC 7638 thumbprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// `sig` or `enc`.
    #[serde(default, rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
    /// Algorithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
}

/// A record kind (*catégorie*): what its records look like and who holds them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordKind {
    /// What it is called.
    pub label: Text,
    /// The body that holds its records.
    pub holder: BodyId,
    /// The purpose for which they are first collected.
    pub collected_for: PurposeId,
    /// The regime that governs them.
    pub regime: Regime,
    /// Where the values come from.
    pub origin: Origin,
    /// Its attributes by member name, in the order in which they are read.
    pub attributes: Declared<String, Attribute>,
    /// JSON Schema of a record's values, as text.
    pub schema: String,
}

/// One attribute (*renseignement*).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    /// What persons and bodies call it.
    pub label: Text,
    /// Sensitive in the sense of s. 59: express consent, encrypted release.
    #[serde(default)]
    pub sensitive: bool,
    /// What a number counts, so that pages say it as one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// The claim of the identity service that gives it, for kinds that come from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<Claim>,
}

/// What a number counts.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Canadian dollars.
    Dollars,
    /// A calendar year.
    Year,
}

/// A claim of an identity service (OpenID Connect Core 5.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Claim {
    /// `name`.
    Name,
    /// `birthdate`.
    Birthdate,
}

/// The statute that governs a kind. Only kinds under the Act have rules so far; others are refused.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Regime {
    /// CQLR c..
    #[serde(rename = "A-2.1")]
    Access,
    /// Civil Code, acts and register of civil status.
    #[serde(rename = "CCQ-CIVIL-STATUS")]
    CivilStatus,
    /// CQLR c., health and social services information.
    #[serde(rename = "R-22.1")]
    Health,
    /// CQLR c., tax information.
    #[serde(rename = "A-6.002")]
    Tax,
}

/// Where a kind's values come from.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Declared by the subject.
    Subject,
    /// Vouched for by the identity service at sign-in.
    IdentityService,
}

/// A purpose (*fin*), versioned: one question, one consent, one token.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Purpose {
    /// Version; any change of what a person is told raises it.
    pub version: u32,
    /// The question's title.
    pub label: Text,
    /// Why, in one sentence.
    pub why: Text,
    /// Bodies that may ask for it.
    pub recipients: BTreeSet<BodyId>,
    /// Attributes without which the purpose cannot be achieved, each with the reason (s. 64).
    pub necessary: Declared<AttributeId, Text>,
    /// Attributes that the person may leave out.
    #[serde(default)]
    pub optional: Declared<AttributeId, Text>,
    /// Longest validity of a consent, in days.
    pub longest_days: u32,
    /// Most releases under one consent; none is unlimited while the consent lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u32>,
    /// What refusing leads to (s. 65).
    pub refusal: Text,
    /// How to do without the broker, at no cost.
    pub alternative: Text,
    /// How long the body keeps what it gets.
    pub kept: Text,
    /// What gives the body this programme or power: a provision as the rules cite it, or words.
    pub powers: Vec<Text>,
}

impl Purpose {
    /// The attributes that it knows, in the order in which persons read them: the necessary ones first.
    pub fn attributes(&self) -> impl Iterator<Item = &AttributeId> + Clone {
        self.necessary.keys().chain(self.optional.keys())
    }

    /// Whether the purpose knows `attribute`, as necessary or optional.
    pub fn allows(&self, attribute: &AttributeId) -> bool {
        self.necessary.contains_key(attribute) || self.optional.contains_key(attribute)
    }
}

/// A written instrument that gives a capacity: an agreement, a mandate contract, an order.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    /// What it is called.
    pub title: Text,
    /// The provision under which it was made.
    pub under: Capacity,
    /// The bodies it binds.
    pub bodies: BTreeSet<BodyId>,
    /// First day in force (for s. 64 and 68: 30 days after receipt by the CAI, computed before it is written here).
    pub from: Day,
    /// First day out of force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
}

/// In which legal capacity a body acts for others.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Capacity {
    /// Collector for another body (s. 64).
    #[serde(rename = "64")]
    Collector,
    /// Mandatary under a contract (s. 67.2).
    #[serde(rename = "67.2")]
    Mandatary,
    /// Official source by order (G-1.03 s. 12.14).
    #[serde(rename = "12.14")]
    OfficialSource,
}

impl Capacity {
    /// The section, as cited.
    pub const fn section(self) -> &'static str {
        match self {
            Self::Collector => "A-2.1, art. 64",
            Self::Mandatary => "A-2.1, art. 67.2",
            Self::OfficialSource => "G-1.03, art. 12.14",
        }
    }
}

/// The body that runs the broker (*dépositaire*), in one capacity. Set in the configuration, not in the catalogue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Custodian {
    /// The body.
    pub body: BodyId,
    /// Its instrument in the catalogue, which states the capacity.
    pub instrument: InstrumentId,
}

/// An OAuth client of a body. An organisation that is both a portal and an agency has two clients.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The body it acts for.
    pub body: BodyId,
    /// What it is called on pages.
    pub name: Text,
    /// What it may do.
    pub role: Role,
    /// Where a person may be sent back to; compared exactly.
    #[serde(default)]
    pub redirect_uris: BTreeSet<String>,
    /// Its signing keys.
    #[serde(default)]
    pub keys: Vec<PublicJwk>,
}

/// What a client is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "UPPERCASE", deny_unknown_fields)]
pub enum Role {
    /// Asks for data tokens, for these purposes.
    Agency {
        /// The purposes it is registered for.
        purposes: BTreeSet<PurposeId>,
    },
    /// A portal (*portail partenaire*) that sends persons and gets them back, nothing else.
    Relay {},
    /// A portal that may check what is on file and submit drafts.
    Collector {
        /// The s. 64 agreement or s. 67.2 contract that lets it collect.
        instrument: InstrumentId,
        /// Kinds that its form asks about: on file, yes or no.
        checks: BTreeSet<KindId>,
        /// Kinds that it may draft.
        drafts: BTreeSet<KindId>,
    },
}

/// An officer's delegation (s. 8): who may look, for which body, between which days.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// The identity service that knows the officer.
    #[serde(default)]
    pub issuer: String,
    /// The officer's `sub` there.
    pub sub: String,
    /// Name, as shown in the log.
    pub name: String,
    /// The office.
    pub office: Office,
    /// The body whose records the officer may inspect.
    pub body: BodyId,
    /// First day.
    pub from: Day,
    /// First day on which it no longer holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// The writing that delegates.
    pub instrument: String,
}

/// The two offices of s. 8.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Office {
    /// *Responsable de la protection des renseignements personnels*.
    Privacy,
    /// *Responsable de l'accès aux documents*.
    Access,
}

impl fmt::Display for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Privacy => "privacy",
            Self::Access => "access",
        })
    }
}

/// Whether `day` lies in `[from, until)`.
pub fn in_force(from: Day, until: Option<Day>, day: Day) -> bool {
    from <= day && until.is_none_or(|end| day < end)
}

impl Catalogue {
    /// The attribute's entry in its kind.
    pub fn attribute(&self, id: &AttributeId) -> Option<&Attribute> {
        self.kinds.get(&id.kind())?.attributes.get(id.member())
    }

    /// Whether the attribute is sensitive; an unknown one is.
    pub fn sensitive(&self, id: &AttributeId) -> bool {
        self.attribute(id).is_none_or(|attribute| attribute.sensitive)
    }

    /// Whether `body` exists on `day`.
    pub fn exists(&self, body: &BodyId, day: Day) -> bool {
        self.bodies.get(body).is_some_and(|found| in_force(found.from, found.until, day))
    }

    /// Whether `instrument` binds `body` on `day`.
    pub fn binds(&self, instrument: &InstrumentId, body: &BodyId, day: Day) -> bool {
        self.instruments
            .get(instrument)
            .is_some_and(|found| found.bodies.contains(body) && in_force(found.from, found.until, day))
    }

    /// The delegation in force on `day` of the officer that `issuer` knows as `sub`.
    pub fn delegation(&self, issuer: &str, sub: &str, day: Day) -> Option<&Delegation> {
        self.delegations
            .iter()
            .find(|found| found.issuer == issuer && found.sub == sub && in_force(found.from, found.until, day))
    }
}
