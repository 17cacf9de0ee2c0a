//! The macro that declares a structure once, and gives it reading, writing, its size and inspection.

/// Declares a structure of a wire format by its table of fields: each has a name in Rust, a type that is a
/// [`Field`](crate::field::Field) of the format, and its name in the specification. Behind the structure's name stand
/// its format and what errors call it:
///
/// ```ignore
/// structure! {
///     /// What a client locks in a stream ([MS-OXCROPS] 2.2.9.10.1).
///     pub struct Region: Rop as "RopLockRegionStream" {
///         /// Whether it has a name.
///         pub has_name: Bool = "HasName",
///         /// The name.
///         pub name: Option<AsciiZ> = "Name" by has_name,
///     }
/// }
/// ```
///
/// Where the shape of a field depends on one before it, `by` names that one, and the type is a
/// [`FieldBy`](crate::field::FieldBy) it. A part that has no name of its own but is made of fields has an empty one.
macro_rules! structure {
    (@min $format:ty, $type:ty) => { <$type as $crate::field::format::Field<$format>>::MIN_SIZE };
    (@min $format:ty, $type:ty, $by:ident) => { 0 };
    (@read $format:ty, $r:ident, $wire:literal, $type:ty) => {
        <$type as $crate::field::format::Field<$format>>::read($r, $wire)
    };
    (@read $format:ty, $r:ident, $wire:literal, $type:ty, $by:ident) => {
        <$type as $crate::field::format::FieldBy<$format, _>>::read_by($r, $wire, &$by)
    };
    (@write $format:ty, $self:ident, $w:ident, $wire:literal, $field:ident) => {
        $crate::field::format::Field::<$format>::write(&$self.$field, $w, $wire)
    };
    (@write $format:ty, $self:ident, $w:ident, $wire:literal, $field:ident, $by:ident) => {
        $crate::field::format::FieldBy::<$format, _>::write_by(&$self.$field, $w, $wire, &$self.$by)
    };
    (@index $format:ty, $self:ident, $visit:ident, $field:ident) => {
        $crate::field::format::Field::<$format>::handle_index(&mut $self.$field, $visit)
    };
    (@index $format:ty, $self:ident, $visit:ident, $field:ident, $by:ident) => {};
    (@own $format:ty, $self:ident, $role:ident, $field:ident) => {
        $crate::field::format::Field::<$format>::own_index(&$self.$field, $role)
    };
    (@own $format:ty, $self:ident, $role:ident, $field:ident, $by:ident) => { None };
    ($(#[$outer:meta])* $vis:vis struct $name:ident: $format:ty as $structure:literal {
        $($(#[$inner:meta])* $fvis:vis $field:ident : $type:ty = $wire:literal $(by $by:ident)?),* $(,)?
    }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $($(#[$inner])* $fvis $field: $type,)*
        }

        impl $crate::field::format::Field<$format> for $name {
            const MIN_SIZE: usize = 0 $(+ $crate::field::structure::structure!(@min $format, $type $(, $by)?))*;

            fn read(r: &mut ::wire::Reader<'_>, _field: &'static str) -> ::wire::Result<Self> {
                $(let $field = $crate::field::structure::structure!(@read $format, r, $wire, $type $(, $by)?)
                    .map_err(|error| error.within($structure))?;)*
                Ok(Self { $($field,)* })
            }

            fn write(&self, w: &mut ::wire::Writer, _field: &'static str) -> ::wire::Result<()> {
                $($crate::field::structure::structure!(@write $format, self, w, $wire, $field $(, $by)?)
                    .map_err(|error| error.within($structure))?;)*
                Ok(())
            }

            fn handle_index(&mut self, visit: &mut dyn FnMut($crate::field::format::HandleRole, &mut u8)) {
                let _ = &visit;
                $($crate::field::structure::structure!(@index $format, self, visit, $field $(, $by)?);)*
            }

            fn own_index(&self, role: $crate::field::format::HandleRole) -> Option<u8> {
                let _ = role;
                None $(.or_else(|| $crate::field::structure::structure!(@own $format, self, role, $field $(, $by)?)))*
            }
        }

        impl $crate::inspect::Inspect for $name {
            fn to_node(&self) -> $crate::inspect::Node {
                <$format as $crate::field::format::Format>::fields(vec![
                    $(($wire.into(), $crate::field::format::InspectAs::<$format>::node_as(&self.$field)),)*
                ])
            }
        }
    };
}

pub(crate) use structure;
