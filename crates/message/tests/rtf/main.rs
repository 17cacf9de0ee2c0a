//! RTFDE, another reader of encapsulated HTML, finds the same HTML in generated RTF.

use std::path::{Path, PathBuf};
use std::process::Command;

use message::rtf::{RtfContent, RtfLimits, deencapsulate};

/// The number of generated bodies. RTFDE reads about ten in a second.
const BODIES: u64 = 40;

/// The header that clients write.
const HEADER: &str = r"{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl
{\f0\fswiss Arial;}
{\f1\fswiss\fcharset204 Arial;}
{\f2\fnil\fcharset128 MS Gothic;}}
{\colortbl\red0\green0\blue0;\red0\green0\blue255;}
\uc1\pard\plain\deftab360 \f0\fs24 ";

/// What clients write in bodies.
const PIECES: [&str; 18] = [
    "word ",
    r"{\*\htmltag84 &nbsp;}\htmlrtf \'a0\htmlrtf0 ",
    r"{\*\htmltag64 <p class=x>}\htmlrtf {\htmlrtf0 in\htmlrtf }\htmlrtf0 ",
    r"{\*\htmltag148 <b>}\htmlrtf {\b \htmlrtf0 bold{\*\htmltag156 </b>}\htmlrtf }\htmlrtf0 ",
    r"{\*\htmltag4 \par }\htmlrtf\line\htmlrtf0 ",
    r"\htmlrtf\par\htmlrtf0 ",
    r"\'e4\'f6",
    r"{\htmlrtf\f1\htmlrtf0\'cf\'f0}",
    r"{\f2\'93\'fa\'96\'7b}",
    r"\u8364?",
    r"\u-10179?\u-8704?",
    r"\uc0\u26085\uc1 ",
    r"\tab ",
    r"\{\}\\",
    r"{\*\mhtmltag64 <img src=x>}",
    r"{\*\bkmkstart BM_BEGIN}",
    r"\lquote\rquote\ldblquote\rdblquote\endash\emdash ",
    r"{\*\htmltag241 <style>a \{b:c\}</style>}",
];

/// The body for `seed`.
fn generate(seed: u64) -> String {
    let mut state = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut body = String::from(HEADER);
    for _ in 0..20 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let index = usize::try_from((state >> 33) % PIECES.len() as u64).expect("an index");
        body.push_str(PIECES[index]);
    }
    body + "}"
}

/// A Python that has RTFDE: that of the tests, or that of the machine.
fn python() -> Option<PathBuf> {
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/venv/bin/python");
    [venv, "python3".into()].into_iter().find(|python| {
        let found = Command::new(python).args(["-c", "import RTFDE"]).output();
        found.is_ok_and(|output| output.status.success())
    })
}

#[test]
fn rtfde_finds_the_same_html() {
    let Some(python) = python() else {
        println!("not compared: RTFDE is not installed (pip install RTFDE)");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut expected = Vec::new();
    for seed in 0..BODIES {
        let rtf = generate(seed);
        std::fs::write(folder.path().join(format!("{seed:03}.rtf")), &rtf).expect("it is written");
        let body = deencapsulate(rtf.as_bytes(), &RtfLimits::default()).expect("RTF");
        assert_eq!((body.content, body.replaced), (RtfContent::Html, false), "seed {seed}");
        expected.push(body.text.replace("\r\n", "\n"));
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rtf/read_rtf.py");
    let output = Command::new(python).arg(script).arg(folder.path()).output().expect("Python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Vec<String> = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found.len(), expected.len());
    for (seed, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found, expected, "seed {seed}: {}", generate(u64::try_from(seed).expect("a seed")));
    }
}
