//! From an act and its facts to what the rules see: truths, words and names, none of which singles out a person.
//!
//! Not here: the rules themselves (`policies/rules`), their evaluation (`rules`).
//! INVARIANT: everything that depends on the date becomes a truth computed at one moment, and what it rests on bounds
//! the case's `good_until`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::rule::Citation;
use super::rules::Action;
use crate::clock::{Day, Moment};
use crate::domain::{
    Abroad, Agreement, Assessment, AttributeId, Basis, BodyId, Capacity, Catalogue, Client, ClientId, Custodian, Giver,
    InstrumentId, KindId, MandateAct, Notice, NoticeKey, PersonFacts, Purpose, PurposeId, Regime, Role, SubjectId,
    SubjectKind, Version,
};
use crate::identity::AuthenticatedBody;
use crate::store::Precondition;

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::domain::Ask {}
    impl Sealed for crate::domain::ConsentAsk {}
    impl Sealed for crate::domain::Reliance {}
    impl Sealed for crate::domain::Attestation {}
    impl Sealed for crate::domain::SessionAsk {}
    impl Sealed for crate::domain::CheckAsk {}
    impl Sealed for crate::domain::Decision {}
    impl Sealed for crate::domain::Submission {}
    impl Sealed for crate::domain::OwnView {}
    impl Sealed for crate::domain::Reading {}
    impl Sealed for crate::domain::Rehearsing {}
    impl Sealed for crate::domain::Carry {}
    impl Sealed for crate::domain::Approval {}
    impl Sealed for crate::domain::StatusRecord {}
}

/// Something that can be asked for. The acts are those of `domain`; no other module adds one.
pub trait Act: sealed::Sealed + Sized {
    /// Who asks.
    type Actor;
    /// What the broker knows.
    type Facts;
    /// What a permit keeps of the facts, so that nothing can be put in its place later.
    type Kept;

    /// What the rules are to see.
    fn case<'a>(&'a self, view: &'a View<'a>, actor: &'a Self::Actor, facts: &'a Self::Facts) -> Case<'a, Self::Kept>;
}

/// An act that leads to values.
pub trait Reveals: Act {
    /// The attributes that its asker named.
    fn asked(&self) -> &BTreeSet<AttributeId>;
    /// Whose values, and which of them may be shown at most.
    fn scope(kept: &Self::Kept) -> &Scope;
}

/// Whose values a permit reaches, and which of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Scope {
    /// Whose.
    pub(super) subject: SubjectId,
    /// Those that consent and purpose both allow.
    pub(super) allowed: BTreeSet<AttributeId>,
    /// Those without which the purpose is not served.
    pub(super) necessary: BTreeSet<AttributeId>,
}

/// One act as the rules see it, and what a permit for it carries.
pub struct Case<'a, K> {
    pub(super) action: Action,
    pub(super) stated: Stated<'a>,
    /// The regimes that govern what is asked for.
    pub(super) regimes: Regimes,
    pub(super) good_until: Moment,
    pub(super) preconditions: Vec<Precondition>,
    /// Provisions that the catalogue names as the ground, besides those of the rules.
    pub(super) grounds: Vec<Citation>,
    /// None where there is nothing to permit, whatever the rules say.
    pub(super) kept: Option<K>,
}

/// Regimes by the name that the rules know them by.
pub(super) type Regimes = BTreeSet<&'static str>;

impl<K> Case<'_, K> {
    /// The case as the rules of another statute see it, where one governs any of what is asked for: then no rule of the
    /// Act is applied to it, and none of its sections is cited (s. 2).
    pub(super) fn under_its_regime(self) -> Self {
        if self.regimes.iter().all(|regime| *regime == word(Regime::Access)) {
            return self;
        }
        let action = self.action.overlay();
        let stated = Stated::from([("regimes", Fact::Names(self.regimes.clone()))]);
        Self { action, stated, kept: None, ..self }
    }
}

/// Facts by name, in the order of canonical JSON.
pub(super) type Stated<'a> = BTreeMap<&'static str, Fact<'a>>;

/// One fact.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Fact<'a> {
    /// Something holds or not.
    Is(bool),
    /// One word of a closed list.
    Word(&'static str),
    /// Catalogue names.
    Names(BTreeSet<&'a str>),
    /// Catalogue names, made up for the case.
    Made(BTreeSet<String>),
}

impl Fact<'_> {
    /// Its names, where it is a set.
    pub(super) fn names(&self) -> BTreeSet<String> {
        match self {
            Self::Names(names) => names.iter().map(|name| (*name).to_owned()).collect(),
            Self::Made(names) => names.clone(),
            Self::Is(_) | Self::Word(_) => BTreeSet::new(),
        }
    }
}

impl From<bool> for Fact<'_> {
    fn from(holds: bool) -> Self {
        Self::Is(holds)
    }
}

/// The names of attributes.
pub(super) fn names<'a>(attributes: impl IntoIterator<Item = &'a AttributeId>) -> Fact<'a> {
    Fact::Names(attributes.into_iter().map(AttributeId::as_str).collect())
}

/// Kinds as the rules name them: `check:…`, `draft:…`.
pub(super) fn kinds<'a>(checks: &BTreeSet<KindId>, drafts: &BTreeSet<KindId>) -> Fact<'a> {
    let checks = checks.iter().map(|kind| format!("check:{kind}"));
    Fact::Made(checks.chain(drafts.iter().map(|kind| format!("draft:{kind}"))).collect())
}

/// The catalogue at one moment.
pub struct View<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) stopped: &'a BTreeSet<ClientId>,
    pub(super) epoch: Version,
    pub(super) now: Moment,
    pub(super) day: Day,
}

impl<'a> View<'a> {
    /// Midnight to come: no truth that rests on the day outlives it.
    pub(super) fn midnight(&self) -> Moment {
        self.day.plus_days(1).start()
    }

    /// The client as registered, unless it was stopped.
    pub(super) fn running(&self, client: &ClientId) -> Option<&'a Client> {
        self.catalogue.clients.get(client).filter(|_| !self.stopped.contains(client))
    }

    /// The asking client, where it still acts for the body for which it was authenticated.
    pub(super) fn asking(&self, actor: &AuthenticatedBody) -> Option<&'a Client> {
        self.running(actor.client()).filter(|client| client.body == *actor.body())
    }

    /// What is stated of every act that a client brings: whether it runs and its body exists today, in which capacity
    /// the custodian acts, and whether its instrument binds it today.
    pub(super) fn stated(&self, client: Option<&Client>, custodian: &Custodian) -> Stated<'a> {
        let exists = client.is_some_and(|client| self.catalogue.exists(&client.body, self.day));
        Stated::from([
            ("client", client.is_some().into()),
            ("body", exists.into()),
            ("custodian", Fact::Word(self.capacity(Some(&custodian.instrument)))),
            ("custodian_bound", self.custodian_bound(custodian).into()),
        ])
    }

    /// Whether the receiving body is public by law, and whether what it receives leaves Québec as s. 70.1 allows.
    pub(super) fn state_recipient(&self, stated: &mut Stated<'a>, client: Option<&Client>) {
        let body = client.and_then(|client| self.catalogue.bodies.get_key_value(&client.body));
        let assessed = |id: &BodyId| self.catalogue.assessed(&Abroad::Body(id.clone()), self.day);
        stated.insert("public", body.is_some_and(|(_, found)| !found.public_under.is_empty()).into());
        stated.insert("outside_quebec", body.is_some_and(|(_, found)| found.outside_quebec()).into());
        // Under s. 68(1.1) alone: `of_bases` says so.
        stated.insert("outside_exempt", false.into());
        stated.insert("outside_assessed", body.is_some_and(|(id, _)| assessed(id)).into());
        stated.insert("hosting_assessed", self.catalogue.hosts_assessed(self.day).into());
    }

    /// Whether what the purpose needs rests, for this body, on the will of the subject alone.
    pub(super) fn by_will(&self, purpose: &PurposeId, body: &BodyId) -> bool {
        self.catalogue.basis(purpose, body, self.day).is_none_or(Basis::is_by_will)
    }

    /// Whether the custodian's instrument binds it today, and carries collection where it was made under s. 64.
    fn custodian_bound(&self, custodian: &Custodian) -> bool {
        let agreement = self.catalogue.agreement_of(&custodian.instrument);
        let carries = |it: &Agreement| it.carries_collection(self.catalogue.law.cai_wait_days, self.day);
        self.bound(Some(&custodian.instrument), &custodian.body) && agreement.is_none_or(carries)
    }

    /// The section under which the instrument was made.
    pub(super) fn capacity(&self, instrument: Option<&InstrumentId>) -> &'static str {
        match instrument.and_then(|id| self.catalogue.instruments.get(id)).map(|found| found.under) {
            Some(Capacity::Collector) => "64",
            Some(Capacity::Mandatary) => "67.2",
            Some(Capacity::OfficialSource) => "12.14",
            None => "none",
        }
    }

    /// Whether the instrument binds the body today.
    pub(super) fn bound(&self, instrument: Option<&InstrumentId>, body: &BodyId) -> bool {
        instrument.is_some_and(|id| self.catalogue.binds(id, body, self.day))
    }

    /// The regimes that govern these kinds; that of an unknown kind is nobody's.
    pub(super) fn regimes<'k>(&self, kinds: impl IntoIterator<Item = &'k KindId>) -> Regimes {
        kinds.into_iter().filter_map(|id| self.catalogue.kinds.get(id)).map(|kind| word(kind.regime)).collect()
    }

    /// The regimes that govern the kinds of these attributes.
    pub(super) fn regimes_of<'k>(&self, attributes: impl IntoIterator<Item = &'k AttributeId>) -> Regimes {
        let kinds: BTreeSet<KindId> = attributes.into_iter().map(AttributeId::kind).collect();
        self.regimes(&kinds)
    }

    /// The bodies that hold these attributes, as far as their kinds are known.
    pub(super) fn holders<'k>(&self, attributes: impl Iterator<Item = &'k AttributeId>) -> BTreeSet<&'a BodyId> {
        attributes.filter_map(|id| self.catalogue.kinds.get(&id.kind())).map(|kind| &kind.holder).collect()
    }

    /// The collector's capacity, whether its instrument binds its body today, and the kinds it is registered for.
    pub(super) fn state_collector(&self, stated: &mut Stated<'a>, client: Option<&Client>) {
        let (instrument, registered) = match client.map(|client| &client.role) {
            Some(Role::Collector { instrument, checks, drafts }) => (Some(instrument), kinds(checks, drafts)),
            Some(Role::Agency { .. } | Role::Source { .. } | Role::Relay {}) | None => {
                (None, Fact::Made(BTreeSet::new()))
            }
        };
        stated.insert("capacity", Fact::Word(self.capacity(instrument)));
        stated.insert("instrument_bound", client.is_some_and(|it| self.bound(instrument, &it.body)).into());
        stated.insert("registered", registered);
        let agreement = instrument.and_then(|id| self.catalogue.agreement_of(id));
        let begun = |it: &Agreement| it.begins(self.catalogue.law.cai_wait_days).is_some_and(|day| day <= self.day);
        let assessed = |it: &Assessment| it.is_approved(self.day);
        let received = agreement.and_then(Agreement::received).is_some_and(|day| day <= self.day);
        stated.insert("items", Fact::Names(agreement.into_iter().flat_map(Agreement::items).collect()));
        stated.insert("assessed", agreement.and_then(|it| it.assessment.as_ref()).is_some_and(assessed).into());
        stated.insert("received", received.into());
        stated.insert("begun", agreement.is_some_and(begun).into());
        stated.insert("ended", agreement.and_then(|it| it.until).is_some_and(|end| end <= self.day).into());
    }

    /// What every commit of an act rests on. Rules and facts read at two epochs give the older one, which has moved.
    pub(super) fn common(&self, epoch: Version, good_until: Moment) -> Vec<Precondition> {
        vec![Precondition::Epoch(epoch.min(self.epoch)), Precondition::Before(good_until)]
    }
}

/// Whether the purpose is one of the client and of its body, and still pursued.
pub(super) fn state_purpose(
    stated: &mut Stated<'_>,
    view: &View<'_>,
    client: Option<&Client>,
    purpose: Option<&PurposeOf<'_>>,
) {
    let of_body = |client: &Client| purpose.is_some_and(|found| found.purpose.recipients.contains(&client.body));
    let of_client = |client: &Client| match &client.role {
        Role::Agency { purposes } => purpose.is_some_and(|found| purposes.contains(found.id)),
        Role::Relay {} | Role::Source { .. } | Role::Collector { .. } => false,
    };
    stated.insert("purpose_of_body", client.is_some_and(of_body).into());
    stated.insert("purpose_of_client", client.is_some_and(of_client).into());
    stated.insert("purpose_open", purpose.is_none_or(|it| it.purpose.open(view.day)).into());
}

/// The attributes asked for, against those that the purpose knows; what is outside it is refused for that alone.
pub(super) fn state_asked<'a>(
    stated: &mut Stated<'a>,
    view: &View<'a>,
    client: Option<&Client>,
    asked: impl Iterator<Item = &'a AttributeId> + Clone,
    purpose: Option<&PurposeOf<'a>>,
) {
    let sensitive =
        |id: &AttributeId| purpose.is_some_and(|it| it.purpose.allows(id) && view.catalogue.sensitive_for(id, it.id));
    let body = client.and_then(|client| view.catalogue.bodies.get(&client.body));
    let holders = view.holders(asked.clone());
    stated.insert("asked", names(asked.clone()));
    stated.insert("allowed", names(purpose.into_iter().flat_map(PurposeOf::attributes)));
    stated.insert("sensitive_asked", { asked.clone() }.any(sensitive).into());
    stated.insert("encryption_key", body.is_some_and(|body| body.encryption_key.is_some()).into());
    view.state_recipient(stated, client);
    stated.insert("holder_exists", holders.iter().all(|holder| view.catalogue.exists(holder, view.day)).into());
    stated.insert("one_source", (holders.len() <= 1).into());
    stated.insert("of_another", { asked }.any(|id| view.catalogue.speaks_of_another(id)).into());
}

/// A purpose with its name.
pub(super) struct PurposeOf<'a> {
    pub(super) id: &'a PurposeId,
    pub(super) purpose: &'a Purpose,
}

impl<'a> PurposeOf<'a> {
    /// The purpose of that name in the catalogue.
    pub(super) fn find(catalogue: &'a Catalogue, id: &PurposeId) -> Option<Self> {
        catalogue.purposes.get_key_value(id).map(|(id, purpose)| Self { id, purpose })
    }

    /// The attributes that it knows.
    pub(super) fn attributes(&self) -> impl Iterator<Item = &'a AttributeId> + use<'a> {
        self.purpose.attributes()
    }
}

/// Whether a consent would last longer, or serve more often, than the purpose allows (s. 53.1), counted in local days.
pub(super) fn outlasts(view: &View<'_>, of: &PurposeOf<'_>, until: Option<Moment>, uses: Option<u32>) -> bool {
    const DAY: i64 = 86_400;
    let days = i32::try_from(of.purpose.longest_days).unwrap_or(i32::MAX);
    // So many days from now, or the end of the last local day: a change of clocks makes either the later.
    let last = view.day.plus_days(days.saturating_add(1)).start().max(view.now.plus(i64::from(days) * DAY));
    let last = of.purpose.until.map_or(last, |end| last.min(end.start()));
    let most = of.purpose.max_uses.unwrap_or(u32::MAX);
    until.is_some_and(|end| end > last) || uses.is_some_and(|uses| uses > most)
}

/// Whether who acts, other than a minor alone, can do so for the subject at that moment.
pub(super) fn may_act(facts: &PersonFacts, act: MandateAct, at: Moment) -> bool {
    match &facts.giver {
        Giver::Subject => facts.who.kind == SubjectKind::Person,
        giver @ Giver::Representative { .. } => giver.may(act, &facts.who, at) && !facts.status.has_ended(giver),
    }
}

/// Until when a mandate carries the act, if it ends.
pub(super) fn mandate_end(giver: &Giver) -> Option<Moment> {
    giver.mandate().and_then(|mandate| mandate.until)
}

/// Of what the notice informed the person. Without a notice, what refuses nothing more.
pub(super) fn state_notice<'a>(stated: &mut Stated<'a>, view: &View<'a>, notice: Option<&'a Notice>) {
    let told = |notice: &'a Notice| notice.keys.iter().map(|key| NoticeKey::as_str(*key)).collect();
    let everything = || NoticeKey::ALL.iter().map(|key| NoticeKey::as_str(*key)).collect();
    stated.insert("notice_keys", Fact::Names(notice.map_or_else(everything, told)));
    stated.insert("hosting_outside", view.catalogue.hosts_outside().next().is_some().into());
}

const fn word(regime: Regime) -> &'static str {
    match regime {
        Regime::Access => "A-2.1",
        Regime::CivilStatus => "CCQ-CIVIL-STATUS",
        Regime::Health => "R-22.1",
        Regime::Tax => "A-6.002",
        Regime::Other => "OTHER",
    }
}
