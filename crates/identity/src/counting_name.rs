//! The form of a user's name by which failed attempts, and what a user uses, are counted. All names that a directory
//! may take for one account have the same form. It is used for counting only, never to look up an
//! account.
//!
//! Active Directory compares names as Windows does (`[MS-ADTS]` 6.5), without regard to case, width, kind of kana and
//! marks (`[MS-OXNSPI]` 2.2.1.6 names the flags). Two accounts whose names have one form share counters. This
//! form may equate more names than a directory does, but not fewer: a spelling with another form would have its own
//! count of attempts.

use std::iter;

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::accounts::fold_case;

/// The characters of a form that are kept.
const MAX_CHARS: usize = 64;

/// The form of `name` without its domain, which ends at the last `\` or `/`, or begins at the first `@` after that.
pub(crate) fn counting_name(name: &str) -> String {
    let user = name.rsplit(['\\', '/', '＼', '﹨', '／']).next().unwrap_or_default();
    let user = user.split(['@', '＠', '﹫']).next().unwrap_or_default();
    form(user, MAX_CHARS)
}

/// The form of the whole `text`, a name or a domain.
pub(crate) fn counting_form(text: &str) -> String {
    form(text, usize::MAX)
}

/// The first `most` characters of the form of `text`.
fn form(text: &str, most: usize) -> String {
    // First folded as accounts are compared, since that turns a mark (U+0345) into a letter, which would be removed
    // below otherwise.
    let folded = fold_case(text);
    let folded = folded
        .nfkd()
        .filter(|c| !is_ignored(*c))
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .flat_map(base_letters);
    let form: String = folded.take(most).collect();
    form.trim_end_matches('.').to_owned()
}

/// Whether comparisons ignore `c`: blanks, controls, marks, and characters that are not displayed (the property
/// `Default_Ignorable_Code_Point` of Unicode).
fn is_ignored(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || is_combining_mark(c)
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// The letters with which Windows equates the small letter `c` if marks are ignored, where Unicode does not decompose
/// it: strokes are marks, ligatures are two letters, and katakana are hiragana.
fn base_letters(c: char) -> impl Iterator<Item = char> {
    let pair = match c {
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'ß' => ('s', Some('s')),
        'þ' => ('t', Some('h')),
        'ø' | 'ɵ' => ('o', None),
        'đ' | 'ð' | 'ɖ' => ('d', None),
        'ħ' => ('h', None),
        'ı' | 'ɨ' => ('i', None),
        'ł' | 'ƚ' => ('l', None),
        'ŧ' => ('t', None),
        'ƀ' => ('b', None),
        'ǥ' => ('g', None),
        'ƶ' => ('z', None),
        '\u{30a1}'..='\u{30f6}' => (char::from_u32(u32::from(c) - 0x60).unwrap_or(c), None),
        c => (c, None),
    };
    iter::once(pair.0).chain(pair.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_active_directory_equates_have_one_form() {
        for (form, spellings) in [
            (
                "alice",
                &[
                    "alice",
                    "ALICE",
                    "ａｌｉｃｅ",
                    "ＡＬＩＣＥ＠lab.test",
                    "LAB＼alice",
                    "LAB\\alice@other",
                    "lab.test/alice",
                    "álìĉë",
                    "a\u{301}l\u{20dd}ice",
                    "al\u{ad}i\u{200b}ce\u{feff}",
                    "\u{202e}ali\u{e0041}ce\u{180b}",
                    " alice ",
                    "al ice",
                    "\u{a0}alice.\u{3000}",
                    "alice..",
                    "alice. .",
                    "alice\0",
                    "alıce",
                    "alİce",
                    "Ⓐⓛ𝒾ⅽe",
                ][..],
            ),
            // From bug 14847 of Samba, with a Windows DC.
            ("bjorn", &["björn", "bjǫrṅ", "bjo\u{308}Ⓡn̨̈", "bjørn"]),
            ("つ", &["ツ", "つ", "㋡", "ﾂ"]),
            ("かき", &["ガキ", "がき", "ｶﾞｷ"]),
            ("strasse", &["straße", "STRASSE", "STRAẞE", "ﬆrasse", "ſtraſſe"]),
            ("дмитрии", &["ДМИТРИЙ", "дмитрий"]),
            ("σοφοσ", &["ΣΟΦΟΣ", "σοφος", "Σόφος"]),
            ("lukasz", &["Łukasz", "ŁUKASZ"]),
        ] {
            for spelling in spellings {
                assert_eq!(counting_name(spelling), form, "{spelling:?}");
            }
        }
    }

    #[test]
    fn names_that_local_accounts_equate_have_one_form() {
        for c in '\0'..=char::MAX {
            let name = format!("a{c}b");
            if fold_case(&name) == name {
                continue;
            }
            assert_eq!(counting_name(&name), counting_name(&fold_case(&name)), "{c:?}");
        }
    }

    #[test]
    fn names_of_different_accounts_have_different_forms() {
        for (one, other) in
            [("alice", "alicf"), ("björn", "bjoern"), ("a.lice", "alice"), (".alice", "alice")]
        {
            assert_ne!(counting_name(one), counting_name(other));
        }
    }

    #[test]
    fn a_form_has_a_limited_length_and_is_its_own_form() {
        let long = format!("LAB\\{}", "\u{fdfa}".repeat(10_000));
        assert!(counting_name(&long).chars().count() <= MAX_CHARS);
        for name in ["Ⓐlice. ", "ガキ", "straße", "\u{1f80}", "\u{130}"] {
            assert_eq!(counting_name(&counting_name(name)), counting_name(name));
        }
    }
}
