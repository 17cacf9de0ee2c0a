//! Unique, reference and full pointers (C706 14.3.10).

use wire::Result;

use super::codec::Ndr;
use super::reader::NdrReader;
use super::writer::NdrWriter;

/// A unique pointer (`[unique]`): to its own target, or to none (\[C706\] 14.3.10).
///
/// A null pointer has neither a referent id nor a value. Equality compares the values only.
#[derive(Debug, Clone, Copy, Eq)]
pub struct Ptr<T> {
    /// The id that was read, or zero to have the writer choose one.
    pub referent: u32,
    /// The target; `None` for the null pointer.
    pub value: Option<T>,
}

impl<T> Ptr<T> {
    /// The null pointer.
    pub const NULL: Self = Self { referent: 0, value: None };

    /// Creates a pointer to `value`. The writer chooses its id.
    pub const fn new(value: T) -> Self {
        Self { referent: 0, value: Some(value) }
    }

    /// Whether it is the null pointer.
    pub const fn is_null(&self) -> bool {
        self.value.is_none()
    }

    /// The target.
    pub const fn get(&self) -> Option<&T> {
        self.value.as_ref()
    }

    /// The target, to be changed.
    pub const fn get_mut(&mut self) -> Option<&mut T> {
        self.value.as_mut()
    }
}

impl<T> Default for Ptr<T> {
    fn default() -> Self {
        Self::NULL
    }
}

impl<T: PartialEq> PartialEq for Ptr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> From<Option<T>> for Ptr<T> {
    fn from(value: Option<T>) -> Self {
        Self { referent: 0, value }
    }
}

// Between its scalars and its deferred part, a pointer that is being read has an id and no value. It is returned to
// the caller only when both have been read.
impl<T: Ndr> Ndr for Ptr<T> {
    const ALIGN: usize = 4;
    const MIN_SIZE: usize = 4;

    #[inline]
    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        Ok(Self { referent: r.u32(field)?, value: None })
    }

    fn read_deferred(&mut self, r: &mut NdrReader<'_>) -> Result<()> {
        if self.referent != 0 {
            self.value = Some(r.descend("referent", |r| T::read(r, "referent"))?);
        }
        Ok(())
    }

    fn write_scalars(&self, w: &mut NdrWriter, _field: &'static str) -> Result<()> {
        let referent = match (self.referent, &self.value) {
            (_, None) => 0,
            (0, Some(_)) => w.new_referent(),
            (kept, Some(_)) => kept,
        };
        w.u32(referent);
        Ok(())
    }

    fn write_deferred(&self, w: &mut NdrWriter) -> Result<()> {
        match &self.value {
            Some(value) => w.descend("referent", |w| value.write(w, "referent")),
            None => Ok(()),
        }
    }
}

/// A reference pointer (`[ref]`) inside of a structure or an array: never null (\[C706\] 14.3.10).
///
/// A reference pointer that is a parameter is not transmitted: the target is the parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefPtr<T>(Ptr<T>);

impl<T> RefPtr<T> {
    /// Creates a pointer to `value`. The writer chooses its id.
    pub const fn new(value: T) -> Self {
        Self(Ptr::new(value))
    }

    /// The target. Always present once the pointer was read.
    pub const fn get(&self) -> Option<&T> {
        self.0.get()
    }

    /// The target, to be changed.
    pub const fn get_mut(&mut self) -> Option<&mut T> {
        self.0.get_mut()
    }
}

impl<T: Ndr> Ndr for RefPtr<T> {
    const ALIGN: usize = 4;
    const MIN_SIZE: usize = 4;

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        let pointer = Ptr::read_scalars(r, field)?;
        if pointer.referent == 0 {
            return Err(r.inner().invalid(field, 0, "a reference pointer that is not null"));
        }
        Ok(Self(pointer))
    }

    fn read_deferred(&mut self, r: &mut NdrReader<'_>) -> Result<()> {
        self.0.read_deferred(r)
    }

    fn write_scalars(&self, w: &mut NdrWriter, field: &'static str) -> Result<()> {
        self.0.write_scalars(w, field)
    }

    fn write_deferred(&self, w: &mut NdrWriter) -> Result<()> {
        self.0.write_deferred(w)
    }
}

/// A full pointer (`[ptr]`): to a target that others may point to as well (\[C706\] 14.3.10).
///
/// The first pointer with an id has the target; later ones with the same id are aliases, without a value. Equality
/// compares the values, and whether both are aliases.
#[derive(Debug, Clone, Copy, Eq)]
pub struct FullPtr<T> {
    /// The id that was read; zero for the null pointer, and to have the writer choose one.
    pub referent: u32,
    /// The target; `None` for the null pointer and for an alias.
    pub value: Option<T>,
}

impl<T> FullPtr<T> {
    /// The null pointer.
    pub const NULL: Self = Self { referent: 0, value: None };

    /// Creates a pointer to `value`. The writer chooses its id.
    pub const fn new(value: T) -> Self {
        Self { referent: 0, value: Some(value) }
    }

    /// Creates a pointer to `value` with the given id, to which aliases can refer.
    pub const fn with_referent(referent: u32, value: T) -> Self {
        Self { referent, value: Some(value) }
    }

    /// Creates an alias: a pointer to the target of the pointer with the id `referent`.
    pub const fn alias(referent: u32) -> Self {
        Self { referent, value: None }
    }

    /// Whether it is the null pointer.
    pub const fn is_null(&self) -> bool {
        self.value.is_none() && self.referent == 0
    }

    /// Whether it is an alias, whose target belongs to another pointer.
    pub const fn is_alias(&self) -> bool {
        self.value.is_none() && self.referent != 0
    }
}

impl<T> Default for FullPtr<T> {
    fn default() -> Self {
        Self::NULL
    }
}

impl<T: PartialEq> PartialEq for FullPtr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value && self.is_alias() == other.is_alias()
    }
}

impl<T: Ndr> Ndr for FullPtr<T> {
    const ALIGN: usize = 4;
    const MIN_SIZE: usize = 4;

    fn read_scalars(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self> {
        Ok(Self { referent: r.u32(field)?, value: None })
    }

    fn read_deferred(&mut self, r: &mut NdrReader<'_>) -> Result<()> {
        if self.referent != 0 && r.first_seen(self.referent) {
            self.value = Some(r.descend("referent", |r| T::read(r, "referent"))?);
        }
        Ok(())
    }

    fn write_scalars(&self, w: &mut NdrWriter, _field: &'static str) -> Result<()> {
        let referent = match (self.referent, &self.value) {
            (0, Some(_)) => {
                let mut chosen = w.new_referent();
                while w.was_written(chosen) {
                    chosen = w.new_referent();
                }
                chosen
            }
            (kept, _) => kept,
        };
        w.u32(referent);
        Ok(())
    }

    fn write_deferred(&self, w: &mut NdrWriter) -> Result<()> {
        match &self.value {
            Some(value) => {
                if self.referent != 0 && !w.first_written(self.referent) {
                    let expected = "a referent id that no earlier full pointer has";
                    return Err(w.inner().invalid("referent", u64::from(self.referent), expected));
                }
                w.descend("referent", |w| value.write(w, "referent"))
            }
            None if self.referent == 0 || w.was_written(self.referent) => Ok(()),
            None => {
                let expected = "an alias of an earlier full pointer";
                Err(w.inner().invalid("referent", u64::from(self.referent), expected))
            }
        }
    }
}
