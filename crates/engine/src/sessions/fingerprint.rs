//! Fingerprints of cookies. The value of a cookie is a secret, so the tables keep only keyed hashes.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};

use mapi::mapihttp::cookies::Cookie;

/// A keyed hash of 128 bits, of a cookie's name, or of its name and value.
pub(crate) type Fingerprint = [u64; 2];

/// Computes fingerprints, with random keys for each table.
#[derive(Debug, Default)]
pub(crate) struct Hashers(RandomState);

impl Hashers {
    /// The fingerprint of the cookie's name, and that of name and value.
    pub(crate) fn fingerprints(&self, cookie: Cookie<'_>) -> (Fingerprint, Fingerprint) {
        let Cookie { name, value } = cookie;
        let mut state = self.0.build_hasher();
        AnyCase(name).hash(&mut state);
        // The name is hashed once for both.
        let name = finish(&state);
        value.hash(&mut state);
        (name, finish(&state))
    }

    /// The fingerprint of a cookie's name.
    pub(crate) fn of_name(&self, name: &str) -> Fingerprint {
        let mut state = self.0.build_hasher();
        AnyCase(name).hash(&mut state);
        finish(&state)
    }
}

/// The fingerprint of what was hashed: the hash of it, and the hash of it with one more byte.
fn finish(state: &DefaultHasher) -> Fingerprint {
    let mut more = state.clone();
    more.write_u8(0);
    [state.finish(), more.finish()]
}

/// A name, compared without regard to case: some servers distinguish cookies by case, and some do not.
struct AnyCase<'a>(&'a str);

impl Hash for AnyCase<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Names of the same length are hashed in the same pieces.
        for piece in self.0.as_bytes().chunks(32) {
            let mut lower = [0; 32];
            if let Some(lower) = lower.get_mut(..piece.len()) {
                lower.copy_from_slice(piece);
                lower.make_ascii_lowercase();
                state.write(lower);
            }
        }
        state.write_u8(0xFF);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_fingerprint_ignores_the_case_of_the_name_and_distinguishes_all_cookies() {
        let hashers = Hashers::default();
        let letters = "Mapi\u{e9}Context".repeat(8);
        let mut all = HashSet::new();
        for end in (0..=letters.len()).filter(|end| letters.is_char_boundary(*end)) {
            let (name, value) = letters.split_at(end);
            let fingerprints = hashers.fingerprints(Cookie { name, value });
            for other in [name.to_ascii_uppercase(), name.to_ascii_lowercase()] {
                assert_eq!(hashers.fingerprints(Cookie { name: &other, value }), fingerprints, "{name}");
                assert_eq!(hashers.of_name(&other), fingerprints.0, "{name}");
            }
            // The concatenation of name and value is the same each time.
            assert!(all.insert(fingerprints.0) && all.insert(fingerprints.1), "{name}");
        }
    }
}
