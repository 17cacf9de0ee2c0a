//! Moving in a table and reading its rows.

use mapi::ErrorCode;
use mapi::nspi::{MId, Stat};
use mapi::property::{PropTag, TaggedValue};

use super::rows::{EPHEMERAL_IDS, Rows, columns_or_default, view};
use crate::directory::restriction::sought;
use crate::directory::table::{anchor, position, settle};
use crate::directory::{Container, sort_key};
use crate::service::Lab;

/// `SortTypeDisplayName` ([MS-OXNSPI] 2.2.1.10).
const BY_DISPLAY_NAME: u32 = 0;
/// `SortTypePhoneticDisplayName`: no entry here has a phonetic name, so that the order is the same.
const BY_PHONETIC_NAME: u32 = 3;
/// `SortTypeDisplayName_RO` and `SortTypeDisplayName_W`: the same order.
const BY_DISPLAY_NAME_RO: u32 = 1000;
const BY_DISPLAY_NAME_W: u32 = 1001;

impl Lab {
    /// The table of `stat`.
    pub(super) fn table(&self, stat: &Stat) -> Result<&Container, ErrorCode> {
        match stat.sort_type {
            BY_DISPLAY_NAME | BY_PHONETIC_NAME | BY_DISPLAY_NAME_RO | BY_DISPLAY_NAME_W => {}
            _ => return Err(ErrorCode::MAPI_E_CALL_FAILED),
        }
        self.directory.container(stat.container_id).ok_or(ErrorCode::MAPI_E_INVALID_BOOKMARK)
    }

    /// `NspiUpdateStat` ([MS-OXNSPI] 3.1.4.1.4): the new position, and by how many rows it moved.
    pub(crate) fn update_stat(&self, mut stat: Stat) -> Result<(Stat, i32), ErrorCode> {
        let rows = &self.table(&stat)?.rows;
        let from = anchor(rows, &stat)?;
        let to = position(rows, &stat)?;
        settle(rows, to, &mut stat);
        let distance = i32::try_from(to.abs_diff(from)).unwrap_or(i32::MAX);
        Ok((stat, if to < from { distance.saturating_neg() } else { distance }))
    }

    /// `NspiQueryRows` ([MS-OXNSPI] 3.1.4.1.8): the rows of the objects in `table`, or up to `count` rows from the
    /// position of `stat` on; and the new position.
    pub(crate) fn query_rows(
        &self,
        flags: u32,
        mut stat: Stat,
        table: Option<&[MId]>,
        count: u32,
        columns: Option<&[PropTag]>,
    ) -> Result<(Stat, Rows), ErrorCode> {
        let view = view(flags, stat.code_page)?;
        let columns = columns_or_default(columns);
        if let Some(mids) = table {
            return Ok((stat, self.rows(mids, columns, view)?));
        }
        if count == 0 {
            return Err(ErrorCode::MAPI_E_INVALID_PARAMETER);
        }
        let table = &self.table(&stat)?.rows;
        let start = position(table, &stat)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let mids: Vec<MId> = table.iter().skip(start).take(count).copied().collect();
        settle(table, start.saturating_add(mids.len()), &mut stat);
        Ok((stat, self.rows(&mids, columns, view)?))
    }

    /// `NspiSeekEntries` ([MS-OXNSPI] 3.1.4.1.9): the position of the first row of the container, or of `table`, that
    /// is not less than `target`; with rows if `columns` are requested.
    pub(crate) fn seek_entries(
        &self,
        before: Stat,
        target: &TaggedValue,
        table: Option<&[MId]>,
        columns: Option<&[PropTag]>,
    ) -> Result<(Stat, Option<Rows>), ErrorCode> {
        let mut stat = before;
        let view = view(EPHEMERAL_IDS, stat.code_page)?;
        if stat.sort_type != BY_DISPLAY_NAME {
            return Err(ErrorCode::MAPI_E_CALL_FAILED);
        }
        let container = &self.table(&stat)?.rows;
        if !target.tag.is_same_property(PropTag::PidTagDisplayName) {
            return Err(ErrorCode::MAPI_E_CALL_FAILED);
        }
        let target = sought(target, view.code_page).ok_or(ErrorCode::MAPI_E_CALL_FAILED)?;
        let reaches = |mid: &MId| {
            let entry = self.directory.entry(*mid);
            entry.is_some_and(|entry| sort_key(entry).0 >= target.as_str())
        };
        let listed = table.map(|mids| self.directory.sort(mids));
        let rows = listed.as_ref().unwrap_or(container);
        let row = rows.iter().position(reaches).ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
        settle(rows, row, &mut stat);
        stat.delta = before.delta;
        // Of an explicit table all rows from that one are returned; of a container, only that one.
        let count = if listed.is_some() { usize::MAX } else { 1 };
        let wanted = columns.map(|tags| {
            let mids: Vec<MId> = rows.iter().skip(row).take(count).copied().collect();
            self.rows(&mids, tags, view)
        });
        Ok((stat, wanted.transpose()?))
    }

    /// `NspiResortRestriction` ([MS-OXNSPI] 3.1.4.1.11): the objects in the order of the table, and the position of the
    /// current one among them.
    pub(crate) fn resort(&self, mut stat: Stat, mids: &[MId]) -> Result<(Stat, Vec<MId>), ErrorCode> {
        self.table(&stat)?;
        let sorted = self.directory.sort(mids);
        let current = sorted.iter().position(|mid| *mid == stat.current_rec);
        settle(&sorted, current.unwrap_or_default(), &mut stat);
        if current.is_none() {
            stat.current_rec = MId::MID_BEGINNING_OF_TABLE;
        }
        Ok((stat, sorted))
    }
}
