//! The names of tests, which are sentences.

/// The name of each test with its line.
pub(super) fn of_tests(text: &str) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    let mut is_test = false;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        if line.starts_with("#[test]") || (line.starts_with("#[") && line.contains("::test")) {
            is_test = true;
        } else if let Some(name) = name(line).filter(|_| is_test) {
            names.push((number, name));
            is_test = false;
        }
    }
    names
}

/// The name of the function that begins in `line`.
fn name(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once("fn ")?;
    let is_start = before.split_whitespace().all(|word| matches!(word, "pub" | "async" | "const" | "unsafe"));
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().filter(|name| is_start && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_tests_are_found_and_no_others() {
        let text = "fn a() {}\n#[test]\n#[ignore]\nfn b_is_c() {\n    fn d() {}\n}\n#[tokio::test]\nasync fn e() {}\n";
        assert_eq!(of_tests(text), [(4, "b_is_c"), (8, "e")]);
    }
}
