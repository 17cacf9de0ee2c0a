//! Filters for operations.

use mapi::inspect::Node;
use mapi::property::PropTag;

use crate::analyze::{Operation, Rop};

/// The conditions that an operation must meet to be shown: all that are set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// The user, with or without the domain, in any case.
    pub user: Option<String>,
    /// A ROP, by its name with or without `Rop` before it, in any case.
    pub rop: Option<String>,
    /// A property, by its name with or without `_W` or `_A` after it, or by its tag such as `0x0037001F`, in any
    /// case.
    pub prop: Option<String>,
    /// Whether the operation, or a ROP in it, must have failed.
    pub errors: bool,
}

impl Filter {
    /// Whether the condition for the user is met.
    pub fn admits_user(&self, user: Option<&str>) -> bool {
        self.user.as_ref().is_none_or(|wanted| user.is_some_and(|known| is_user(known, wanted)))
    }

    /// Returns the operation without the ROPs that do not meet the conditions, or `None` if the operation does not
    /// meet them.
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
            let prop = Property::of(prop);
            let outside = prop.is_in(&operation.request) || prop.is_in(&operation.response);
            operation.rops.retain(|rop| {
                let parts = [&rop.request, &rop.response];
                parts.into_iter().flatten().any(|shown| prop.is_in(shown))
                    || rop.object.as_ref().is_some_and(|object| prop.is_named_in(object))
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

/// The property of a filter.
struct Property<'a> {
    /// The text of the filter.
    given: &'a str,
    /// If the text is a tag: the tag, and its text in output.
    tag: Option<(PropTag, String)>,
}

impl<'a> Property<'a> {
    fn of(given: &'a str) -> Self {
        let digits = given.strip_prefix("0x").or_else(|| given.strip_prefix("0X"));
        let tag = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).map(PropTag);
        Self { given, tag: tag.map(|tag| (tag, tag.to_string())) }
    }

    /// Whether the property is named anywhere in a value.
    fn is_in(&self, shown: &Node) -> bool {
        match shown {
            Node::Fields(fields) => {
                fields.iter().any(|(name, value)| self.is_named_in(name) || self.is_in(value))
            }
            Node::List(items) => items.iter().any(|item| self.is_in(item)),
            Node::Named(number, name) => {
                self.is_named_in(name)
                    || self.tag.as_ref().is_some_and(|(tag, _)| u64::from(tag.0) == *number)
            }
            Node::Text(text) => self.is_named_in(text),
            _ => false,
        }
    }

    /// Whether a word of `text` names the property.
    fn is_named_in(&self, text: &str) -> bool {
        names(text, self.given) || self.tag.as_ref().is_some_and(|(_, shown)| names(text, shown))
    }
}

/// Whether a word of `text` is the name of the property. The type after the name is compared only if `prop` has one.
fn names(text: &str, prop: &str) -> bool {
    let has_type = prop.contains(':');
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || (has_type && c == ':');
    text.split(|c| !is_part(c)).any(|word| {
        let bare = word.strip_suffix("_W").or_else(|| word.strip_suffix("_A")).unwrap_or(word);
        word.eq_ignore_ascii_case(prop) || bare.eq_ignore_ascii_case(prop)
    })
}
