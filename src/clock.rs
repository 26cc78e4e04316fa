//! Time: the one reader of the wall clock, and local days in America/Toronto, in which the law counts.
//!
//! Not here: how a date is said (`i18n`), deadlines of sections (`domain`, `policies/`).
//! INVARIANT: nothing else in the crate asks the system what time it is; `.clippy.toml` refuses it.

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The zone of every legal day (DESIGN 6, LAW.md row 42).
const ZONE: &str = "America/Toronto";

static TORONTO: LazyLock<TimeZone> = LazyLock::new(|| TimeZone::get(ZONE).unwrap_or(TimeZone::UTC));

/// Something that tells the time.
pub trait Clock: Send + Sync {
    /// The moment it is.
    fn now(&self) -> Moment;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    fn now(&self) -> Moment {
        Moment(Timestamp::now().as_second())
    }
}

/// A moment, in whole Unix seconds: the unit of the log.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Moment(i64);

impl Moment {
    /// The moment `seconds` after 1970-01-01T00:00:00Z.
    pub const fn from_unix(seconds: i64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn unix(self) -> i64 {
        self.0
    }

    /// This moment moved by `seconds`, saturating.
    #[must_use]
    pub const fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this moment; negative when `earlier` is later.
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The local day in America/Toronto.
    pub fn day(self) -> Day {
        Day(self.local().date())
    }

    /// The local time of day in America/Toronto: hour, minute, and the zone's abbreviation at that moment (`EST`, `EDT`).
    pub fn time_of_day(self) -> (i8, i8, String) {
        let local = self.local();
        (local.hour(), local.minute(), local.strftime("%Z").to_string())
    }

    fn local(self) -> jiff::Zoned {
        Timestamp::from_second(self.0).unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(TORONTO.clone())
    }
}

impl fmt::Display for Moment {
    /// RFC 3339, UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Timestamp::from_second(self.0).unwrap_or(Timestamp::UNIX_EPOCH).fmt(f)
    }
}

impl FromStr for Moment {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        text.parse::<Timestamp>().map(|at| Self(at.as_second())).map_err(|_| NotATime)
    }
}

/// A local day in America/Toronto, written `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Day(Date);

impl Day {
    /// Midnight at which the day begins.
    pub fn start(self) -> Moment {
        Moment(self.0.to_zoned(TORONTO.clone()).map_or(0, |at| at.timestamp().as_second()))
    }

    /// The day `days` later.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.checked_add(Span::new().days(days)).unwrap_or(Date::MAX))
    }

    /// Whole years from this day, as a birth date, to `on`. Negative never occurs: before the birth it is 0.
    pub fn age_on(self, on: Self) -> u16 {
        let years = i32::from(on.0.year()) - i32::from(self.0.year());
        let birthday_to_come = (on.0.month(), on.0.day()) < (self.0.month(), self.0.day());
        u16::try_from(years - i32::from(birthday_to_come)).unwrap_or(0)
    }

    /// Year, month (1 to 12) and day of the month.
    pub fn parts(self) -> (i16, i8, i8) {
        (self.0.year(), self.0.month(), self.0.day())
    }

    /// First day of the calendar period in which this day lies; a week begins on Monday.
    #[must_use]
    pub fn first_of(self, period: Period) -> Self {
        match period {
            Period::Day => self,
            Period::Week => self.plus_days(-i32::from(self.0.weekday().to_monday_zero_offset())),
            Period::Month => Self(self.0.first_of_month()),
            Period::Year => Self(self.0.first_of_year()),
        }
    }

    /// Last day of the month that comes `months` after this day's.
    #[must_use]
    pub fn month_end(self, months: i32) -> Self {
        let first = self.0.first_of_month().checked_add(Span::new().months(months));
        Self(first.unwrap_or(Date::MAX).last_of_month())
    }

    /// The month alone, `YYYY-MM`.
    pub fn month(self) -> String {
        format!("{:04}-{:02}", self.0.year(), self.0.month())
    }
}

/// A calendar period, in local days.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// A day.
    Day,
    /// From Monday to Sunday.
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Day {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let day: Date = text.parse().map_err(|_| NotATime)?;
        if day.to_string() == text { Ok(Self(day)) } else { Err(NotATime) }
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(|_| de::Error::custom("a day is written YYYY-MM-DD"))
    }
}

/// Text that is no moment (RFC 3339) or no day (`YYYY-MM-DD`).
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a date: a day is written YYYY-MM-DD, a moment as in RFC 3339")]
pub struct NotATime;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    #[test]
    fn the_zone_is_known() {
        assert_eq!(TORONTO.iana_name(), Some(ZONE));
        assert_eq!(day("2026-11-21").start().to_string(), "2026-11-21T05:00:00Z");
        assert_eq!(day("2026-07-01").start().to_string(), "2026-07-01T04:00:00Z");
    }

    #[test]
    fn an_age_counts_birthdays_not_days() {
        assert_eq!(day("2012-11-22").age_on(day("2026-11-21")), 13);
        assert_eq!(day("2012-11-21").age_on(day("2026-11-21")), 14);
        assert_eq!(day("2012-02-29").age_on(day("2026-02-28")), 13);
        assert_eq!(day("2012-02-29").age_on(day("2026-03-01")), 14);
    }

    #[test]
    fn a_period_begins_on_its_first_day() {
        for (period, first) in [
            (Period::Day, "2026-11-22"),
            (Period::Week, "2026-11-16"),
            (Period::Month, "2026-11-01"),
            (Period::Year, "2026-01-01"),
        ] {
            assert_eq!(day("2026-11-22").first_of(period), day(first), "{period:?}");
            assert_eq!(day(first).first_of(period), day(first), "{period:?}");
        }
    }

    #[test]
    fn a_month_ends_on_its_last_day() {
        for (from, months, last) in [
            ("2026-11-30", 0, "2026-11-30"),
            ("2026-11-30", 3, "2027-02-28"),
            ("2027-11-01", 3, "2028-02-29"),
            ("2026-10-31", 3, "2027-01-31"),
        ] {
            assert_eq!(day(from).month_end(months), day(last), "{from}");
        }
    }

    #[test]
    fn a_moment_falls_on_the_local_day() {
        let late: Moment = "2026-11-22T03:30:00Z".parse().unwrap();
        assert_eq!(late.day(), day("2026-11-21"));
        assert_eq!(late.time_of_day(), (22, 30, "EST".to_owned()));
    }

    #[test]
    fn loose_days_are_refused() {
        for text in ["2026-1-1", "20260101", "2026-13-01", "2026-01-01T00:00", ""] {
            assert_eq!(text.parse::<Day>(), Err(NotATime), "{text}");
        }
    }
}
