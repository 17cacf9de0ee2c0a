//! The macro that declares a structure by its fields, and implements decoding, encoding and inspection.

/// Declares a structure of a wire format by a table of its fields. Each field has a name in Rust, a type that is a
/// [`Field`](crate::field::Field) of the format, and its name in the specification. The name of the structure is
/// followed by its format and by its name in errors:
///
/// ```ignore
/// structure! {
///     /// The region of a stream to lock ([MS-OXCROPS] 2.2.9.10.1).
///     pub struct Region: Rop as "RopLockRegionStream" {
///         /// Whether the region has a name.
///         pub has_name: Bool = "HasName",
///         /// The name of the region.
///         pub name: Option<AsciiZ> = "Name" by has_name,
///     }
/// }
/// ```
///
/// If the structure of a field depends on an earlier one, `by` names the earlier one, and the type
/// implements [`FieldBy`](crate::field::FieldBy). A field that only groups other fields has an empty name.
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
        $crate::field::format::Field::<$format>::index_with_role(&$self.$field, $role)
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

            fn index_with_role(&self, role: $crate::field::format::HandleRole) -> Option<u8> {
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
