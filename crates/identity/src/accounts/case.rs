//! The case folding by which names are compared, which is that of Windows.

/// A name in upper case as Windows converts it: character by character, so that the length stays the same.
pub(crate) fn fold_case(text: &str) -> String {
    text.chars()
        .map(|c| {
            let mut upper = c.to_uppercase();
            match (upper.next(), upper.next()) {
                (Some(one), None) => one,
                _ => c,
            }
        })
        .collect()
}
