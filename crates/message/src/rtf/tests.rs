//! Tests of de-encapsulation.

use proptest::prelude::*;

use super::*;

fn body(rtf: &str) -> RtfBody {
    deencapsulate(rtf.as_bytes(), &RtfLimits::default()).expect("RTF")
}

fn html(content: &str) -> String {
    let fonts = r"{\fonttbl{\f0\fswiss Arial;}{\f1\fswiss\fcharset204 Arial;}{\f2\fcharset128 MS Gothic;}}";
    let body =
        body(&format!(r"{{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{fonts}\uc1\pard\plain\f0 {content}}}"));
    assert_eq!(body.content, RtfContent::Html);
    body.text
}

/// The beginning of the example of [MS-OXRTFEX] 3.1.
#[test]
fn the_specifications_example_becomes_its_html() {
    let rtf = r#"{\rtf1\ANSI\ansicpg1251\fromhtml1 \deff0
{\fonttbl {\f0\fmodern Courier New;}{\f1\fswiss Arial;}{\f2\fswiss\fcharset0 Arial;}}
{\colortbl\red0\green0\blue0;\red0\green0\blue255;}
{\*\htmltag64}
\uc1\pard\plain\deftab360 \f0\fs24
{\*\htmltag <HTML><head>\par
<style>\par
<!--\par
 p.MsoNormal, li.MsoNormal \{font-family:Arial;\}\par
-->\par
</style>\par
\tab <!-- This is a HTML comment. -->\par
</head>\par
<body>\par
<p\par
class="MsoNormal">}
{\htmlrtf \f1 \htmlrtf0 Note the line break inside a P tag. {\*\htmltag <b>}{\htmlrtf \b \htmlrtf0 This is a bold text{\*\htmltag </b>}} \htmlrtf\par\htmlrtf0}
\htmlrtf \par \htmlrtf0
{\*\htmltag </p>\par
<p class="MsoNormal">\par}
{\htmlrtf \f1 \htmlrtf0 Character references: {\*\htmltag &nbsp;}\htmlrtf \'a0\htmlrtf0  {\*\htmltag &lt;}\htmlrtf <\htmlrtf0  {\*\htmltag &uml;}\htmlrtf {\f2\'a8}\htmlrtf0{\*\htmltag <br>\par}\htmlrtf\line\htmlrtf0
special meaning in RTF: \{\}\\{\*\htmltag <br>\par}\htmlrtf\line\htmlrtf0 }{\*\htmltag </p>}}"#;
    let lines = [
        "<HTML><head>",
        "<style>",
        "<!--",
        " p.MsoNormal, li.MsoNormal {font-family:Arial;}",
        "-->",
        "</style>",
        "\t<!-- This is a HTML comment. -->",
        "</head>",
        "<body>",
        "<p",
        r#"class="MsoNormal">Note the line break inside a P tag. <b>This is a bold text</b> </p>"#,
        r#"<p class="MsoNormal">"#,
        "Character references: &nbsp; &lt; &uml;<br>",
        r"special meaning in RTF: {}\<br>",
        "</p>",
    ];
    let found = body(rtf);
    assert_eq!((found.content, found.replaced), (RtfContent::Html, false));
    assert_eq!(found.text, lines.join("\r\n"));
}

#[test]
fn text_that_is_not_in_the_html_is_left_out() {
    assert_eq!(html(r"a\htmlrtf b\htmlrtf0 c"), "ac");
    assert_eq!(html(r"a{\htmlrtf b}c"), "ac", "the group ends the suppression");
    assert_eq!(html(r"a\htmlrtf b{\*\htmltag <i>}\htmlrtf0 c"), "ac", "tags are suppressed too");
    assert_eq!(html(r"\htmlrtf a{\htmlrtf0 b}c\htmlrtf0 d"), "bd", "the group's end restores it");
    assert_eq!(html(r"a{\*\mhtmltag b}{\*\unknown c}{\info{\title d}}{\pict e}f"), "af");
}

#[test]
fn characters_are_decoded_in_the_code_page_of_their_font() {
    assert_eq!(html(r"\'e4{\f1\'cf}{\f2\'93\'fa}\'e4"), "äП日ä");
    assert_eq!(html(r"{\f1{\*\htmltag \'e4}}"), "ä", "tags have the code page of the document");
    assert_eq!(html(r"{\htmlrtf\f1\htmlrtf0\'cf}"), "П", "the font is set by RTF that is not in the HTML");
}

#[test]
fn unicode_escapes_replace_the_characters_for_old_readers() {
    assert_eq!(html(r"\u8364?x\uc2\u26085\'93\'fay\uc0\u-10179\u-8704z"), "€x日y😀z");
    assert_eq!(html(r"{\*\htmltag a\u8364 ?b}"), "a€b");
    let lone = body(r"{\rtf1\fromtext\uc0 a\u-10179 b\u-8704 c}");
    assert_eq!((lone.text.as_str(), lone.replaced), ("a\u{fffd}b\u{fffd}c", true));
}

#[test]
fn control_words_for_characters_become_characters() {
    assert_eq!(html(r"\lquote a\rquote\~b\tab c\line"), "\u{2018}a\u{2019}\u{a0}b\tc\r\n");
    let text = body(r"{\rtf1\ansi\fromtext{\fonttbl{\f0 X;}}\lquote a\rquote\~b\tab c\par}");
    assert_eq!((text.content, text.text.as_str()), (RtfContent::Text, "\u{2018}a\u{2019}\u{a0}b\tc\r\n"));
}

#[test]
fn other_rtf_becomes_its_text() {
    let native =
        body(r"{\rtf1\ansi{\fonttbl{\f0 X;}}{\stylesheet{\s1 Heading;}}\b bold\b0  and\par{\bin3 }}}next}");
    assert_eq!((native.content, native.text.as_str()), (RtfContent::Native, "bold and\r\nnext"));
}

#[test]
fn text_after_the_document_is_ignored() {
    assert_eq!(body(r"{\rtf1\fromtext a}b{c}}").text, "a");
    assert_eq!(body(r"{\rtf1\fromtext a").text, "a", "an end that is missing is no error");
}

#[test]
fn rtf_that_exceeds_a_limit_is_refused() {
    let limits = RtfLimits { depth: 3, output: 4, fonts: 1 };
    let read = |rtf: &str| deencapsulate(rtf.as_bytes(), &limits).map(|body| body.text);
    assert_eq!(read(r"{\rtf1{{a}}}"), Ok("a".into()));
    assert_eq!(read(r"{\rtf1{{{a}}}}"), Err(RtfError::Depth(3)));
    assert_eq!(read(r"{\rtf1 abcd}"), Ok("abcd".into()));
    assert_eq!(read(r"{\rtf1 abcde}"), Err(RtfError::Output(4)));
    assert_eq!(read(r"{\rtf1\uc0\u8364\u8364}"), Err(RtfError::Output(4)));
    assert_eq!(read(r"{\rtf1{\fonttbl\f0\fcharset0\f1\fcharset0}}"), Err(RtfError::Fonts(1)));
    assert_eq!(read("<html>"), Err(RtfError::NotRtf));
}

/// RTF with HTML, of parts that each writer uses, and the HTML.
fn parts() -> impl Strategy<Value = Vec<(String, String)>> {
    let word = "[a-z ]{1,8}";
    let part = prop_oneof![
        word.prop_map(|text| (text.clone(), text)),
        word.prop_map(|text| (format!(r"{{\*\htmltag148 <{text}>\par}}"), format!("<{text}>\r\n"))),
        word.prop_map(|text| (format!(r"\htmlrtf {text}\par\htmlrtf0 "), String::new())),
        word.prop_map(|text| (format!(r"{{\htmlrtf \b \htmlrtf0 {text}}}"), text)),
        any::<char>().prop_filter("not a control character", |c| !c.is_control()).prop_map(|c| {
            let escape = |unit: &u16| format!(r"\u{}?", unit.cast_signed());
            let mut units = [0; 2];
            (c.encode_utf16(&mut units).iter().map(escape).collect(), c.to_string())
        }),
    ];
    prop::collection::vec(part, 0..20)
}

proptest! {
    #[test]
    fn encapsulated_html_is_found_again(parts in parts()) {
        let (rtf, expected): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        prop_assert_eq!(html(&rtf.concat()), expected.concat());
    }

    #[test]
    fn any_bytes_end_in_a_result_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let limits = RtfLimits { depth: 4, output: 16, fonts: 2 };
        let rtf = [br"{\rtf1\fromhtml1 ", bytes.as_slice()].concat();
        if let Ok(body) = deencapsulate(&rtf, &limits) {
            // The last bytes are decoded at the end, each to at most three.
            prop_assert!(body.text.len() <= 3 * limits.output);
        }
    }
}
