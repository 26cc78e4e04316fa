//! What the words of the domain are called.

use super::{Phrase, Texts};
use crate::domain::{Capacity, Event, MandateKind, Text};

impl Texts {
    /// In which capacity a body acts.
    pub fn capacity(&'static self, capacity: &Capacity) -> Phrase {
        self.say(match capacity {
            Capacity::Collector => "capacity.collector",
            Capacity::Mandatary => "capacity.mandatary",
            Capacity::OfficialSource => "capacity.official_source",
        })
    }

    /// What a representative is.
    pub fn mandate(&'static self, mandate: &MandateKind) -> Phrase {
        self.say(match mandate {
            MandateKind::Parent => "mandate.parent",
            MandateKind::Tutor => "mandate.tutor",
            MandateKind::TutorOfFullAge => "mandate.tutor_of_full_age",
            MandateKind::ProtectionMandate => "mandate.protection_mandate",
            MandateKind::TemporaryRepresentation => "mandate.temporary_representation",
            MandateKind::Liquidator => "mandate.liquidator",
            MandateKind::SigningOfficer => "mandate.signing_officer",
        })
    }

    /// A place by its ISO 3166 code: a province or territory, or the neighbour; the code where it is another.
    pub fn place(&'static self, code: &str) -> String {
        let key = match code {
            "CA-AB" => "place.ab",
            "CA-BC" => "place.bc",
            "CA-MB" => "place.mb",
            "CA-NB" => "place.nb",
            "CA-NL" => "place.nl",
            "CA-NS" => "place.ns",
            "CA-NT" => "place.nt",
            "CA-NU" => "place.nu",
            "CA-ON" => "place.on",
            "CA-PE" => "place.pe",
            "CA-SK" => "place.sk",
            "CA-YT" => "place.yt",
            "US" => "place.us",
            other => return other.to_owned(),
        };
        self.say(key).to_string()
    }

    /// What happened.
    pub fn event(&'static self, event: &Event) -> Phrase {
        self.say(match event {
            Event::Init => "event.init",
            Event::Activation => "event.activation",
            Event::KeyAdded => "event.key_added",
            Event::KeyRetired => "event.key_retired",
            Event::ClientStop => "event.client_stop",
            Event::Proposal => "event.proposal",
            Event::Approval => "event.approval",
            Event::Rehearsal => "event.rehearsal",
            Event::Register => "event.register",
            Event::Submission => "event.submission",
            Event::Consent => "event.consent",
            Event::ConsentRefused => "event.consent_refused",
            Event::Withdrawal => "event.withdrawal",
            Event::Erasure => "event.erasure",
            Event::ConsentSuspended => "event.consent_suspended",
            Event::ConsentLapsed => "event.consent_lapsed",
            Event::ConsentCarried => "event.consent_carried",
            Event::Attestation => "event.attestation",
            Event::ConsentExpired => "event.consent_expired",
            Event::Status => "event.status",
            Event::Check => "event.check",
            Event::Release => "event.release",
            Event::Redelivery => "event.redelivery",
            Event::Refusal => "event.refusal",
            Event::Informed => "event.informed",
            Event::OfficerRead => "event.officer_read",
            Event::Opening => "event.opening",
        })
    }

    /// Texts of the catalogue in a row.
    pub fn joined(&self, texts: &[Text]) -> String {
        texts.iter().map(|text| self.catalogue(text)).collect::<Vec<_>>().join(", ")
    }
}
