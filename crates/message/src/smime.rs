//! Names that the conversions of S/MIME messages in both directions use.

/// The message class of signed messages whose content is readable without S/MIME ([MS-OXOSMIME] 2.1.3.1).
pub(crate) const SIGNED: &str = "IPM.Note.SMIME.MultipartSigned";
/// The message class of other signed and of encrypted messages.
pub(crate) const ENVELOPED: &str = "IPM.Note.SMIME";

/// Whether the field `name` describes the form of the body, and is written with it.
pub(crate) fn is_of_mime(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("content-") || name == "mime-version"
}
