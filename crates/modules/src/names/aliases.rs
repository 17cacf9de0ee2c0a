/// How many servers are remembered: far more than an organization has, so that a server that makes up names fills
/// no memory.
const MOST: usize = 1000;

/// Which of our names stands for which server.
///
/// The first server gets our own name, further ones the same with a number behind it, so that two servers don't
/// mix. Names are compared without regard to the case of ASCII letters. Beyond [`MOST`] servers all get one name,
/// which hides them and stands for none.
#[derive(Debug, Clone)]
pub(super) struct Aliases {
    label: String,
    servers: Vec<String>,
    /// What our own name means as long as no server was seen.
    guess: Option<String>,
}

impl Aliases {
    /// No server was seen yet, but for `server`, if that is given.
    pub(super) fn new(label: &str, server: Option<&str>, guess: Option<&str>) -> Self {
        let servers = server.map(str::to_owned).into_iter().collect();
        Self { label: label.to_owned(), servers, guess: guess.map(str::to_owned) }
    }

    /// Our name for the server `name`.
    pub(super) fn alias(&mut self, name: &str) -> String {
        let position = self.servers.iter().position(|server| server.eq_ignore_ascii_case(name));
        let position = position.unwrap_or_else(|| {
            if self.servers.len() < MOST {
                self.servers.push(name.to_owned());
                self.servers.len() - 1
            } else {
                usize::MAX
            }
        });
        match position {
            0 => self.label.clone(),
            // Numbers begin with one, so that this one is nobody's.
            usize::MAX => format!("{}-0", self.label),
            other => format!("{}-{}", self.label, other + 1),
        }
    }

    /// The server that our name `alias` stands for, if it is one of ours.
    pub(super) fn original(&self, alias: &str) -> Option<String> {
        let (own, rest) = alias.split_at_checked(self.label.len())?;
        if !own.eq_ignore_ascii_case(&self.label) {
            return None;
        }
        let number = match rest.strip_prefix('-') {
            None if rest.is_empty() => 1,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse::<usize>().ok()?
            }
            _ => return None,
        };
        match self.servers.get(number.checked_sub(1)?) {
            Some(server) => Some(server.clone()),
            None => self.guess.clone().filter(|_| number == 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_do_not_mix() {
        let mut aliases = Aliases::new("PROXY", None, Some("EXCH"));
        assert_eq!(aliases.original("proxy"), Some("EXCH".to_owned()));
        assert_eq!(aliases.alias("EXCH1"), "PROXY");
        assert_eq!(aliases.alias("EXCH2"), "PROXY-2");
        assert_eq!(aliases.alias("exch1"), "PROXY");
        assert_eq!(aliases.original("PROXY"), Some("EXCH1".to_owned()));
        assert_eq!(aliases.original("Proxy-2"), Some("EXCH2".to_owned()));
        for unknown in ["PROXY-3", "PROXY-", "PROXY-0", "PROXYX", "OTHER", "PRO", ""] {
            assert_eq!(aliases.original(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn servers_without_end_are_hidden_and_not_remembered() {
        let mut aliases = Aliases::new("PROXY", None, None);
        for number in 0..MOST {
            aliases.alias(&format!("EXCH{number}"));
        }
        assert_eq!(aliases.alias("ONEMORE"), "PROXY-0");
        assert_eq!(aliases.alias("ANOTHER"), "PROXY-0");
        assert_eq!(aliases.servers.len(), MOST);
        assert_eq!(aliases.original("PROXY-0"), None);
        assert_eq!(aliases.alias("EXCH999"), "PROXY-1000");
        assert_eq!(aliases.original("PROXY-1000"), Some("EXCH999".to_owned()));
    }

    #[test]
    fn a_given_server_is_the_first() {
        let mut aliases = Aliases::new("PROXY", Some("MAIL"), Some("EXCH"));
        assert_eq!(aliases.original("PROXY"), Some("MAIL".to_owned()));
        assert_eq!(aliases.alias("EXCH1"), "PROXY-2");
        assert_eq!(aliases.alias("mail"), "PROXY");
    }
}
