//! Dates, durations, numbers, citations: how each is said. Templates never compose one by hand.
//!
//! Arguments are references, because that is what templates hand over.

use super::{Phrase, Texts};
use crate::clock::{Day, Moment};
use crate::domain::Language;

const SECONDS_A_DAY: i64 = 86_400;
const MONTHS_FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// No-break space.
const NBSP: char = '\u{a0}';
/// Narrow no-break space.
const NARROW: char = '\u{202f}';

impl Texts {
    /// A day: « 1er décembre 2026 », "December 1, 2026".
    pub fn day(&self, day: &Day) -> String {
        let (year, month, date) = day.parts();
        let month = self.month_name(month);
        match (self.language, date) {
            (Language::Fr, 1) => format!("1er{NBSP}{month} {year}"),
            (Language::Fr, _) => format!("{date}{NBSP}{month} {year}"),
            (Language::En, _) => format!("{month}{NBSP}{date}, {year}"),
        }
    }

    /// A month: « novembre 2026 », "November 2026".
    pub fn month(&self, day: &Day) -> String {
        let (year, month, _) = day.parts();
        format!("{} {year}", self.month_name(month))
    }

    /// A moment, with the zone named: « 21 novembre 2026 à 14 h 05 (heure de l'Est) ».
    pub fn moment(&'static self, at: &Moment) -> String {
        self.at("say.moment", *at)
    }

    /// A moment where the zone is named around it: « 21 novembre 2026 à 14 h 05 ».
    pub fn clock(&'static self, at: &Moment) -> String {
        self.at("say.clock", *at)
    }

    fn at(&'static self, key: &'static str, at: Moment) -> String {
        let (hour, minute, _) = at.time_of_day();
        let time = match self.language {
            Language::Fr if minute == 0 => format!("{hour}{NBSP}h"),
            Language::Fr => format!("{hour}{NBSP}h{NBSP}{minute:02}"),
            Language::En => {
                let half = if hour < 12 { "a.m." } else { "p.m." };
                format!("{}:{minute:02}{NBSP}{half}", (hour + 11) % 12 + 1)
            }
        };
        self.say(key).with("day", self.day(&at.day())).with("time", time).to_string()
    }

    /// How long it is from `from` to `until`: whole months where they are, else days.
    pub fn duration(&'static self, from: &Moment, until: &Moment) -> Phrase {
        let days = (until.since(*from) + SECONDS_A_DAY / 2) / SECONDS_A_DAY;
        let ((from_year, from_month, from_date), (year, month, date)) = (from.day().parts(), until.day().parts());
        let months = 12 * (i64::from(year) - i64::from(from_year)) + i64::from(month) - i64::from(from_month);
        if days < 1 {
            self.say("say.less_than_a_day")
        } else if date == from_date && months > 0 {
            self.count(months.unsigned_abs(), "say.month", "say.months")
        } else {
            self.count(days.unsigned_abs(), "say.day", "say.days")
        }
    }

    /// A whole number, grouped: « 42 300 », "42,300".
    pub fn number(&self, n: &u64) -> String {
        let digits = n.to_string();
        let separator = match self.language {
            Language::Fr => NBSP,
            Language::En => ',',
        };
        let first = digits.len() % 3;
        let grouped = digits.chars().enumerate().flat_map(|(at, digit)| {
            let begins_group = at > 0 && at % 3 == first;
            begins_group.then_some(separator).into_iter().chain([digit])
        });
        grouped.collect()
    }

    /// A whole number that may be negative.
    pub fn signed(&self, n: i64) -> String {
        let sign = if n < 0 { "−" } else { "" };
        format!("{sign}{}", self.number(&n.unsigned_abs()))
    }

    /// An amount, given in cents: « 42 300 $ », "$42,300.50".
    pub fn dollars(&self, cents: i64) -> String {
        let sign = if cents < 0 { "−" } else { "" };
        let (whole, part) = (self.number(&(cents.unsigned_abs() / 100)), cents.unsigned_abs() % 100);
        match (self.language, part) {
            (Language::Fr, 0) => format!("{sign}{whole}{NBSP}$"),
            (Language::Fr, _) => format!("{sign}{whole},{part:02}{NBSP}$"),
            (Language::En, 0) => format!("{sign}${whole}"),
            (Language::En, _) => format!("{sign}${whole}.{part:02}"),
        }
    }

    /// A provision as the rules and the catalogue cite it (`A-2.1, art. 53.1`), in full: « RLRQ, c., art. 53.1 »,
    /// "CQLR, c., s. 53.1". Anything else is left as it is.
    pub fn provision(&self, cite: &str) -> String {
        let Some((chapter, section)) = cite.split_once(", art. ") else { return cite.to_owned() };
        match self.language {
            Language::Fr => format!("RLRQ, c.{NBSP}{chapter}, art.{NBSP}{section}"),
            Language::En => format!("CQLR, c.{NBSP}{chapter}, s.{NBSP}{section}"),
        }
    }

    fn month_name(&self, month: i8) -> &'static str {
        let names = match self.language {
            Language::Fr => MONTHS_FR,
            Language::En => MONTHS_EN,
        };
        usize::try_from(month - 1).ok().and_then(|at| names.get(at).copied()).unwrap_or_default()
    }
}

/// A text with the spaces and apostrophes that printers use: no-break before « : », « » » and after « « », narrow
/// before « ; ! ? », no-break after « art. », "s." and a count.
pub(super) fn typeset(language: Language, text: &str) -> String {
    let text = text.replace('\'', "’");
    match language {
        Language::Fr => text
            .replace(" :", &format!("{NBSP}:"))
            .replace("« ", &format!("«{NBSP}"))
            .replace(" »", &format!("{NBSP}»"))
            .replace(" ;", &format!("{NARROW};"))
            .replace(" !", &format!("{NARROW}!"))
            .replace(" ?", &format!("{NARROW}?"))
            .replace("art. ", &format!("art.{NBSP}"))
            .replace("{n} ", &format!("{{n}}{NBSP}")),
        Language::En => text.replace(", s. ", &format!(", s.{NBSP}")).replace("{n} ", &format!("{{n}}{NBSP}")),
    }
}
