//! `PidLidVerbStream`: the voting options of a message.

use wire::{Decode, Encode, Reader, Result, Writer};

use crate::inspect::{Inspect, Node, string8, string16};

/// `PidLidVerbStream`: the verbs and voting options with which a recipient can respond to a message ([MS-OXOMSG]
/// 2.2.1.74).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerbStream {
    /// The version of the format, 0x0102.
    pub version: u16,
    /// The verbs and voting options.
    pub options: Vec<VoteOption>,
    /// The version of the second part, 0x0104.
    pub version2: u16,
    /// The names of the options in Unicode.
    pub names: Vec<VoteOptionExtras>,
    /// The bytes after the names.
    pub rest: Vec<u8>,
}

/// A verb or voting option ([MS-OXOMSG] 2.2.1.74.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VoteOption {
    /// `VerbType`: 4 for a voting option.
    pub verb_type: u32,
    /// `DisplayName`, `MsgClsName`, `Internal1String` and `DisplayNameRepeat`, in the client's code page.
    pub texts: [Vec<u8>; 4],
    /// `Internal2`: ignored.
    pub internal2: u32,
    /// `Internal3`: ignored.
    pub internal3: u8,
    /// `fUseUSHeaders`, `Internal4`, `SendBehavior`, `Internal5`, `ID` and `Internal6`.
    pub numbers: [u32; 6],
}

/// The name of a verb or voting option in Unicode ([MS-OXOMSG] 2.2.1.74.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VoteOptionExtras {
    /// `DisplayName` and `DisplayNameRepeat`, in UTF-16.
    pub texts: [Vec<u8>; 2],
}

/// The minimum size of a [`VoteOption`], in bytes.
const SHORTEST: usize = 37;

impl<'a> Decode<'a> for VoteOption {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut option = Self { verb_type: r.u32("VerbType")?, ..Self::default() };
        for text in &mut option.texts {
            let length = usize::from(r.u8("Count")?);
            *text = r.bytes(length, "DisplayName")?.to_vec();
        }
        option.internal2 = r.u32("Internal2")?;
        option.internal3 = r.u8("Internal3")?;
        for number in &mut option.numbers {
            *number = r.u32("Internal")?;
        }
        Ok(option)
    }
}

impl Encode for VoteOption {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.verb_type);
        for text in &self.texts {
            w.len8(text.len(), "Count")?.bytes(text);
        }
        w.u32(self.internal2).u8(self.internal3);
        for number in self.numbers {
            w.u32(number);
        }
        Ok(())
    }
}

impl<'a> Decode<'a> for VoteOptionExtras {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let mut extras = Self::default();
        for text in &mut extras.texts {
            let length = usize::from(r.u8("DisplayNameCount")?);
            *text = r.bytes(length.saturating_mul(2), "DisplayName")?.to_vec();
        }
        Ok(extras)
    }
}

impl Encode for VoteOptionExtras {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        for text in &self.texts {
            w.len8(text.len() / 2, "DisplayNameCount")?.bytes(text);
        }
        Ok(())
    }
}

impl<'a> Decode<'a> for VerbStream {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let version = r.u16("Version")?;
        let count = r.u32("Count")?;
        let count = r.count(count, SHORTEST, 0xffff, "Count")?;
        let options = (0..count).map(|_| VoteOption::decode(r)).collect::<Result<_>>()?;
        let version2 = r.u16("Version2")?;
        let names = (0..count).map(|_| VoteOptionExtras::decode(r)).collect::<Result<_>>()?;
        Ok(Self { version, options, version2, names, rest: r.rest().to_vec() })
    }
}

impl Encode for VerbStream {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.version).len32(self.options.len(), "Count")?;
        self.options.iter().try_for_each(|option| option.encode(w))?;
        w.u16(self.version2);
        self.names.iter().try_for_each(|name| name.encode(w))?;
        w.bytes(&self.rest);
        Ok(())
    }
}

impl Inspect for VerbStream {
    fn to_node(&self) -> Node {
        let one = |(index, option): (usize, &VoteOption)| {
            let [narrow, class, ..] = &option.texts;
            let wide = self.names.get(index).map(|extras| &extras.texts[0]).filter(|wide| !wide.is_empty());
            let name = wide.map_or_else(|| string8(narrow), |wide| string16(wide));
            let [_, _, send_behavior, _, id, _] = option.numbers;
            let sends = match send_behavior {
                1 => Node::Text("at once".to_owned()),
                2 => Node::Text("after a prompt".to_owned()),
                other => Node::Number(other.into()),
            };
            Node::Fields(vec![
                ("name".into(), name),
                ("verb_type".into(), Node::Number(option.verb_type.into())),
                ("id".into(), Node::Number(id.into())),
                ("message_class".into(), string8(class)),
                ("sends".into(), sends),
            ])
        };
        Node::List(self.options.iter().enumerate().map(one).collect())
    }
}
