//! Timestamps of captured packets, and their text form.

use std::fmt;
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wire::FileTime;

/// Nanoseconds since 1 January 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The time since `earlier`; zero if that is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The time `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Parses a time in the format of RFC 3339, with or without a fraction. `None` for another format and for times
    /// before 1970.
    pub fn parse(text: &str) -> Option<Self> {
        let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        u64::try_from(time.unix_timestamp_nanos()).ok().map(Self)
    }
}

impl From<FileTime> for Timestamp {
    /// The same time; times before 1970 become 1970.
    fn from(time: FileTime) -> Self {
        let before = FileTime::from_system(std::time::UNIX_EPOCH);
        Self(time.0.saturating_sub(before.0).saturating_mul(100))
    }
}

impl fmt::Display for Timestamp {
    /// Formats the time as in RFC 3339, in UTC, with microseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = OffsetDateTime::from_unix_timestamp_nanos(self.0.into()).map_err(|_| fmt::Error)?;
        let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
        let (hour, minute, second, micros) = time.to_hms_micro();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_of_the_standard_form_are_parsed() {
        assert_eq!(Timestamp(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp(1_795_302_673_450_600_000).to_string(), "2026-11-21T23:11:13.450600Z");
        assert_eq!(Timestamp(951_782_400_000_000_000).to_string(), "2000-02-29T00:00:00.000000Z");
        assert_eq!(
            Timestamp::parse("2026-11-22T01:11:13.4506+02:00"),
            Some(Timestamp(1_795_302_673_450_600_000))
        );
        assert_eq!(Timestamp::parse("1970-01-01t00:00:01.1234567899z"), Some(Timestamp(1_123_456_789)));
        assert_eq!(Timestamp(u64::MAX).to_string(), "2554-07-21T23:34:33.709551Z");
        for bad in [
            "",
            "1969-12-31T23:59:59Z",
            "yesterday",
            "2026-11-22",
            "2026-13-01T00:00:00Z",
            "2026-11-22T00:00:00",
        ] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_displayed_time_is_parsed_to_the_same_time(micros in 0_u64..18_000_000_000_000_000) {
            let time = Timestamp(micros * 1000);
            prop_assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        }
    }
}
