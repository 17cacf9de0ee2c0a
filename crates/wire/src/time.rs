use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 100-nanosecond steps since 1 January 1601 UTC ([MS-DTYP] 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct FileTime(pub u64);

/// Steps between 1601 and 1970.
const UNIX_EPOCH_STEPS: u64 = 116_444_736_000_000_000;

impl FileTime {
    /// The steps that `time` is away from 1601; times before 1601 and after the year 60055 saturate.
    pub fn from_system(time: SystemTime) -> Self {
        let steps = |d: Duration| u64::try_from(d.as_nanos() / 100).unwrap_or(u64::MAX);
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => UNIX_EPOCH_STEPS.saturating_add(steps(after)),
            Err(before) => UNIX_EPOCH_STEPS.saturating_sub(steps(before.duration())),
        })
    }

    /// The distance to `other`, whichever comes first.
    pub const fn distance(self, other: Self) -> Duration {
        let steps = self.0.abs_diff(other.0);
        Duration::from_nanos((steps % 10_000_000).saturating_mul(100))
            .saturating_add(Duration::from_secs(steps / 10_000_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unix_epoch_is_where_it_should_be() {
        assert_eq!(FileTime::from_system(UNIX_EPOCH), FileTime(0x019d_b1de_d53e_8000));
        assert_eq!(
            FileTime::from_system(UNIX_EPOCH + Duration::from_secs(1)).distance(FileTime(UNIX_EPOCH_STEPS)),
            Duration::from_secs(1)
        );
    }
}
