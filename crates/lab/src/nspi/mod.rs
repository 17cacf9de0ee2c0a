//! The address book ([MS-OXNSPI] 3.1.4.1). The operations are independent of the envelope: [`calls`] executes
//! those that RPC carries.

mod browse;
mod calls;
mod find;
mod rows;
mod special;

use mapi::ErrorCode;
use mapi::nspi::{MId, Stat};

pub(crate) use self::rows::{Rows, columns_or_default, query_columns};
use crate::codepage::CodePage;
use crate::service::Lab;

/// Checks the code page of a `Bind` ([MS-OXNSPI] 3.1.4.1.1).
pub(crate) fn check_bind(stat: &Stat) -> Result<(), ErrorCode> {
    let supported = CodePage::new(stat.code_page).filter(|code_page| !code_page.is_unicode());
    supported.map(drop).ok_or(ErrorCode::MAPI_E_UNKNOWN_CPID)
}

impl Lab {
    /// `NspiDNToMId` ([MS-OXNSPI] 3.1.4.1.13) for one name.
    pub(crate) fn dn_to_mid(&self, dn: &str) -> MId {
        self.directory.by_dn(dn).map_or(MId::MID_UNRESOLVED, |entry| entry.mid)
    }

    /// `NspiCompareMIds` ([MS-OXNSPI] 3.1.4.1.12): negative if the first is before the second.
    pub(crate) fn compare(&self, stat: &Stat, first: MId, second: MId) -> Result<i32, ErrorCode> {
        let container =
            self.directory.container(stat.container_id).ok_or(ErrorCode::MAPI_E_INVALID_BOOKMARK)?;
        let place = |mid| container.rows.iter().position(|row| *row == mid);
        let places = place(first).zip(place(second));
        places
            .map(|(first, second)| match first.cmp(&second) {
                std::cmp::Ordering::Less => -1,
                std::cmp::Ordering::Equal => 0,
                std::cmp::Ordering::Greater => 1,
            })
            .ok_or(ErrorCode::MAPI_E_CALL_FAILED)
    }
}

/// The error of `NspiGetTemplateInfo` ([MS-OXNSPI] 3.1.4.1.18): there are no templates.
pub(crate) fn template_info(code_page: u32) -> ErrorCode {
    match CodePage::new(code_page).filter(|code_page| !code_page.is_unicode()) {
        Some(_) => ErrorCode::MAPI_E_UNKNOWN_LCID,
        None => ErrorCode::MAPI_E_UNKNOWN_CPID,
    }
}
