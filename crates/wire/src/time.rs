//! `FILETIME` ([MS-DTYP] 2.3.3), and the present time.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A time in units of 100 nanoseconds since 1 January 1601 UTC (`FILETIME`, [MS-DTYP] 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FileTime(pub u64);

/// The time between 1601 and 1970, in units of 100 nanoseconds.
const UNIX_EPOCH_STEPS: u64 = 116_444_736_000_000_000;

impl FileTime {
    /// Converts a system time; times before 1601 and after the year 60055 saturate.
    pub fn from_system(time: SystemTime) -> Self {
        let steps = |d: Duration| u64::try_from(d.as_nanos() / 100).unwrap_or(u64::MAX);
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => UNIX_EPOCH_STEPS.saturating_add(steps(after)),
            Err(before) => UNIX_EPOCH_STEPS.saturating_sub(steps(before.duration())),
        })
    }

    /// The time `duration` later; saturates at the latest time.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let steps = u64::try_from(duration.as_nanos() / 100).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(steps))
    }

    /// The duration between this time and `other`, in either order.
    pub const fn distance(self, other: Self) -> Duration {
        let steps = self.0.abs_diff(other.0);
        Duration::from_nanos((steps % 10_000_000).saturating_mul(100))
            .saturating_add(Duration::from_secs(steps / 10_000_000))
    }
}

/// The present time by both clocks of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The wall clock, for times that others state or read: the expiry of tokens, the timestamps of handshakes, logs.
    /// It can be set, forward or back.
    pub wall: FileTime,
    /// The monotonic clock, for ages and time limits: the time since a fixed moment. It is never set.
    pub monotonic: Duration,
}

impl Now {
    /// `wall`, by a monotonic clock that began in 1601: for programs that are given a time, such as tests.
    pub const fn at(wall: FileTime) -> Self {
        Self { wall, monotonic: wall.distance(FileTime(0)) }
    }
}

impl fmt::Display for FileTime {
    /// Formats the time as in ISO 8601, in UTC: `2024-12-31T23:59:59.5Z`; as a number after the year 9999.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SECOND: u64 = 10_000_000;
        const DAY: u64 = 86_400;
        let (seconds, fraction) = (self.0 / SECOND, self.0 % SECOND);
        let (day, second) = (seconds / DAY, seconds % DAY);
        let (year, month, day) = civil(day);
        if year > 9999 {
            return write!(f, "time {:#x}", self.0);
        }
        write!(f, "{year:04}-{month:02}-{day:02}T")?;
        write!(f, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        if fraction != 0 {
            let digits = format!("{fraction:07}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// Returns year, month and day of the date that is `days` days after 1 January 1601, in the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    // In years that begin on 1 March, counted from 1600, leap days are the last days of a year, a century and an era.
    let days = days.saturating_add(306);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = 1600 + era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unix_epoch_has_its_filetime() {
        assert_eq!(FileTime::from_system(UNIX_EPOCH), FileTime(0x019d_b1de_d53e_8000));
        assert_eq!(
            FileTime::from_system(UNIX_EPOCH + Duration::from_secs(1)).distance(FileTime(UNIX_EPOCH_STEPS)),
            Duration::from_secs(1)
        );
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        let shows = |steps, expected: &str| assert_eq!(FileTime(steps).to_string(), expected);
        shows(0, "1601-01-01T00:00:00Z");
        shows(0x019d_b1de_d53e_8000, "1970-01-01T00:00:00Z");
        // The leap day of a year that is divisible by 400, one unit after the beginning of its last second.
        shows(125_963_423_990_000_001, "2000-02-29T23:59:59.0000001Z");
        shows(125_963_424_000_000_000, "2000-03-01T00:00:00Z");
        shows(133_800_768_000_000_000, "2024-12-31T00:00:00Z");
        shows(94_353_984_000_000_000, "1899-12-31T00:00:00Z");
        shows(2_650_467_743_990_000_000, "9999-12-31T23:59:59Z");
        shows(u64::MAX, "time 0xffffffffffffffff");
    }
}
