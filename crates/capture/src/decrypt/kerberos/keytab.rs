//! Reads keytabs in the format of MIT Kerberos, version 2.

use std::fmt;

use wire::{Endian, Reader};
use zeroize::Zeroizing;

use super::crypto::{EncryptionType, Key};

/// The version at the start of a keytab.
const VERSION: u16 = 0x0502;

/// The maximum size of a keytab, in bytes.
const MAX_SIZE: usize = 16 << 20;

/// The maximum number of entries, more than any keytab has.
const MAX_ENTRIES: usize = 16_384;

/// The maximum number of parts of a name, more than any name has.
const MAX_COMPONENTS: u16 = 64;

/// The long-term keys of services.
#[derive(Default)]
pub struct Keytab {
    entries: Vec<Entry>,
}

/// A key, and the principal to which it belongs.
pub(super) struct Entry {
    /// The principal, such as `exchangeMDB/exch1.lab.test@LAB.TEST`.
    pub(super) principal: String,
    /// The version of the key.
    pub(super) kvno: u32,
    pub(super) key: Key,
}

impl fmt::Debug for Keytab {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keytab({} keys, [redacted])", self.entries.len())
    }
}

/// Why a keytab cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeytabError {
    /// The version is another one.
    #[error("expected a keytab of version 2, which begins with 05 02")]
    Version,
    /// The file exceeds the maximum size.
    #[error("the keytab is longer than {MAX_SIZE} bytes")]
    TooLarge,
    /// The file exceeds the maximum number of entries.
    #[error("the keytab has more than {MAX_ENTRIES} entries")]
    TooMany,
    /// An entry is malformed.
    #[error(transparent)]
    Entry(#[from] wire::Error),
}

impl Keytab {
    /// Whether the keytab has no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds the keys of a file. Keys of unsupported encryption types are ignored.
    ///
    /// # Errors
    /// If the file is not a keytab, or is truncated.
    pub fn add(&mut self, file: &[u8]) -> Result<(), KeytabError> {
        if file.len() > MAX_SIZE {
            return Err(KeytabError::TooLarge);
        }
        let mut r = Reader::with_endian(file, Endian::Big);
        if r.u16("file_format_version") != Ok(VERSION) {
            return Err(KeytabError::Version);
        }
        while !r.is_empty() {
            let size = r.i32("size")?;
            let length = usize::try_from(size.unsigned_abs()).unwrap_or(usize::MAX);
            // Padding at the end of the file.
            if size == 0 {
                break;
            }
            let entry = r.sub(length, "entry")?;
            // A negative size is that of a hole, where an entry was removed.
            if size > 0
                && let Some(entry) = read_entry(entry)?
            {
                if self.entries.len() >= MAX_ENTRIES {
                    return Err(KeytabError::TooMany);
                }
                self.entries.push(entry);
            }
        }
        Ok(())
    }

    /// The keys of this type: first those of that principal and version, then the others, since a keytab may have the
    /// name of the account to which the service belongs.
    pub(super) fn keys<'a>(
        &'a self,
        encryption: EncryptionType,
        principal: &'a str,
        kvno: Option<u32>,
    ) -> impl Iterator<Item = &'a Key> {
        let fits = move |entry: &&Entry| {
            let version = kvno.is_none_or(|kvno| kvno == entry.kvno);
            version && entry.principal.eq_ignore_ascii_case(principal)
        };
        let all = move || self.entries.iter().filter(move |entry| entry.key.encryption() == encryption);
        all().filter(fits).chain(all().filter(move |entry| !fits(entry))).map(|entry| &entry.key)
    }

    /// The versions of this principal's keys.
    pub(super) fn versions(&self, principal: &str) -> Vec<u32> {
        let own = self.entries.iter().filter(|entry| entry.principal.eq_ignore_ascii_case(principal));
        let mut versions: Vec<u32> = own.map(|entry| entry.kvno).collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }
}

fn read_entry(mut r: Reader<'_>) -> wire::Result<Option<Entry>> {
    let components = r.u16("num_components")?;
    if components > MAX_COMPONENTS {
        return Err(r.invalid("num_components", components.into(), "a name of a few parts"));
    }
    let realm = counted(&mut r, "realm")?;
    let mut names = Vec::new();
    for _ in 0..components {
        names.push(String::from_utf8_lossy(counted(&mut r, "component")?));
    }
    let principal = format!("{}@{}", names.join("/"), String::from_utf8_lossy(realm));
    r.u32("name_type")?;
    r.u32("timestamp")?;
    let short = u32::from(r.u8("vno8")?);
    let encryption = r.u16("keyblock.type")?;
    let key = Zeroizing::new(counted(&mut r, "keyblock.data")?.to_vec());
    // Versions above 255 are in a field after the key, which old programs do not write.
    let long = if r.remaining() >= 4 { r.u32("vno")? } else { 0 };
    let kvno = if long == 0 { short } else { long };
    let key = Key::new(i64::from(encryption), &key);
    Ok(key.map(|key| Entry { principal, kvno, key }))
}

fn counted<'a>(r: &mut Reader<'a>, field: &'static str) -> wire::Result<&'a [u8]> {
    let length = usize::from(r.u16(field)?);
    r.bytes(length, field)
}
