//! Macros that define ROPs from tables of fields.

/// Defines a part of a ROP from its table of fields: each has a name in Rust, a type that is a
/// [`Field`](crate::rop::Field), and its name in the specification. Where the shape of a field depends on one
/// before it, `by` names that one, and the type is a [`FieldBy`](crate::rop::FieldBy) it. A part that has no
/// name of its own but is made of fields has an empty one.
macro_rules! rop_struct {
    (@min $type:ty) => { <$type as $crate::rop::field::Field>::MIN_SIZE };
    (@min $type:ty, $by:ident) => { 0 };
    (@read $r:ident, $wire:literal, $type:ty) => { <$type as $crate::rop::field::Field>::read($r, $wire) };
    (@read $r:ident, $wire:literal, $type:ty, $by:ident) => {
        <$type as $crate::rop::field::FieldBy<_>>::read_by($r, $wire, &$by)
    };
    (@write $self:ident, $w:ident, $wire:literal, $field:ident) => {
        $crate::rop::field::Field::write(&$self.$field, $w, $wire)
    };
    (@write $self:ident, $w:ident, $wire:literal, $field:ident, $by:ident) => {
        $crate::rop::field::FieldBy::write_by(&$self.$field, $w, $wire, &$self.$by)
    };
    (@index $self:ident, $visit:ident, $field:ident) => {
        $crate::rop::field::Field::handle_index(&mut $self.$field, $visit)
    };
    (@index $self:ident, $visit:ident, $field:ident, $by:ident) => {};
    (@own $self:ident, $role:ident, $field:ident) => { $crate::rop::field::Field::own_index(&$self.$field, $role) };
    (@own $self:ident, $role:ident, $field:ident, $by:ident) => { None };
    ($(#[$outer:meta])* $vis:vis struct $name:ident as $rop:literal {
        $($(#[$inner:meta])* $fvis:vis $field:ident : $type:ty = $wire:literal $(by $by:ident)?),* $(,)?
    }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $($(#[$inner])* $fvis $field: $type,)*
        }

        impl $crate::rop::field::Field for $name {
            const MIN_SIZE: usize = 0 $(+ $crate::rop::macros::rop_struct!(@min $type $(, $by)?))*;

            fn read(r: &mut ::wire::Reader<'_>, _field: &'static str) -> ::wire::Result<Self> {
                $(let $field = $crate::rop::macros::rop_struct!(@read r, $wire, $type $(, $by)?)
                    .map_err(|error| error.within($rop))?;)*
                Ok(Self { $($field,)* })
            }

            fn write(&self, w: &mut ::wire::Writer, _field: &'static str) -> ::wire::Result<()> {
                $($crate::rop::macros::rop_struct!(@write self, w, $wire, $field $(, $by)?)
                    .map_err(|error| error.within($rop))?;)*
                Ok(())
            }

            fn handle_index(&mut self, visit: &mut dyn FnMut($crate::rop::field::HandleRole, &mut u8)) {
                let _ = &visit;
                $($crate::rop::macros::rop_struct!(@index self, visit, $field $(, $by)?);)*
            }

            fn own_index(&self, role: $crate::rop::field::HandleRole) -> Option<u8> {
                let _ = role;
                None $(.or_else(|| $crate::rop::macros::rop_struct!(@own self, role, $field $(, $by)?)))*
            }
        }

        impl $crate::inspect::Inspect for $name {
            fn to_node(&self) -> $crate::inspect::Node {
                $crate::rop::inspect::flattened(vec![
                    $(($wire.into(), $crate::inspect::Inspect::to_node(&self.$field)),)*
                ])
            }
        }
    };
}

/// Defines what follows the return value of a response that succeeded, as [`rop_struct`] does, where nothing
/// but its bytes is needed to read it.
macro_rules! rop_response {
    ($(#[$outer:meta])* $vis:vis struct $name:ident as $rop:literal { $($body:tt)* }) => {
        $crate::rop::macros::rop_struct! { $(#[$outer])* $vis struct $name as $rop { $($body)* } }
        $crate::rop::response_fields::plain_response!($name as $rop);
    };
}

pub(crate) use {rop_response, rop_struct};
