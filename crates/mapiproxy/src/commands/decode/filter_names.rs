//! Checks the names of ROPs and properties that the filters `--rop` and `--prop` take.

use mapi::property::{PropTag, names};
use mapi::rop::RopId;

/// The maximum number of suggested names.
const SUGGESTED: usize = 3;

/// The similarity from which a name is suggested, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.75;

/// How the names of properties in the specifications begin ([MS-OXPROPS], [MS-OXCFXICS] 2.2.4.1.5).
const PREFIXES: [&str; 4] = ["pidtag", "pidlid", "pidname", "metatag"];

/// A name that is unknown.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnknownName {
    #[error("--rop {given}: unknown ROP{}", suggested(nearest))]
    Rop { given: String, nearest: Vec<&'static str> },
    #[error("--prop {given}: unknown property{}", suggested(nearest))]
    Property { given: String, nearest: Vec<&'static str> },
    #[error("--prop {given}: expected a property's name, or its tag, for example 0x0037001F")]
    Tag { given: String },
    #[error("--prop {given}: the property is unknown and not in the recording{}", suggested(nearest))]
    NotInRecording { given: String, nearest: Vec<&'static str> },
}

fn suggested(nearest: &[&str]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; did you mean {}?", nearest.join(", ")) }
}

/// The names most similar to `given`, which may lack `prefix`.
fn nearest(given: &str, prefix: &str, all: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let given = given.to_ascii_lowercase();
    let bare = given.strip_suffix("_w").or_else(|| given.strip_suffix("_a")).unwrap_or(&given);
    let is_whole = bare.starts_with(prefix) || PREFIXES.iter().any(|prefix| bare.starts_with(prefix));
    let whole = if is_whole { bare.to_owned() } else { format!("{prefix}{bare}") };
    let similarity = |name: &str| strsim::jaro_winkler(&whole, &name.to_ascii_lowercase());
    let mut known: Vec<(f64, &str)> = all.map(|name| (similarity(name), name)).collect();
    known.retain(|(similarity, _)| *similarity >= MIN_SIMILARITY);
    known.sort_by(|(a, first), (b, second)| b.total_cmp(a).then_with(|| first.cmp(second)));
    known.dedup_by_key(|(_, name)| *name);
    known.into_iter().map(|(_, name)| name).take(SUGGESTED).collect()
}

fn rops() -> impl Iterator<Item = &'static str> {
    RopId::ALL.iter().filter_map(|id| id.name())
}

/// Checks that the ROP exists. Its name may lack `Rop`.
pub(super) fn check_rop(given: &str) -> Result<(), UnknownName> {
    let bare = |name: &str| name.to_ascii_lowercase().trim_start_matches("rop").to_owned();
    let wanted = bare(given);
    if rops().any(|name| bare(name) == wanted) {
        return Ok(());
    }
    let number_of = |text: &str| {
        let digits = text.strip_prefix("0x").filter(|digits| is_hex(digits))?;
        u8::from_str_radix(digits, 16).ok()
    };
    // A recording names an unknown ROP by its number, in two digits.
    let in_name = wanted.strip_prefix("id ").filter(|text| text.len() == 4).and_then(number_of);
    if in_name.is_some_and(|number| RopId(number).name().is_none()) {
        return Ok(());
    }
    let number = in_name.or_else(|| number_of(&wanted));
    let nearest = match number.and_then(|number| RopId(number).name()) {
        Some(name) => vec![name],
        None => nearest(given, "rop", rops()),
    };
    Err(UnknownName::Rop { given: given.to_owned(), nearest })
}

/// Checks that the property may exist. Named properties can have any name that does not have the form of
/// names in the specifications.
pub(super) fn check_property(given: &str) -> Result<(), UnknownName> {
    let lower = given.to_ascii_lowercase();
    // Four digits are the type; leading zeros of the property's number can be omitted.
    if lower.strip_prefix("0x").is_some_and(|tag| (5..=8).contains(&tag.len()) && is_hex(tag)) {
        return Ok(());
    }
    if lower.starts_with("0x") || (lower.len() == 8 && is_hex(&lower)) {
        return Err(UnknownName::Tag { given: given.to_owned() });
    }
    let is_specified = PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    if !is_specified || is_known(&lower) {
        return Ok(());
    }
    Err(UnknownName::Property { given: given.to_owned(), nearest: nearest(given, "", names::all()) })
}

fn is_hex(digits: &str) -> bool {
    digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

fn is_known(lower: &str) -> bool {
    let name = lower.split(':').next().unwrap_or_default();
    let bare = name.strip_suffix("_w").or_else(|| name.strip_suffix("_a")).unwrap_or(name);
    names::all().any(|known| known.eq_ignore_ascii_case(name) || known.eq_ignore_ascii_case(bare))
}

/// Checks the property `given` after a recording without it was read.
///
/// # Errors
/// If it is not a known property.
pub(super) fn check_property_of_recording(given: &str) -> Result<(), UnknownName> {
    let lower = given.to_ascii_lowercase();
    if lower.starts_with("0x") || is_known(&lower) || PropTag::from_name(given).is_some() {
        return Ok(());
    }
    let nearest = nearest(given, "pidtag", names::all());
    Err(UnknownName::NotInRecording { given: given.to_owned(), nearest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(result: Result<(), UnknownName>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn unknown_names_are_refused_with_similar_ones() {
        for known in ["RopOpenFolder", "openfolder", "ROPLOGON", "RopId 0x99"] {
            check_rop(known).unwrap();
        }
        assert!(message(check_rop("OpenFoldr")).contains("RopOpenFolder"));
        assert!(message(check_rop("0x02")).ends_with("did you mean RopOpenFolder?"));
        for bad in ["0x37", "0x0037", "0037001F"] {
            assert!(message(check_property(bad)).ends_with("its tag, for example 0x0037001F"), "{bad}");
        }
        assert!(message(check_rop("RopId 0x02")).ends_with("did you mean RopOpenFolder?"));
        for bad in ["RopId 0xZZ", "RopId 0x999", "RopId 0x", "RopId 0x+9"] {
            assert!(message(check_rop(bad)).starts_with(&format!("--rop {bad}: unknown ROP")), "{bad}");
        }
        assert!(message(check_property("MetaTagDnPrefx")).contains("MetaTagDnPrefix"));
        assert!(message(check_rop("Frob")).starts_with("--rop Frob: unknown ROP"));
        for known in [
            "PidTagSubject",
            "pidtagsubject_w",
            "0x0037001F",
            "0x37001f",
            "PidLidGlobalObjectId",
            "x-own-name",
        ] {
            check_property(known).unwrap();
        }
        assert!(message(check_property("PidTagSubjec")).contains("PidTagSubject"));
        assert!(message(check_property("PidTagFoo")).starts_with("--prop PidTagFoo: unknown property"));
        assert!(message(check_property("0xzz")).contains("0x0037001F"));
        assert!(message(check_property_of_recording("Subject")).contains("PidTagSubject"));
        check_property_of_recording("PidTagSubject").unwrap();
    }
}
