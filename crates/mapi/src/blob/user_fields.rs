//! User-defined fields of messages and folders, in the form that Microsoft's "Outlook MAPI reference" documents.

use wire::{Decode, Encode, Guid, Reader, Result, Writer};

use super::packed::{PackedText8, PackedText16, block, wide};
use crate::inspect::{Inspect, Node, string8, string16};

/// `PidLidPropertyDefinitionStream`: the user-defined fields of a message ("`PropertyDefinition` stream structure").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PropertyDefinitions {
    /// The version of the format, 0x0102 or 0x0103.
    pub version: u16,
    /// The definitions of the user-defined fields.
    pub fields: Vec<FieldDefinition>,
    /// The bytes after the fields.
    pub rest: Vec<u8>,
}

/// A user-defined field of a message ("`FieldDefinition` stream structure").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldDefinition {
    /// `Flags`: whether the field is user-defined, and how it is printed.
    pub flags: u32,
    /// `VT`: the OLE Automation type of the field.
    pub value_type: u16,
    /// `DispId`: the number of a built-in field; zero for others.
    pub disp_id: u32,
    /// `NmidName`: the name of the field, in UTF-16.
    pub name: Vec<u8>,
    /// `NameANSI`, `FormulaANSI`, `ValidationRuleANSI`, `ValidationTextANSI` and `ErrorANSI`, in the client's code
    /// page.
    pub texts: [PackedText8; 5],
    /// The fields that exist from version 0x0103 on.
    pub newer: Option<NewerDefinition>,
}

/// The part of a [`FieldDefinition`] that version 0x0103 added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewerDefinition {
    /// `InternalType`: the type of the field in Outlook.
    pub internal_type: u32,
    /// The skip blocks before the empty one that ends them. The first contains the field's name in Unicode.
    pub blocks: Vec<Vec<u8>>,
}

/// The first version with a [`NewerDefinition`] (`PropDefV2`).
const NEWER: u16 = 0x0103;

impl<'a> Decode<'a> for NewerDefinition {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let internal_type = r.u32("InternalType")?;
        let mut blocks = Vec::new();
        loop {
            let block = block(r, "SkipBlock")?;
            if block.is_empty() {
                return Ok(Self { internal_type, blocks });
            }
            blocks.push(block);
        }
    }
}

impl Encode for NewerDefinition {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.internal_type);
        for block in &self.blocks {
            if block.is_empty() {
                return Err(w.invalid("Size", 0, "a block that is not empty"));
            }
            w.len32(block.len(), "Size")?.bytes(block);
        }
        w.u32(0);
        Ok(())
    }
}

impl FieldDefinition {
    fn read(r: &mut Reader<'_>, version: u16) -> Result<Self> {
        let (flags, value_type, disp_id) = (r.u32("Flags")?, r.u16("VT")?, r.u32("DispId")?);
        let mut field = Self { flags, value_type, disp_id, name: wide(r, "NmidName")?, ..Self::default() };
        for text in &mut field.texts {
            *text = PackedText8::decode(r)?;
        }
        field.newer = (version >= NEWER).then(|| NewerDefinition::decode(r)).transpose()?;
        Ok(field)
    }
}

impl Encode for FieldDefinition {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u32(self.flags).u16(self.value_type).u32(self.disp_id);
        w.len16(self.name.len() / 2, "NmidNameLength")?.bytes(&self.name);
        self.texts.iter().try_for_each(|text| text.encode(w))?;
        self.newer.iter().try_for_each(|newer| newer.encode(w))
    }
}

impl<'a> Decode<'a> for PropertyDefinitions {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let version = r.u16("Version")?;
        let count = r.u32("FieldDefinitionCount")?;
        let count = r.count(count, 17, u32::MAX, "FieldDefinitionCount")?;
        let fields = (0..count).map(|_| FieldDefinition::read(r, version)).collect::<Result<_>>()?;
        Ok(Self { version, fields, rest: r.rest().to_vec() })
    }
}

impl Encode for PropertyDefinitions {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        w.u16(self.version).len32(self.fields.len(), "FieldDefinitionCount")?;
        self.fields.iter().try_for_each(|field| field.encode(w))?;
        w.bytes(&self.rest);
        Ok(())
    }
}

impl Inspect for FieldDefinition {
    fn to_node(&self) -> Node {
        let [narrow_name, formula, rule, rule_text, error] = &self.texts;
        let wide_name = self.newer.as_ref().and_then(|newer| newer.blocks.first());
        let wide_name = wide_name.and_then(|block| PackedText16::from_bytes(block).ok());
        let name = match (wide_name, &self.name[..]) {
            (Some(text), _) if !text.bytes.is_empty() => string16(&text.bytes),
            (_, []) => string8(&narrow_name.bytes),
            (_, name) => string16(name),
        };
        let mut fields = vec![
            ("name".into(), name),
            ("flags".into(), self.flags.to_node()),
            ("vt".into(), self.value_type.to_node()),
            ("disp_id".into(), self.disp_id.to_node()),
        ];
        let texts = [
            ("formula", formula),
            ("validation_rule", rule),
            ("validation_text", rule_text),
            ("error", error),
        ];
        let present = texts.into_iter().filter(|(_, text)| !text.bytes.is_empty());
        fields.extend(present.map(|(name, text)| (name.into(), string8(&text.bytes))));
        Node::Fields(fields)
    }
}

impl Inspect for PropertyDefinitions {
    fn to_node(&self) -> Node {
        self.fields.to_node()
    }
}

/// `PidTagUserFields`: the user-defined fields of a folder ("Folder fields stream structures").
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderUserFields {
    /// The fields, with names in the client's code page.
    pub narrow: Vec<FolderField>,
    /// The fields, with names in UTF-16. If present, they replace those of `narrow`.
    pub wide: Option<Vec<FolderField>>,
    /// The bytes after the fields.
    pub rest: Vec<u8>,
}

/// A user-defined field of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FolderField {
    /// `FieldType`: the type of the field in Outlook.
    pub field_type: u32,
    /// `FieldName`: the name of the field.
    pub name: Vec<u8>,
    /// `PropSetGuid`: the property set of the field.
    pub set: Guid,
    /// `fcapm`, `dwString`, `dwBitmap`, `dwDisplay` and `iFmt`.
    pub numbers: [u32; 5],
    /// `wszFormula`, in UTF-16.
    pub formula: Vec<u8>,
}

impl FolderField {
    fn read(r: &mut Reader<'_>, width: usize) -> Result<Self> {
        let field_type = r.u32("FieldType")?;
        let length = usize::from(r.u16("FieldNameLength")?);
        let name = r.bytes(length.saturating_mul(width), "FieldName")?.to_vec();
        let mut field = Self { field_type, name, set: Guid::decode(r)?, ..Self::default() };
        for (number, name) in
            field.numbers.iter_mut().zip(["fcapm", "dwString", "dwBitmap", "dwDisplay", "iFmt"])
        {
            *number = r.u32(name)?;
        }
        field.formula = wide(r, "wszFormula")?;
        Ok(field)
    }

    fn read_all(r: &mut Reader<'_>, width: usize) -> Result<Vec<Self>> {
        let count = r.u32("FieldDefinitionCount")?;
        let count = r.count(count, 44, u32::MAX, "FieldDefinitionCount")?;
        (0..count).map(|_| Self::read(r, width)).collect()
    }

    fn write_all(fields: &[Self], w: &mut Writer, width: usize) -> Result<()> {
        w.len32(fields.len(), "FieldDefinitionCount")?;
        for field in fields {
            let length = field.name.len().checked_div(width).unwrap_or_default();
            w.u32(field.field_type).len16(length, "FieldNameLength")?.bytes(&field.name);
            field.set.encode(w)?;
            for number in field.numbers {
                w.u32(number);
            }
            w.len16(field.formula.len() / 2, "wszFormulaLength")?.bytes(&field.formula);
        }
        Ok(())
    }

    fn node_with(&self, name: Node) -> Node {
        let mut fields = vec![
            ("name".into(), name),
            ("type".into(), self.field_type.to_node()),
            ("set".into(), self.set.to_node()),
        ];
        if !self.formula.is_empty() {
            fields.push(("formula".into(), string16(&self.formula)));
        }
        Node::Fields(fields)
    }
}

impl<'a> Decode<'a> for FolderUserFields {
    fn decode(r: &mut Reader<'a>) -> Result<Self> {
        let narrow = FolderField::read_all(r, 1)?;
        let wide = (!r.is_empty()).then(|| FolderField::read_all(r, 2)).transpose()?;
        Ok(Self { narrow, wide, rest: r.rest().to_vec() })
    }
}

impl Encode for FolderUserFields {
    fn encode(&self, w: &mut Writer) -> Result<()> {
        FolderField::write_all(&self.narrow, w, 1)?;
        self.wide.iter().try_for_each(|fields| FolderField::write_all(fields, w, 2))?;
        w.bytes(&self.rest);
        Ok(())
    }
}

impl Inspect for FolderUserFields {
    fn to_node(&self) -> Node {
        let narrow = || self.narrow.iter().map(|field| field.node_with(string8(&field.name))).collect();
        let wide = |fields: &Vec<FolderField>| {
            fields.iter().map(|field| field.node_with(string16(&field.name))).collect()
        };
        Node::List(self.wide.as_ref().map_or_else(narrow, wide))
    }
}
