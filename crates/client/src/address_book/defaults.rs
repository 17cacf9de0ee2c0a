//! Values that requests of the address book have, whatever the protocol.

use mapi::nspi::Stat;

/// The code page of texts that are not requested as UTF-16.
const CODE_PAGE: u32 = 1252;
/// The locale: English, United States.
const LOCALE: u32 = 0x0409;
/// `fEphID` ([MS-OXNSPI] 2.2.1.12).
pub(super) const EPHEMERAL_IDS: u32 = 0x2;
/// `NspiUnicodeStrings` ([MS-OXNSPI] 2.2.1.13).
pub(super) const UNICODE_STRINGS: u32 = 0x4;

/// The beginning of the global address list, by display name.
pub(super) fn stat() -> Stat {
    Stat { code_page: CODE_PAGE, template_locale: LOCALE, sort_locale: LOCALE, ..Stat::default() }
}
