//! Macros that define ROPs from tables of fields.

/// Defines a part of a ROP from its table of fields: each has a name in Rust, a type that is a
/// [`Field`](crate::rop::Field), and its name in the specification. Where the shape of a field depends on one
/// before it, `by` names that one, and the type is a [`FieldBy`](crate::rop::FieldBy) it. A part that has no
/// name of its own but is made of fields has an empty one.
macro_rules! rop_struct {
    (@min $type:ty) => { <$type as $crate::rop::Field>::MIN_SIZE };
    (@min $type:ty, $by:ident) => { 0 };
    (@read $r:ident, $wire:literal, $type:ty) => { <$type as $crate::rop::Field>::read($r, $wire) };
    (@read $r:ident, $wire:literal, $type:ty, $by:ident) => {
        <$type as $crate::rop::FieldBy<_>>::read_by($r, $wire, &$by)
    };
    (@write $self:ident, $w:ident, $wire:literal, $field:ident) => {
        $crate::rop::Field::write(&$self.$field, $w, $wire)
    };
    (@write $self:ident, $w:ident, $wire:literal, $field:ident, $by:ident) => {
        $crate::rop::FieldBy::write_by(&$self.$field, $w, $wire, &$self.$by)
    };
    (@index $self:ident, $visit:ident, $field:ident) => {
        $crate::rop::Field::handle_index(&mut $self.$field, $visit)
    };
    (@index $self:ident, $visit:ident, $field:ident, $by:ident) => {};
    (@own $self:ident, $role:ident, $field:ident) => { $crate::rop::Field::own_index(&$self.$field, $role) };
    (@own $self:ident, $role:ident, $field:ident, $by:ident) => { None };
    ($(#[$outer:meta])* $vis:vis struct $name:ident as $rop:literal {
        $($(#[$inner:meta])* $fvis:vis $field:ident : $type:ty = $wire:literal $(by $by:ident)?),* $(,)?
    }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $($(#[$inner])* $fvis $field: $type,)*
        }

        impl $crate::rop::Field for $name {
            const MIN_SIZE: usize = 0 $(+ $crate::rop::rop_struct!(@min $type $(, $by)?))*;

            fn read(r: &mut ::wire::Reader<'_>, _field: &'static str) -> ::wire::Result<Self> {
                $(let $field = $crate::rop::rop_struct!(@read r, $wire, $type $(, $by)?)
                    .map_err(|error| error.within($rop))?;)*
                Ok(Self { $($field,)* })
            }

            fn write(&self, w: &mut ::wire::Writer, _field: &'static str) -> ::wire::Result<()> {
                $($crate::rop::rop_struct!(@write self, w, $wire, $field $(, $by)?)
                    .map_err(|error| error.within($rop))?;)*
                Ok(())
            }

            fn handle_index(&mut self, visit: &mut dyn FnMut($crate::rop::HandleRole, &mut u8)) {
                let _ = &visit;
                $($crate::rop::rop_struct!(@index self, visit, $field $(, $by)?);)*
            }

            fn own_index(&self, role: $crate::rop::HandleRole) -> Option<u8> {
                let _ = role;
                None $(.or_else(|| $crate::rop::rop_struct!(@own self, role, $field $(, $by)?)))*
            }
        }

        impl $crate::inspect::Inspect for $name {
            fn to_node(&self) -> $crate::inspect::Node {
                $crate::rop::flattened(vec![
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
        $crate::rop::rop_struct! { $(#[$outer])* $vis struct $name as $rop { $($body)* } }
        $crate::rop::plain_response!($name as $rop);
    };
}

/// Makes a [`Field`](crate::rop::Field) what follows the return value of a response that succeeded; with
/// `always`, of one that failed as well.
macro_rules! plain_response {
    (@always $name:ty) => {};
    (@always $name:ty, always) => {
        const LEFT_OUT_BELOW: Option<usize> = Some(<$name as $crate::rop::Field>::MIN_SIZE);

        fn present(_return_value: $crate::ErrorCode) -> bool {
            true
        }
    };
    ($name:ty as $rop:literal $(, $always:ident)?) => {
        impl $crate::rop::ResponseFields for $name {
            $crate::rop::plain_response!(@always $name $(, $always)?);

            fn read(
                r: &mut ::wire::Reader<'_>,
                _return_value: $crate::ErrorCode,
                _context: $crate::rop::ResponseContext<'_>,
            ) -> ::wire::Result<Self> {
                <Self as $crate::rop::Field>::read(r, $rop)
            }

            fn write(&self, w: &mut ::wire::Writer) -> ::wire::Result<()> {
                $crate::rop::Field::write(self, w, $rop)
            }
        }
    };
}

/// Defines [`RopId`](crate::rop::RopId) and the bodies of requests and responses from the table of ROPs.
macro_rules! rops {
    ($($(#[$doc:meta])* $id:literal $name:ident: $request:ty => $response:ty;)*
     special { $($(#[$sdoc:meta])* $sid:literal $sname:ident;)* }) => {
        ::wire::wire_enum! {
            /// Which ROP it is ([MS-OXCROPS] 2.2.2).
            pub struct RopId(u8) {
                $($(#[$doc])* $name = $id,)*
                $($(#[$sdoc])* $sname = $sid,)*
            }
        }

        impl RopId {
            /// All that are known, in the order of their families.
            pub const ALL: &[Self] = &[$(Self::$name,)* $(Self::$sname,)*];
        }

        /// What a request has behind its handle index.
        #[derive(Debug, Clone, PartialEq)]
        pub enum RequestBody {
            $($(#[$doc])* $name($request),)*
        }

        /// What a response has behind its return value.
        #[derive(Debug, Clone, PartialEq)]
        pub enum ResponseBody {
            $($(#[$doc])* $name($response),)*
            /// Nothing: the ROP failed.
            Failed(RopId),
        }

        impl RequestBody {
            /// Which ROP it is.
            pub const fn id(&self) -> RopId {
                match self {
                    $(Self::$name(_) => RopId::$name,)*
                }
            }

            pub(super) fn read(
                id: RopId,
                r: &mut ::wire::Reader<'_>,
                context: RequestContext,
            ) -> ::wire::Result<Self> {
                Ok(match id {
                    $(RopId::$name => {
                        Self::$name(<$request as Field>::read_request(r, stringify!($name), context)
                            .map_err(|error| error.within(stringify!($name)))?)
                    })*
                    _ => return Err(unknown(id, r)),
                })
            }

            pub(super) fn write(&self, w: &mut ::wire::Writer) -> ::wire::Result<()> {
                match self {
                    $(Self::$name(body) => Field::write(body, w, stringify!($name)),)*
                }
            }

            pub(super) fn handle_index(&mut self, visit: &mut dyn FnMut(HandleRole, &mut u8)) {
                match self {
                    $(Self::$name(body) => Field::handle_index(body, visit),)*
                }
            }

            pub(super) fn own_index(&self, role: HandleRole) -> Option<u8> {
                match self {
                    $(Self::$name(body) => Field::own_index(body, role),)*
                }
            }
        }

        impl Inspect for RequestBody {
            fn to_node(&self) -> Node {
                match self {
                    $(Self::$name(body) => Inspect::to_node(body),)*
                }
            }
        }

        impl ResponseBody {
            /// Which ROP is answered.
            pub const fn id(&self) -> RopId {
                match self {
                    $(Self::$name(_) => RopId::$name,)*
                    Self::Failed(id) => *id,
                }
            }

            pub(super) fn read(
                id: RopId,
                return_value: ErrorCode,
                r: &mut ::wire::Reader<'_>,
                context: ResponseContext<'_>,
            ) -> ::wire::Result<Self> {
                Ok(match id {
                    $(RopId::$name
                        if has_fields::<$response>(r, return_value, context) =>
                    {
                        Self::$name(<$response as ResponseFields>::read(r, return_value, context)
                            .map_err(|error| error.within(stringify!($name)))?)
                    })*
                    $(RopId::$name)|* => Self::Failed(id),
                    _ => return Err(unknown(id, r)),
                })
            }

            /// Whether a response with this return value has what this body has.
            pub(super) fn fits(&self, return_value: ErrorCode) -> bool {
                match self {
                    $(Self::$name(body) => may_have(body, return_value),)*
                    $(Self::Failed(RopId::$name) => {
                        !<$response as ResponseFields>::present(return_value)
                            || (<$response as ResponseFields>::LEFT_OUT_BELOW.is_some()
                                && return_value != ErrorCode::SUCCESS)
                    })*
                    Self::Failed(_) => false,
                }
            }

            pub(super) fn write(&self, w: &mut ::wire::Writer) -> ::wire::Result<()> {
                match self {
                    $(Self::$name(body) => {
                        ResponseFields::write(body, w).map_err(|error| error.within(stringify!($name)))
                    })*
                    Self::Failed(_) => Ok(()),
                }
            }
        }

        impl Inspect for ResponseBody {
            fn to_node(&self) -> Node {
                match self {
                    $(Self::$name(body) => Inspect::to_node(body),)*
                    Self::Failed(_) => Node::Fields(Vec::new()),
                }
            }
        }
    };
}

pub(crate) use {plain_response, rop_response, rop_struct, rops};
