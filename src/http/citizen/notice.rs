//! What is kept of a notice that a person had before their eyes.

use std::collections::BTreeMap;

use crate::broker::Previewed;
use crate::clock::Moment;
use crate::crypto::sha256;
use crate::domain::{AttributeId, Language, Notice, NoticeText};
use crate::http::browser::Browser;
use crate::jose::b64;
use crate::pages::Told;

/// The values shown beside a notice.
pub(super) type Values = BTreeMap<AttributeId, Previewed>;

/// What proves which notice was shown, and its words; none where it does not render.
pub(super) fn notice(
    (template, template_version): (&str, u32),
    told: impl Fn(Language) -> Result<Told, askama::Error>,
    values: &Values,
    browser: &Browser,
    shown: Moment,
) -> Option<(Notice, NoticeText)> {
    let language = browser.language;
    let (french, read) = (told(Language::Fr).ok()?, told(language).ok()?);
    let hash = |told: &Told| b64::encode(sha256(&[told.text.as_bytes()]));
    let versions = values.iter().filter_map(|(id, value)| Some((id.kind(), value.version?)));
    let notice = Notice {
        template: template.to_owned(),
        template_version,
        language,
        sha256_fr: hash(&french),
        sha256: hash(&read),
        records: versions.collect(),
        // What both languages tell: the one that was read, and the one that is authoritative.
        keys: &french.keys & &read.keys,
        attested: browser.session.attested.as_ref().filter(|_| language == Language::En).map(|it| it.at),
        shown,
    };
    let text = NoticeText { fr: french.text, en: (language == Language::En).then_some(read.text) };
    Some((notice, text))
}
