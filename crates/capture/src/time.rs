//! Timestamps of captured packets, and their text form.

use std::fmt;
use std::time::Duration;

use wire::FileTime;

/// Nanoseconds since 1 January 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// How long after `earlier` it is; nothing where it is before.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Reads a time as RFC 3339 writes it, with or without a fraction; none where it is no such time.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.split_once(['T', 't', ' '])?;
        let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let days = days_of(date.next()??, date.next()??, date.next()??)?;
        let zone = time.rfind(['Z', 'z', '+', '-']).filter(|at| *at >= 8)?;
        let (time, zone) = time.split_at_checked(zone)?;
        let (whole, fraction) = time.split_once('.').unwrap_or((time, ""));
        let mut whole = whole.splitn(3, ':').map(|part| part.parse::<i64>().ok());
        let (hours, minutes, seconds) = (whole.next()??, whole.next()??, whole.next()??);
        let minutes = hours.checked_mul(60)?.checked_add(minutes)?.checked_sub(offset(zone)?)?;
        let seconds =
            days.checked_mul(86_400)?.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds)?;
        let digits = fraction.get(..fraction.len().min(9))?;
        let places = u32::try_from(digits.len()).ok()?;
        let fraction = if digits.is_empty() { 0 } else { digits.parse::<u64>().ok()? };
        let nanoseconds = fraction.checked_mul(10_u64.checked_pow(9_u32.checked_sub(places)?)?)?;
        Some(Self(u64::try_from(seconds).ok()?.checked_mul(1_000_000_000)?.checked_add(nanoseconds)?))
    }
}

impl From<FileTime> for Timestamp {
    /// The same time; times before 1970 become 1970.
    fn from(time: FileTime) -> Self {
        let before = FileTime::from_system(std::time::UNIX_EPOCH);
        Self(time.0.saturating_sub(before.0).saturating_mul(100))
    }
}

/// Minutes that a zone is ahead of UTC.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = zone.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let minutes = hours.parse::<i64>().ok()?.checked_mul(60)?.checked_add(minutes.parse().ok()?)?;
    Some(if sign == "-" { minutes.checked_neg()? } else { minutes })
}

/// Days since 1970 of a date of the Gregorian calendar.
fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years that begin in March have their odd day at their end.
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let month = month.checked_add(9)?.checked_rem(12)?;
    let of_year = month.checked_mul(153)?.checked_add(2)?.checked_div(5)?.checked_add(day.checked_sub(1)?)?;
    let leaps =
        year.checked_div(4)?.checked_sub(year.checked_div(100)?)?.checked_add(year.checked_div(400)?)?;
    year.checked_mul(365)?.checked_add(leaps)?.checked_add(of_year)?.checked_sub(719_468)
}

impl fmt::Display for Timestamp {
    /// Writes it as RFC 3339 does, in UTC, with microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1_000_000_000;
        let (days, of_day) = (seconds / 86_400, seconds % 86_400);
        // Counted from 1 March of the year 0, in eras of 400 years.
        let days = days.saturating_add(719_468);
        let (era, of_era) = (days / 146_097, days % 146_097);
        let leaps = (of_era / 1460).saturating_add(of_era / 146_096);
        let year = of_era.saturating_sub(leaps).saturating_add(of_era / 36_524) / 365;
        let before = year.saturating_mul(365).saturating_add(year / 4).saturating_sub(year / 100);
        let of_year = of_era.saturating_sub(before);
        let month = of_year.saturating_mul(5).saturating_add(2) / 153;
        let day = of_year.saturating_sub(month.saturating_mul(153).saturating_add(2) / 5).saturating_add(1);
        let (month, next) =
            if month < 10 { (month.saturating_add(3), 0) } else { (month.saturating_sub(9), 1) };
        let year = era.saturating_mul(400).saturating_add(year).saturating_add(next);
        let (hours, minutes, of_minute) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let micros = self.0 / 1000 % 1_000_000;
        write!(f, "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{of_minute:02}.{micros:06}Z")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_read_as_the_standard_writes_them() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp(1_795_302_673_450_600_000).to_string(), "2026-11-21T23:11:13.450600Z");
        assert_eq!(Timestamp(951_782_400_000_000_000).to_string(), "2000-02-29T00:00:00.000000Z");
        assert_eq!(
            Timestamp::parse("2026-11-22T01:11:13.4506+02:00"),
            Some(Timestamp(1_795_302_673_450_600_000))
        );
        for bad in ["", "yesterday", "2026-11-22", "2026-13-01T00:00:00Z", "2026-11-22T00:00:00"] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(micros in 0_u64..18_000_000_000_000_000) {
            let time = Timestamp(micros * 1000);
            prop_assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        }
    }
}
