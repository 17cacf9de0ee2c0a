//! Fingerprints of cookies: what stands for a cookie, whose value is a secret that need not be kept.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use mapi::mapihttp::cookies::Cookie;

/// Two keyed hashes of a cookie's name, or of its name and value.
pub(crate) type Fingerprint = [u64; 2];

/// Makes fingerprints. Those of two tables have nothing in common.
#[derive(Debug, Default)]
pub(crate) struct Hashers([RandomState; 2]);

impl Hashers {
    /// What stands for the cookie's name, and for name and value.
    pub(crate) fn fingerprints(&self, cookie: Cookie<'_>) -> (Fingerprint, Fingerprint) {
        let Cookie { name, value } = cookie;
        // The name is hashed once for both.
        let both = self.0.each_ref().map(|hasher| {
            let mut state = hasher.build_hasher();
            AnyCase(name).hash(&mut state);
            let name = state.finish();
            value.hash(&mut state);
            (name, state.finish())
        });
        (both.map(|(name, _)| name), both.map(|(_, pair)| pair))
    }

    /// What stands for a name.
    pub(crate) fn of_name(&self, name: &str) -> Fingerprint {
        self.0.each_ref().map(|h| h.hash_one(AnyCase(name)))
    }
}

/// A name that is the same in whatever case: some servers tell cookies apart by case, and some do not.
struct AnyCase<'a>(&'a str);

impl Hash for AnyCase<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Hashed in pieces, which are the same for the same length.
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
    fn a_cookie_is_the_same_whatever_the_case_of_its_name_and_no_other() {
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
            // Name and value one after the other are the same each time.
            assert!(all.insert(fingerprints.0) && all.insert(fingerprints.1), "{name}");
        }
    }
}
