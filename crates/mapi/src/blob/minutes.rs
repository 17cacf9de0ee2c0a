//! Times that are stored in minutes since 1601.

use wire::FileTime;

/// Converts minutes since 1601 to a time.
pub(super) fn since_1601(minutes: u32) -> FileTime {
    const MINUTE: u64 = 60 * 10_000_000;
    FileTime(u64::from(minutes).saturating_mul(MINUTE))
}

/// Formats minutes since 1601 as day, hour and minute, without a time zone: the time is local ([MS-OXOCAL] 2.2.1.44).
pub(super) fn local_time(minutes: u32) -> String {
    let time = since_1601(minutes).to_string();
    time.get(..16).unwrap_or(&time).replace('T', " ")
}
