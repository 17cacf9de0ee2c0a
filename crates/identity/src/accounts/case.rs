//! How names are compared: as Windows compares them.

/// Upper case as Windows makes it of names: character by character, so that a name keeps its length.
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
