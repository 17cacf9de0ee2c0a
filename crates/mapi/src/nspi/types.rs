//! Types that the calls of NSPI share ([MS-OXNSPI] 2.2).

use rpc::ndr::{CharString, ConformantVarying, Counted, Ndr, NdrReader, NdrWriter, Ptr, WcharString};
use rpc::ndr_newtype;
use wire::Result;

use crate::data::{DisplayType, FlatUid, MId};
use crate::property::{BitmapOperator, FuzzyLevel, PropTag, RelationalOperator};

ndr_newtype!(FlatUid => [u8; 16], MId => u32, DisplayType => u32, PropTag => u32);
ndr_newtype!(RelationalOperator => u32, BitmapOperator => u32, FuzzyLevel => u32);

crate::inspect::field::inspect_struct! {
    /// `STAT`: a container, the current position in its table, and the locales ([MS-OXNSPI] 2.2.8).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Stat as "STAT" {
        /// The order of the rows ([MS-OXNSPI] 2.2.1.10).
        pub sort_type: u32 = "SortType",
        /// The container, by its Minimal Entry ID; zero for the global address list.
        pub container_id: MId = "ContainerID",
        /// The current row, or one of the positions of [`MId`].
        pub current_rec: MId = "CurrentRec",
        /// The offset of the position from the current row, in rows.
        pub delta: i32 = "Delta",
        /// The approximate position of the current row, in rows.
        pub num_pos: u32 = "NumPos",
        /// The approximate number of rows in the table.
        pub total_recs: u32 = "TotalRecs",
        /// The code page of 8-bit strings; 1200 is UTF-16.
        pub code_page: u32 = "CodePage",
        /// The locale of templates.
        pub template_locale: u32 = "TemplateLocale",
        /// The locale by which rows are sorted.
        pub sort_locale: u32 = "SortLocale",
    }
}

/// `PropertyTagArray_r`: a list of property tags ([MS-OXNSPI] 2.2.2.2).
pub type PropertyTagArray = TagArray<PropTag>;

/// `PropertyTagArray_r` as a list of Minimal Entry IDs.
pub type MIdArray = TagArray<MId>;

/// `StringsArray_r`: a list of 8-bit strings ([MS-OXNSPI] 2.2.7.1).
pub type StringsArray = Counted<Ptr<CharString>>;

/// `WStringsArray_r`: a list of UTF-16 strings ([MS-OXNSPI] 2.2.7.2).
pub type WStringsArray = Counted<Ptr<WcharString>>;

/// `PropertyTagArray_r`: a list of 32-bit numbers ([MS-OXNSPI] 2.2.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagArray<T> {
    /// The property tags or minimal ids.
    pub values: Vec<T>,
    /// The number of further elements for which there is room. The IDL specifies one; some senders differ.
    pub spare: u32,
}

impl<T> TagArray<T> {
    /// Creates a list of `values`.
    pub const fn new(values: Vec<T>) -> Self {
        Self { values, spare: 1 }
    }
}

impl<T> Default for TagArray<T> {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl<T> FromIterator<T> for TagArray<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::new(values.into_iter().collect())
    }
}

impl<T: Ndr> Ndr for TagArray<T> {
    const ALIGN: usize = 4;
    const MIN_SIZE: usize = 12;

    fn read_conformance(r: &mut NdrReader<'_>) -> Result<()> {
        r.read_max_count()
    }

    fn read_scalars(r: &mut NdrReader<'_>, _field: &'static str) -> Result<Self> {
        const NAME: &str = "PropertyTagArray_r";
        let count = r.u32("cValues").map_err(|error| error.within(NAME))?;
        let array =
            ConformantVarying::<T>::read_scalars(r, "aulPropTag").map_err(|error| error.within(NAME))?;
        if array.offset != 0 || u32::try_from(array.items.len()) != Ok(count) {
            let expected = "the number of transmitted elements";
            return Err(r.inner().invalid("cValues", u64::from(count), expected).within(NAME));
        }
        Ok(Self { values: array.items, spare: array.spare })
    }

    fn write_conformance(&self, w: &mut NdrWriter) -> Result<()> {
        let spare = usize::try_from(self.spare).unwrap_or(usize::MAX);
        w.count(self.values.len().saturating_add(spare), "max_count")
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        w.count(self.values.len(), "cValues")?;
        w.u32(0);
        w.count(self.values.len(), "actual_count")?;
        T::write_items(&self.values, w, field)
    }
}

crate::inspect::field::inspect_struct! {
    /// `PropertyName_r`: the name of a named property ([MS-OXNSPI] 2.2.6.1).
    #[derive(Debug, Clone, PartialEq, Default)]
    pub struct PropertyName as "PropertyName_r" {
        /// The GUID of the property set.
        pub guid: Ptr<FlatUid> = "lpguid",
        /// Reserved, zero.
        pub reserved: u32 = "ulReserved",
        /// The number of the property in the set.
        pub id: i32 = "lID",
    }
}

/// `PropertyNameSet_r`: a list of names of properties ([MS-NSPI] 2.3.5.2).
pub type PropertyNameSet = Counted<PropertyName>;
