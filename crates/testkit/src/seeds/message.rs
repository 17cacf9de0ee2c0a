//! Seeds of the oracles of messages.

/// RTF after the control word that states its content.
pub(super) fn rtf_bodies() -> Vec<Vec<u8>> {
    let bodies: [&[u8]; 3] = [
        br"\ansicpg1252\deff0{\fonttbl{\f0 Arial;}{\f1\fcharset204 Arial;}{\f2\fcharset128 X;}}{\*\htmltag64}\uc1\pard
{\*\htmltag <p>}\htmlrtf\b\htmlrtf0 a\lquote\tab {\f1\'cf}{\f2\'93\'fa}\u8364?\u-10179?\u-8704?{\*\htmltag148 &lt;}\htmlrtf <\htmlrtf0
{\*\mhtmltag x}{\*\htmltag </p>\par}}",
        br"{\info{\title t}}{\stylesheet{\s1 Heading;}}\uc2 a\par b\~\_\emdash\{\}\\{\bin3 }}}{\pict 00}\u26085\'93\'fa}",
        br"\mac\plain\f9 {\*\unknown {a}}\cell\row\'4}",
    ];
    (0..4).flat_map(|kind| bodies.map(|body| [&[kind], body].concat())).collect()
}
