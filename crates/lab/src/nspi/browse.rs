//! Moving in a table and reading its rows.

use mapi::ErrorCode;
use mapi::nspi::{
    MId, QueryRowsRequest, QueryRowsResponse, ResortRestrictionRequest, ResortRestrictionResponse,
    SeekEntriesRequest, SeekEntriesResponse, Stat, UpdateStatRequest, UpdateStatResponse,
};
use mapi::property::PropTag;
use rpc::ndr::Ptr;

use super::rows::{EPHEMERAL_IDS, columns, view};
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

    /// `NspiUpdateStat` ([MS-OXNSPI] 3.1.4.1.4).
    pub(super) fn update_stat(&self, request: &UpdateStatRequest) -> UpdateStatResponse {
        let mut stat = request.stat;
        let delta = Ptr::from(request.delta.get().copied());
        match self.move_in_table(&mut stat) {
            Ok(moved) => {
                let delta = Ptr::from(delta.get().map(|_| moved));
                UpdateStatResponse { stat, delta, return_value: ErrorCode::SUCCESS }
            }
            Err(return_value) => UpdateStatResponse { stat: request.stat, delta, return_value },
        }
    }

    /// Moves `stat` by its `Delta`, and returns by how many rows it moved.
    fn move_in_table(&self, stat: &mut Stat) -> Result<i32, ErrorCode> {
        let rows = &self.table(stat)?.rows;
        let from = anchor(rows, stat)?;
        let to = position(rows, stat)?;
        settle(rows, to, stat);
        let distance = i32::try_from(to.abs_diff(from)).unwrap_or(i32::MAX);
        Ok(if to < from { distance.saturating_neg() } else { distance })
    }

    /// `NspiQueryRows` ([MS-OXNSPI] 3.1.4.1.8).
    pub(super) fn query_rows(&self, request: &QueryRowsRequest) -> QueryRowsResponse {
        self.try_query_rows(request).unwrap_or_else(|return_value| QueryRowsResponse {
            stat: request.stat,
            rows: Ptr::NULL,
            return_value,
        })
    }

    fn try_query_rows(&self, request: &QueryRowsRequest) -> Result<QueryRowsResponse, ErrorCode> {
        let view = view(request.flags, request.stat.code_page)?;
        let columns = columns(&request.prop_tags);
        let mut stat = request.stat;
        if let Some(mids) = &request.table.items {
            let rows = self.rows(mids, columns, view);
            return Ok(QueryRowsResponse { stat, rows, return_value: ErrorCode::SUCCESS });
        }
        if request.count == 0 {
            return Err(ErrorCode::MAPI_E_INVALID_PARAMETER);
        }
        let table = &self.table(&stat)?.rows;
        let start = position(table, &stat)?;
        let count = usize::try_from(request.count).unwrap_or(usize::MAX);
        let mids: Vec<MId> = table.iter().skip(start).take(count).copied().collect();
        settle(table, start.saturating_add(mids.len()), &mut stat);
        let rows = self.rows(&mids, columns, view);
        Ok(QueryRowsResponse { stat, rows, return_value: ErrorCode::SUCCESS })
    }

    /// `NspiSeekEntries` ([MS-OXNSPI] 3.1.4.1.9).
    pub(super) fn seek_entries(&self, request: &SeekEntriesRequest) -> SeekEntriesResponse {
        self.try_seek_entries(request).unwrap_or_else(|return_value| SeekEntriesResponse {
            stat: request.stat,
            rows: Ptr::NULL,
            return_value,
        })
    }

    fn try_seek_entries(&self, request: &SeekEntriesRequest) -> Result<SeekEntriesResponse, ErrorCode> {
        let mut stat = request.stat;
        let view = view(EPHEMERAL_IDS, stat.code_page)?;
        let table = &self.table(&stat)?.rows;
        let target = request.target.to_tagged();
        if !target.tag.is_same_property(PropTag::PidTagDisplayName) {
            return Err(ErrorCode::MAPI_E_CALL_FAILED);
        }
        let target = sought(&target, view.code_page).ok_or(ErrorCode::MAPI_E_CALL_FAILED)?;
        let reaches = |mid: &MId| {
            let entry = self.directory.entry(*mid);
            entry.is_some_and(|entry| sort_key(entry).0 >= target.as_str())
        };
        let listed = request.table.get().map(|list| self.directory.sort(&list.values));
        let rows = listed.as_ref().unwrap_or(table);
        let row = rows.iter().position(reaches).ok_or(ErrorCode::MAPI_E_NOT_FOUND)?;
        settle(rows, row, &mut stat);
        stat.delta = request.stat.delta;
        // Of an explicit table all rows from that one are returned; of a container, only that one.
        let count = if listed.is_some() { usize::MAX } else { 1 };
        let wanted = request.prop_tags.get().map(|tags| {
            let mids: Vec<MId> = rows.iter().skip(row).take(count).copied().collect();
            self.rows(&mids, &tags.values, view)
        });
        let rows = wanted.unwrap_or(Ptr::NULL);
        Ok(SeekEntriesResponse { stat, rows, return_value: ErrorCode::SUCCESS })
    }

    /// `NspiResortRestriction` ([MS-OXNSPI] 3.1.4.1.11).
    pub(super) fn resort(&self, request: &ResortRestrictionRequest) -> ResortRestrictionResponse {
        let mut stat = request.stat;
        if let Err(return_value) = self.table(&stat) {
            return ResortRestrictionResponse { stat, out_mids: Ptr::NULL, return_value };
        }
        let sorted = self.directory.sort(&request.in_mids.values);
        let current = sorted.iter().position(|mid| *mid == stat.current_rec);
        settle(&sorted, current.unwrap_or_default(), &mut stat);
        if current.is_none() {
            stat.current_rec = MId::MID_BEGINNING_OF_TABLE;
        }
        let out_mids = Ptr::new(sorted.into_iter().collect());
        ResortRestrictionResponse { stat, out_mids, return_value: ErrorCode::SUCCESS }
    }
}
