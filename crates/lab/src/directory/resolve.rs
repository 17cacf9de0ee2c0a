//! Ambiguous name resolution ([MS-OXNSPI] 3.1.4.7).

use mapi::nspi::MId;

use super::{Directory, Entry, fold};

impl Directory {
    /// The object among `mids` that `name` matches, or the reserved value for none or several.
    pub(crate) fn resolve(&self, mids: &[MId], name: &str) -> MId {
        if name.trim().is_empty() {
            return MId::MID_UNRESOLVED;
        }
        // An exact match takes precedence, also if the name is the beginning of others.
        let ways: [fn(&Entry, &str) -> bool; 2] = [is_exactly, matches_anr];
        for matches in ways {
            match self.select(mids, 1, |entry| matches(entry, name)).as_deref() {
                None => return MId::MID_AMBIGUOUS,
                Some([found]) => return *found,
                Some(_) => {}
            }
        }
        MId::MID_UNRESOLVED
    }
}

fn is_exactly(entry: &Entry, name: &str) -> bool {
    let name = fold(name.trim().trim_start_matches('='));
    // Distinguished names are long: only a name that begins like one is compared with them.
    let dn = Some(entry.dn.as_str()).filter(|_| name.starts_with('/'));
    let mut texts = [Some(entry.alias.as_str()), entry.smtp(), dn].into_iter().flatten();
    texts.any(|text| fold(text) == name) || is_address(entry, &name)
}

/// Whether `name` is one of the object's addresses with its type, such as `smtp:alice@lab.test`.
fn is_address(entry: &Entry, name: &str) -> bool {
    match name.split_once(':') {
        Some(("smtp", address)) => entry.smtp().is_some_and(|smtp| fold(smtp) == address),
        Some(("ex", address)) => fold(&entry.dn) == address,
        _ => false,
    }
}

/// Whether `name` matches `entry`: each of its words begins a word of the entry's display name, or it begins its
/// alias or its mail address, or it is its distinguished name. After a leading `=` it must match completely.
pub(crate) fn matches_anr(entry: &Entry, name: &str) -> bool {
    let name = name.trim();
    if name.is_empty() {
        return false;
    }
    if name.starts_with('=') {
        let whole = fold(name.trim_start_matches('='));
        return is_exactly(entry, name) || entry.sort_name == whole;
    }
    let name = fold(name);
    if is_exactly(entry, &name) || fold(&entry.alias).starts_with(&name) {
        return true;
    }
    if entry.smtp().is_some_and(|smtp| fold(smtp).starts_with(&name)) {
        return true;
    }
    let mut asked = name.split([' ', ',', ';']).filter(|word| !word.is_empty());
    asked.all(|word| entry.sort_name.split(' ').any(|part| part.starts_with(word)))
}
