//! Libraries return typed errors: `Result<_, String>` and `Result<_, &'static str>` are not used in them.

use super::finding::Finding;
use super::sources::Source;

/// Crates whose code is a program's, and the start of unit tests within a file.
const PROGRAMS: [&str; 2] = ["crates/mapiproxy/", "crates/bench/"];
const UNIT_TESTS: &str = "#[cfg(test)]\nmod ";

/// The code of libraries, without tests, that has a `Result` whose error is a text.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let finding = |source: &Source, line: usize| Finding {
        place: format!("{}:{line}", source.path),
        what: "`Result` with a text as its error".to_owned(),
        fix: "write an error type (`thiserror`)".to_owned(),
    };
    sources.iter().flat_map(|source| lines(source).into_iter().map(|line| finding(source, line))).collect()
}

/// The lines of a library's code, without its tests, that have a `Result` whose error is a text.
fn lines(source: &Source) -> Vec<usize> {
    if !is_library(&source.path) {
        return Vec::new();
    }
    let code = source.text.split(UNIT_TESTS).next().unwrap_or_default();
    let found = code.match_indices("Result<").filter(|(at, _)| {
        let is_comment = line_before(code, *at).contains("//");
        let arguments = &code[at + "Result<".len()..];
        !is_comment && error_type(arguments).is_some_and(is_text)
    });
    found.map(|(at, _)| code[..at].matches('\n').count() + 1).collect()
}

fn is_library(path: &str) -> bool {
    let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
    path.starts_with("crates/")
        && path.contains("/src/")
        && !is_test
        && !PROGRAMS.iter().any(|program| path.starts_with(program))
}

/// The text before `at` in its line.
fn line_before(text: &str, at: usize) -> &str {
    text[..at].rsplit('\n').next().unwrap_or_default()
}

/// The last of two arguments of a generic type; `arguments` begins behind its opening bracket.
fn error_type(arguments: &str) -> Option<&str> {
    let (mut depth, mut begin, mut last) = (0_usize, 0, None);
    let mut before = ' ';
    for (at, c) in arguments.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' if before == '-' => {}
            '>' if depth == 0 => {
                let rest = Some(arguments[begin..at].trim()).filter(|rest| !rest.is_empty());
                return last.and(rest.or(last));
            }
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                last = Some(arguments[begin..at].trim());
                begin = at + 1;
            }
            '{' | ';' => return None,
            _ => {}
        }
        before = c;
    }
    None
}

fn is_text(error: &str) -> bool {
    matches!(error, "String" | "&str" | "&'static str") || error.ends_with("::String")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<usize> {
        lines(&Source { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn a_text_as_the_error_of_a_library_is_found() {
        let path = "crates/net/src/a.rs";
        assert_eq!(found(path, "\nfn a() -> Result<(), String> {}\n"), [2]);
        assert_eq!(found(path, "fn a() -> Result<Vec<(u8, u8)>, &'static str> {}\n"), [1]);
        assert_eq!(found(path, "type A = Result<\n    fn() -> u8,\n    String,\n>;\n"), [1]);
        assert_eq!(found(path, "fn a() -> Result<Result<u8, String>, Error> {}\n"), [1]);
    }

    #[test]
    fn typed_errors_programs_and_tests_are_not() {
        let path = "crates/net/src/a.rs";
        for text in [
            "fn a() -> Result<String, Error> {}",
            "fn a() -> Result<(u8, String), Error> {}",
            "fn a() -> io::Result<String> {}",
            "// no Result<(), String> here",
            "#[cfg(test)]\nmod tests {\n    fn a() -> Result<(), String> {}\n}\n",
        ] {
            assert_eq!(found(path, text), [0; 0], "{text}");
        }
        let text = "fn a() -> Result<(), String> {}";
        for path in [
            "crates/mapiproxy/src/a.rs",
            "crates/net/tests/a.rs",
            "crates/net/src/a/tests.rs",
            "xtask/src/a.rs",
        ] {
            assert_eq!(found(path, text), [0; 0], "{path}");
        }
    }
}
