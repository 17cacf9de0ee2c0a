//! The errors of a configuration, each with its position.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::excerpt::Excerpt;
use super::places::{Places, is_within};
use crate::files::FileError;

/// An error in a configuration, with its position.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] FileError),
    /// The text is not TOML.
    #[error("{}, line {line}: {why}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from one.
        line: usize,
        /// What is wrong.
        why: String,
        /// The line.
        excerpt: Option<Box<Excerpt>>,
    },
    /// A key that does not exist.
    #[error("{}, line {line}: unknown {what}; {hint}", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The line, from one.
        line: usize,
        /// The key or keys, with their table.
        what: String,
        /// The known keys that are probably meant, with their table.
        meant: Vec<String>,
        /// Whether it is a table that may be a known one under another name.
        may_hold_others: bool,
        /// The keys that are probably meant, or all that are known.
        hint: String,
        /// The line, with the key marked.
        excerpt: Option<Box<Excerpt>>,
    },
    /// An invalid value.
    #[error("{}{}: {key}: {why}", path.display(), Line(*line))]
    Value {
        /// The file.
        path: PathBuf,
        /// The line, from one; `None` for a key that is not set.
        line: Option<usize>,
        /// The key, with its table.
        key: String,
        /// Why it is invalid, and what to do.
        why: String,
        /// The line, with the value marked.
        excerpt: Option<Box<Excerpt>>,
    },
}

impl ConfigError {
    const fn line(&self) -> usize {
        match self {
            Self::Read(_) => 0,
            Self::Syntax { line, .. } | Self::Unknown { line, .. } | Self::Value { line: Some(line), .. } => {
                *line
            }
            Self::Value { .. } => usize::MAX,
        }
    }

    /// The line of the file, if it is known.
    fn excerpt(&self) -> Option<&Excerpt> {
        match self {
            Self::Read(_) => None,
            Self::Syntax { excerpt, .. } | Self::Unknown { excerpt, .. } | Self::Value { excerpt, .. } => {
                excerpt.as_deref()
            }
        }
    }

    /// Whether the problem is about `wanted`.
    fn concerns(&self, wanted: &str) -> bool {
        match self {
            Self::Read(_) | Self::Syntax { .. } => false,
            Self::Value { key, .. } => key == wanted,
            // Neither a misspelt key is missing, nor a key in a table with a misspelt name.
            Self::Unknown { meant, .. } => meant.iter().any(|meant| is_within(wanted, meant)),
        }
    }
}

struct Line(Option<usize>);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |line| write!(f, ", line {line}"))
    }
}

/// The errors of a configuration, in the order of the file.
#[derive(Debug)]
pub(crate) struct Problems(Vec<ConfigError>);

impl Problems {
    /// Sorts `problems`.
    ///
    /// # Errors
    /// If there is a problem.
    pub(crate) fn none(mut problems: Vec<ConfigError>) -> Result<(), Self> {
        problems.sort_by_key(ConfigError::line);
        if problems.is_empty() { Ok(()) } else { Err(Self(problems)) }
    }
}

impl fmt::Display for Problems {
    /// A line for each problem; with `#`, also the line of the file that it is about.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_long = f.alternate();
        let each = self.0.iter().map(|problem| {
            let text = net::ErrorChain(problem).to_string();
            match problem.excerpt().filter(|_| is_long) {
                Some(excerpt) => format!("{text}\n{excerpt}"),
                None => text,
            }
        });
        f.write_str(&each.collect::<Vec<_>>().join("\nmapiproxy: "))
    }
}

impl std::error::Error for Problems {}

impl From<ConfigError> for Problems {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

/// Collects the errors of one file.
#[derive(Debug)]
pub(crate) struct Found<'a> {
    path: &'a Path,
    places: &'a Places,
    pub(crate) problems: Vec<ConfigError>,
}

impl<'a> Found<'a> {
    /// No errors yet, for the file `path`.
    pub(crate) const fn new(path: &'a Path, places: &'a Places) -> Self {
        Self { path, places, problems: Vec::new() }
    }

    /// The file.
    pub(super) const fn path(&self) -> &'a Path {
        self.path
    }

    /// `file`, which is relative to the configuration's directory, as an absolute path.
    pub(super) fn resolve(&self, file: &Path) -> PathBuf {
        let base = self.path.parent().unwrap_or(Path::new(""));
        std::path::absolute(base.join(file)).unwrap_or_else(|_| file.to_owned())
    }

    /// The value of `key` is invalid, `why`. Only the first error of a key is reported.
    pub(crate) fn wrong(&mut self, key: &str, why: impl Into<String>) {
        if !self.is_wrong(key) {
            self.also_wrong(key, why);
        }
    }

    /// The value of `key` is invalid, `why`. Reported beside other errors of the key, on which it does not depend.
    pub(crate) fn also_wrong(&mut self, key: &str, why: impl Into<String>) {
        let (path, line) = (self.path.to_owned(), self.places.line(key));
        let is_unreadable = |problem: &ConfigError| matches!(problem, ConfigError::Syntax { line: l, .. } if Some(*l) == line);
        if self.problems.iter().any(is_unreadable) {
            return;
        }
        let excerpt = self.places.value(key).map(Box::new);
        self.problems.push(ConfigError::Value { path, line, key: key.to_owned(), why: why.into(), excerpt });
    }

    /// The value of `key` is missing, `why`. Not reported if it may be in a table that is unknown.
    pub(crate) fn missing(&mut self, key: &str, why: impl Into<String>) {
        let may_be_there =
            |problem: &ConfigError| matches!(problem, ConfigError::Unknown { may_hold_others: true, .. });
        if !self.problems.iter().any(may_be_there) {
            self.wrong(key, why);
        }
    }

    /// The line `line` cannot be parsed at `span`, `why`. Only the first error of a line is reported.
    pub(super) fn unreadable(&mut self, line: usize, span: Option<Range<usize>>, why: String) {
        if self.unreadable_lines().all(|other| other != line) {
            let excerpt = span.map(|span| Box::new(self.places.excerpt(line, span)));
            self.problems.push(ConfigError::Syntax { path: self.path.to_owned(), line, why, excerpt });
        }
    }

    /// The lines that cannot be parsed.
    pub(super) fn unreadable_lines(&self) -> impl Iterator<Item = usize> {
        self.problems.iter().filter_map(|problem| match problem {
            ConfigError::Syntax { line, .. } => Some(*line),
            _ => None,
        })
    }

    /// The line has unknown keys, `what`, the first of which is `key`; `meant` are probably meant.
    pub(super) fn unknown(
        &mut self,
        (line, key): (usize, &str),
        what: String,
        meant: Vec<String>,
        may_hold_others: bool,
        hint: &str,
    ) {
        let (path, hint, excerpt) =
            (self.path.to_owned(), hint.to_owned(), self.places.name(key).map(Box::new));
        self.problems.push(ConfigError::Unknown { path, line, what, meant, may_hold_others, hint, excerpt });
    }

    /// Whether the file has `key`.
    pub(crate) fn is_given(&self, key: &str) -> bool {
        self.places.has(key)
    }

    /// Whether the table `table`, or a key in it, has an error.
    pub(crate) fn is_wrong_in(&self, table: &str) -> bool {
        self.problems.iter().any(|problem| match problem {
            ConfigError::Value { key, .. } => is_within(key, table),
            ConfigError::Unknown { meant, .. } => meant.iter().any(|meant| is_within(meant, table)),
            ConfigError::Read(_) | ConfigError::Syntax { .. } => false,
        })
    }

    /// Whether `key` has an error already.
    pub(crate) fn is_wrong(&self, key: &str) -> bool {
        self.problems.iter().any(|problem| problem.concerns(key))
    }
}
