/// Defines a part of a ROP from its table of fields: each has a name in Rust, a type that is a
/// [`Field`](crate::rop::Field), and its name in the specification.
macro_rules! rop_struct {
    ($(#[$outer:meta])* $vis:vis struct $name:ident as $rop:literal {
        $($(#[$inner:meta])* $fvis:vis $field:ident : $type:ty = $wire:literal),* $(,)?
    }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $($(#[$inner])* $fvis $field: $type,)*
        }

        impl $crate::rop::Field for $name {
            const MIN_SIZE: usize = 0 $(+ <$type as $crate::rop::Field>::MIN_SIZE)*;

            fn read(r: &mut ::wire::Reader<'_>, _field: &'static str) -> ::wire::Result<Self> {
                Ok(Self {
                    $($field: <$type as $crate::rop::Field>::read(r, $wire)
                        .map_err(|error| error.within($rop))?,)*
                })
            }

            fn write(&self, w: &mut ::wire::Writer, _field: &'static str) -> ::wire::Result<()> {
                $($crate::rop::Field::write(&self.$field, w, $wire).map_err(|error| error.within($rop))?;)*
                Ok(())
            }

            fn handle_index(&mut self, visit: &mut dyn FnMut($crate::rop::HandleRole, &mut u8)) {
                $($crate::rop::Field::handle_index(&mut self.$field, visit);)*
            }
        }

        impl $crate::show::Show for $name {
            fn show(&self) -> $crate::show::Shown {
                $crate::show::Shown::Fields(vec![
                    $(($wire.into(), $crate::show::Show::show(&self.$field)),)*
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

/// Makes a [`Field`](crate::rop::Field) what follows the return value of a response that succeeded.
macro_rules! plain_response {
    ($name:ty as $rop:literal) => {
        impl $crate::rop::ResponseFields for $name {
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

            pub(super) fn read(id: RopId, r: &mut ::wire::Reader<'_>) -> ::wire::Result<Self> {
                Ok(match id {
                    $(RopId::$name => Self::$name(<$request as Field>::read(r, stringify!($name))?),)*
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
        }

        impl Show for RequestBody {
            fn show(&self) -> Shown {
                match self {
                    $(Self::$name(body) => Show::show(body),)*
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
                    $(RopId::$name if <$response as ResponseFields>::present(return_value) => {
                        Self::$name(<$response as ResponseFields>::read(r, return_value, context)
                            .map_err(|error| error.within(stringify!($name)))?)
                    })*
                    $(RopId::$name)|* => Self::Failed(id),
                    _ => return Err(unknown(id, r)),
                })
            }

            pub(super) fn write(&self, w: &mut ::wire::Writer) -> ::wire::Result<()> {
                match self {
                    $(Self::$name(body) => ResponseFields::write(body, w),)*
                    Self::Failed(_) => Ok(()),
                }
            }
        }

        impl Show for ResponseBody {
            fn show(&self) -> Shown {
                match self {
                    $(Self::$name(body) => Show::show(body),)*
                    Self::Failed(_) => Shown::Fields(Vec::new()),
                }
            }
        }
    };
}

pub(crate) use {plain_response, rop_response, rop_struct, rops};
