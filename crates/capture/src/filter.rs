//! Which operations are wanted.

use mapi::show::Shown;

use crate::understand::{Operation, Rop};

/// What an operation must have to be wanted: all that is given here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Who asked: a whole name, or the part of it without its domain. In whatever case.
    pub user: Option<String>,
    /// A ROP, with or without `Rop` before its name. In whatever case.
    pub rop: Option<String>,
    /// A property, by its name with or without `_W` or `_A` behind it, or by its tag as `0x0037001F`. In
    /// whatever case.
    pub prop: Option<String>,
    /// Something that failed.
    pub errors: bool,
}

impl Filter {
    /// Whether what `user` asked is wanted, as far as that goes.
    pub fn admits_user(&self, user: Option<&str>) -> bool {
        self.user.as_ref().is_none_or(|wanted| user.is_some_and(|known| is_user(known, wanted)))
    }

    /// What is wanted of `operation`: all of it but for the ROPs that are not wanted. None where it is not
    /// wanted.
    pub fn apply(&self, mut operation: Operation) -> Option<Operation> {
        if !self.admits_user(operation.user.as_deref()) {
            return None;
        }
        if self.errors && !operation.failed() {
            return None;
        }
        if let Some(rop) = &self.rop {
            operation.rops.retain(|known| is_rop(known, rop));
            if operation.rops.is_empty() {
                return None;
            }
        }
        if let Some(prop) = &self.prop {
            let outside = has(&operation.request, prop) || has(&operation.response, prop);
            operation.rops.retain(|rop| {
                let parts = [&rop.request, &rop.response];
                parts.into_iter().flatten().any(|shown| has(shown, prop))
                    || rop.object.as_ref().is_some_and(|object| names(object, prop))
            });
            if operation.rops.is_empty() && !outside {
                return None;
            }
        }
        Some(operation)
    }
}

fn is_user(known: &str, wanted: &str) -> bool {
    let bare = known.rsplit('\\').next().unwrap_or(known);
    let short = bare.split('@').next().unwrap_or(bare);
    [known, bare, short].iter().any(|name| name.eq_ignore_ascii_case(wanted))
}

fn is_rop(known: &Rop, wanted: &str) -> bool {
    let bare = |name: &str| name.to_ascii_lowercase().trim_start_matches("rop").to_owned();
    bare(&known.name) == bare(wanted)
}

/// Whether a property is named anywhere in a value.
fn has(shown: &Shown, prop: &str) -> bool {
    match shown {
        Shown::Fields(fields) => fields.iter().any(|(name, value)| names(name, prop) || has(value, prop)),
        Shown::List(items) => items.iter().any(|item| has(item, prop)),
        Shown::Named(number, name) => names(name, prop) || is_tag(*number, prop),
        Shown::Text(text) => names(text, prop),
        _ => false,
    }
}

/// Whether a word of `text` is the name of the property.
fn names(text: &str, prop: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).any(|word| {
        let bare = word.strip_suffix("_W").or_else(|| word.strip_suffix("_A")).unwrap_or(word);
        word.eq_ignore_ascii_case(prop) || bare.eq_ignore_ascii_case(prop)
    })
}

fn is_tag(number: u64, prop: &str) -> bool {
    let digits = prop.strip_prefix("0x").or_else(|| prop.strip_prefix("0X"));
    digits.and_then(|digits| u64::from_str_radix(digits, 16).ok()) == Some(number)
}
