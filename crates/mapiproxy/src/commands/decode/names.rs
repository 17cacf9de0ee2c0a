//! The names that `--rop` and `--prop` take.

use mapi::property::{PropTag, names};
use mapi::rop::RopId;

/// How many names are suggested.
const SUGGESTED: usize = 3;

/// How alike a name must be to be suggested, from 0 to 1.
const ALIKE: f64 = 0.75;

/// A name that nothing has.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnknownName {
    #[error("--rop {given}: no ROP has this name{}", suggested(nearest))]
    Rop { given: String, nearest: Vec<&'static str> },
    #[error("--prop {given}: no property has this name{}", suggested(nearest))]
    Property { given: String, nearest: Vec<&'static str> },
    #[error("--prop {given}: expected a property's name, or its tag as 0x0037001F")]
    Tag { given: String },
    #[error("--prop {given}: nothing in the recording names this property{}", suggested(nearest))]
    NotThere { given: String, nearest: Vec<&'static str> },
}

fn suggested(nearest: &[&str]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; the nearest are {}", nearest.join(", ")) }
}

/// The names most like `given`, which may lack `prefix`.
fn nearest(given: &str, prefix: &str, all: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let given = given.to_ascii_lowercase();
    let bare = given.strip_suffix("_w").or_else(|| given.strip_suffix("_a")).unwrap_or(&given);
    let whole = if bare.starts_with(prefix) { bare.to_owned() } else { format!("{prefix}{bare}") };
    let alike = |name: &str| strsim::jaro_winkler(&whole, &name.to_ascii_lowercase());
    let mut known: Vec<(f64, &str)> = all.map(|name| (alike(name), name)).collect();
    known.retain(|(alike, _)| *alike >= ALIKE);
    known.sort_by(|(a, first), (b, second)| b.total_cmp(a).then_with(|| first.cmp(second)));
    known.dedup_by_key(|(_, name)| *name);
    known.into_iter().map(|(_, name)| name).take(SUGGESTED).collect()
}

fn rops() -> impl Iterator<Item = &'static str> {
    RopId::ALL.iter().filter_map(|id| id.name())
}

/// Whether there is such a ROP, with or without `Rop` before its name.
pub(super) fn check_rop(given: &str) -> Result<(), UnknownName> {
    let bare = |name: &str| name.to_ascii_lowercase().trim_start_matches("rop").to_owned();
    let wanted = bare(given);
    // Those that are not known are called by their numbers.
    if wanted.starts_with("id 0x") || rops().any(|name| bare(name) == wanted) {
        return Ok(());
    }
    let number = wanted.strip_prefix("0x").and_then(|digits| u8::from_str_radix(digits, 16).ok());
    let nearest = match number.and_then(|number| RopId(number).name()) {
        Some(name) => vec![name],
        None => nearest(given, "rop", rops()),
    };
    Err(UnknownName::Rop { given: given.to_owned(), nearest })
}

/// Whether there may be such a property. Named properties may have any name but one of the specification's form.
pub(super) fn check_property(given: &str) -> Result<(), UnknownName> {
    let lower = given.to_ascii_lowercase();
    let is_hex = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    // Four digits are the type; zeros before the property's number may be left out.
    if lower.strip_prefix("0x").is_some_and(|tag| (5..=8).contains(&tag.len()) && is_hex(tag)) {
        return Ok(());
    }
    if lower.starts_with("0x") || (lower.len() == 8 && is_hex(&lower)) {
        return Err(UnknownName::Tag { given: given.to_owned() });
    }
    let is_ours = ["pidtag", "pidlid", "pidname", "metatag"].iter().any(|start| lower.starts_with(start));
    if !is_ours || is_known(&lower) {
        return Ok(());
    }
    Err(UnknownName::Property { given: given.to_owned(), nearest: nearest(given, "pid", names::all()) })
}

fn is_known(lower: &str) -> bool {
    let name = lower.split(':').next().unwrap_or_default();
    let bare = name.strip_suffix("_w").or_else(|| name.strip_suffix("_a")).unwrap_or(name);
    names::all().any(|known| known.eq_ignore_ascii_case(name) || known.eq_ignore_ascii_case(bare))
}

/// Nothing was found that names `given`: an error where it is no property that is known.
pub(super) fn nothing_named(given: &str) -> Result<(), UnknownName> {
    let lower = given.to_ascii_lowercase();
    if lower.starts_with("0x") || is_known(&lower) || PropTag::from_name(given).is_some() {
        return Ok(());
    }
    let nearest = nearest(given, "pidtag", names::all());
    Err(UnknownName::NotThere { given: given.to_owned(), nearest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(result: Result<(), UnknownName>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn names_that_nothing_has_are_refused_with_the_nearest() {
        for known in ["RopOpenFolder", "openfolder", "ROPLOGON", "RopId 0x99"] {
            check_rop(known).unwrap();
        }
        assert!(says(check_rop("OpenFoldr")).contains("RopOpenFolder"));
        assert!(says(check_rop("0x02")).ends_with("the nearest are RopOpenFolder"));
        for bad in ["0x37", "0x0037", "0037001F"] {
            assert!(says(check_property(bad)).ends_with("its tag as 0x0037001F"), "{bad}");
        }
        assert!(says(check_rop("Frob")).starts_with("--rop Frob: no ROP has this name"));
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
        assert!(says(check_property("PidTagSubjec")).contains("PidTagSubject"));
        assert!(says(check_property("PidTagFoo")).starts_with("--prop PidTagFoo: no property has this name"));
        assert!(says(check_property("0xzz")).contains("0x0037001F"));
        assert!(says(nothing_named("Subject")).contains("PidTagSubject"));
        nothing_named("PidTagSubject").unwrap();
    }
}
