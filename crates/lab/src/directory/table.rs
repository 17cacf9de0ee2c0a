//! Positions in a table ([MS-OXNSPI] 3.1.4.5).

use mapi::ErrorCode;
use mapi::nspi::{MId, Stat};

/// The row of the position of `stat` in a table of `rows`, after its `Delta` is applied; the number of rows is
/// the position after the last one.
///
/// # Errors
/// `NotFound` if the current row is not in the table.
pub(crate) fn position(rows: &[MId], stat: &Stat) -> Result<usize, ErrorCode> {
    let start = anchor(rows, stat)?;
    let distance = usize::try_from(stat.delta.unsigned_abs()).unwrap_or(usize::MAX);
    let moved = if stat.delta < 0 { start.saturating_sub(distance) } else { start.saturating_add(distance) };
    Ok(moved.min(rows.len()))
}

/// The row of the position of `stat`, before its `Delta` is applied.
///
/// # Errors
/// As [`position`].
pub(crate) fn anchor(rows: &[MId], stat: &Stat) -> Result<usize, ErrorCode> {
    match stat.current_rec {
        MId::MID_BEGINNING_OF_TABLE => Ok(0),
        MId::MID_END_OF_TABLE => Ok(rows.len()),
        MId::MID_CURRENT => Ok(fraction(rows.len(), stat)),
        mid => rows.iter().position(|row| *row == mid).ok_or(ErrorCode::MAPI_E_NOT_FOUND),
    }
}

/// The row at the fraction `NumPos`/`TotalRecs` of the table ([MS-OXNSPI] 3.1.4.5.2).
fn fraction(rows: usize, stat: &Stat) -> usize {
    let total = u64::from(stat.total_recs);
    let place = u64::from(stat.num_pos).min(total);
    let rows = u64::try_from(rows).unwrap_or(u64::MAX);
    let row = place.saturating_mul(rows).checked_div(total).unwrap_or_default();
    usize::try_from(row.min(rows)).unwrap_or_default()
}

/// Sets the position of `stat` to `row`.
pub(crate) fn settle(rows: &[MId], row: usize, stat: &mut Stat) {
    stat.current_rec = rows.get(row).copied().unwrap_or(MId::MID_END_OF_TABLE);
    stat.delta = 0;
    stat.num_pos = u32::try_from(row).unwrap_or(u32::MAX);
    stat.total_recs = u32::try_from(rows.len()).unwrap_or(u32::MAX);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(count: u32) -> Vec<MId> {
        (0x10..0x10 + count).map(MId).collect()
    }

    fn stat(current_rec: MId, delta: i32, num_pos: u32, total_recs: u32) -> Stat {
        Stat { current_rec, delta, num_pos, total_recs, ..Stat::default() }
    }

    #[test]
    fn positions_are_absolute_relative_and_fractional() {
        let rows = rows(10);
        assert_eq!(position(&rows, &stat(MId::MID_BEGINNING_OF_TABLE, 0, 0, 0)), Ok(0));
        assert_eq!(position(&rows, &stat(MId::MID_BEGINNING_OF_TABLE, -3, 0, 0)), Ok(0));
        assert_eq!(position(&rows, &stat(MId::MID_END_OF_TABLE, 0, 0, 0)), Ok(10));
        assert_eq!(position(&rows, &stat(MId::MID_END_OF_TABLE, -4, 0, 0)), Ok(6));
        assert_eq!(position(&rows, &stat(MId(0x13), 2, 0, 0)), Ok(5));
        assert_eq!(position(&rows, &stat(MId(0x13), i32::MIN, 0, 0)), Ok(0));
        assert_eq!(position(&rows, &stat(MId(0x13), i32::MAX, 0, 0)), Ok(10));
        assert_eq!(position(&rows, &stat(MId::MID_CURRENT, 0, 50, 100)), Ok(5));
        assert_eq!(position(&rows, &stat(MId::MID_CURRENT, 1, 50, 100)), Ok(6));
        assert_eq!(position(&rows, &stat(MId::MID_CURRENT, 0, 7, 0)), Ok(0));
        assert_eq!(position(&rows, &stat(MId::MID_CURRENT, 0, 200, 100)), Ok(10));
        assert_eq!(position(&rows, &stat(MId(0x99), 0, 0, 0)), Err(ErrorCode::MAPI_E_NOT_FOUND));
    }

    proptest! {
        #[test]
        fn a_settled_position_is_found_again(count in 0_u32..40, delta: i32, num_pos: u32, total: u32) {
            let rows = rows(count);
            let mut stat = stat(MId::MID_CURRENT, delta, num_pos, total);
            let row = position(&rows, &stat).unwrap();
            prop_assert!(row <= rows.len());
            settle(&rows, row, &mut stat);
            prop_assert_eq!(position(&rows, &stat), Ok(row));
            prop_assert_eq!((stat.delta, usize::try_from(stat.num_pos).unwrap()), (0, row));
        }
    }
}
