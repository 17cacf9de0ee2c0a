//! Macros that define structures, parameters and unions from their IDL.

/// Defines a structure and its NDR representation from its IDL.
///
/// Each member has a name in Rust, a type, and its name in the IDL, which errors use. A conformant array may
/// only be the last member.
///
/// ```
/// rpc::ndr_struct! {
///     /// A span.
///     #[derive(Debug, Clone, PartialEq)]
///     pub struct Span as "SPAN_r" {
///         /// The start.
///         pub start: u32 = "ulStart",
///         /// The name.
///         pub name: rpc::ndr::Ptr<rpc::ndr::CharString> = "lpszName",
///     }
/// }
/// ```
#[macro_export]
macro_rules! ndr_struct {
    ($(#[$outer:meta])* $vis:vis struct $name:ident as $idl:literal {
        $($(#[$inner:meta])* $fvis:vis $field:ident : $type:ty = $fidl:literal),* $(,)?
    }) => {
        $(#[$outer])*
        $vis struct $name {
            $($(#[$inner])* $fvis $field: $type,)*
        }

        impl $crate::ndr::Ndr for $name {
            const ALIGN: usize = {
                let align = 1;
                $(let align = $crate::ndr::larger(align, <$type as $crate::ndr::Ndr>::ALIGN);)*
                align
            };
            const MIN_SIZE: usize = 0 $(+ <$type as $crate::ndr::Ndr>::MIN_SIZE)*;

            fn read_conformance(r: &mut $crate::ndr::NdrReader<'_>) -> ::wire::Result<()> {
                $(<$type as $crate::ndr::Ndr>::read_conformance(r)?;)*
                Ok(())
            }

            #[inline]
            fn read_scalars(
                r: &mut $crate::ndr::NdrReader<'_>,
                _field: &'static str,
            ) -> ::wire::Result<Self> {
                r.align(<Self as $crate::ndr::Ndr>::ALIGN, $idl)?;
                Ok(Self {
                    $($field: <$type as $crate::ndr::Ndr>::read_scalars(r, $fidl)
                        .map_err(|error| error.within($idl))?,)*
                })
            }

            #[inline]
            fn read_deferred(&mut self, r: &mut $crate::ndr::NdrReader<'_>) -> ::wire::Result<()> {
                $($crate::ndr::Ndr::read_deferred(&mut self.$field, r)
                    .map_err(|error| error.within(concat!($idl, ".", $fidl)))?;)*
                Ok(())
            }

            fn write_conformance(&self, w: &mut $crate::ndr::NdrWriter) -> ::wire::Result<()> {
                $($crate::ndr::Ndr::write_conformance(&self.$field, w)?;)*
                Ok(())
            }

            fn write_scalars(
                &self,
                w: &mut $crate::ndr::NdrWriter,
                _field: &'static str,
            ) -> ::wire::Result<()> {
                w.align(<Self as $crate::ndr::Ndr>::ALIGN);
                $($crate::ndr::Ndr::write_scalars(&self.$field, w, $fidl)
                    .map_err(|error| error.within($idl))?;)*
                Ok(())
            }

            fn write_deferred(&self, w: &mut $crate::ndr::NdrWriter) -> ::wire::Result<()> {
                $($crate::ndr::Ndr::write_deferred(&self.$field, w)
                    .map_err(|error| error.within(concat!($idl, ".", $fidl)))?;)*
                Ok(())
            }
        }
    };
}

/// Defines the parameters of an operation in one direction from its IDL: each is complete, with all its
/// targets, before the next begins. A reference pointer's target is written as the parameter itself.
///
/// ```
/// rpc::ndr_params! {
///     /// The parameters of `Ping`.
///     #[derive(Debug, Clone, PartialEq)]
///     pub struct PingRequest as "Ping" {
///         /// The number of pings.
///         pub count: u32 = "ulCount",
///         /// The target.
///         pub who: rpc::ndr::CharString = "szWho",
///     }
/// }
/// use rpc::ndr::Params;
/// let ping = PingRequest { count: 3, who: rpc::ndr::CharString::new("ab") };
/// let stub = ping.encode_stub().unwrap();
/// assert_eq!(stub, b"\x03\0\0\0\x03\0\0\0\0\0\0\0\x03\0\0\0ab\0");
/// assert_eq!(PingRequest::decode_stub(&stub, wire::Endian::Little).unwrap(), (ping, &[][..]));
/// ```
#[macro_export]
macro_rules! ndr_params {
    ($(#[$outer:meta])* $vis:vis struct $name:ident as $idl:literal {
        $($(#[$inner:meta])* $fvis:vis $field:ident : $type:ty = $fidl:literal),* $(,)?
    }) => {
        $(#[$outer])*
        $vis struct $name {
            $($(#[$inner])* $fvis $field: $type,)*
        }

        impl $crate::ndr::Params for $name {
            fn read_params(r: &mut $crate::ndr::NdrReader<'_>) -> ::wire::Result<Self> {
                Ok(Self {
                    $($field: <$type as $crate::ndr::Ndr>::read(r, $fidl)
                        .map_err(|error| error.within($idl))?,)*
                })
            }

            fn write_params(&self, w: &mut $crate::ndr::NdrWriter) -> ::wire::Result<()> {
                $($crate::ndr::Ndr::write(&self.$field, w, $fidl)
                    .map_err(|error| error.within($idl))?;)*
                Ok(())
            }
        }
    };
}

/// Implements NDR for a newtype, such as one defined by `wire_enum!`, as that of its inner type.
#[macro_export]
macro_rules! ndr_newtype {
    ($($name:ty => $repr:ty),* $(,)?) => {$(
        impl $crate::ndr::Ndr for $name {
            const ALIGN: usize = <$repr as $crate::ndr::Ndr>::ALIGN;
            const MIN_SIZE: usize = <$repr as $crate::ndr::Ndr>::MIN_SIZE;

            #[inline]
            fn read_scalars(
                r: &mut $crate::ndr::NdrReader<'_>,
                field: &'static str,
            ) -> ::wire::Result<Self> {
                <$repr as $crate::ndr::Ndr>::read_scalars(r, field).map(Self)
            }

            #[inline]
            fn write_scalars(
                &self,
                w: &mut $crate::ndr::NdrWriter,
                field: &'static str,
            ) -> ::wire::Result<()> {
                $crate::ndr::Ndr::write_scalars(&self.0, w, field)
            }

            fn read_items(
                r: &mut $crate::ndr::NdrReader<'_>,
                count: usize,
                field: &'static str,
            ) -> ::wire::Result<Vec<Self>> {
                let items = <$repr as $crate::ndr::Ndr>::read_items(r, count, field)?;
                Ok(items.into_iter().map(Self).collect())
            }
        }
    )*};
}

/// Defines a union and its NDR representation from its IDL: a 32-bit discriminant, then the arm that it
/// selects. A discriminant without an arm is an error.
///
/// ```
/// rpc::ndr_union! {
///     /// A number or a name.
///     #[derive(Debug, Clone, PartialEq)]
///     pub enum Key as "KEY_UNION" {
///         /// A number.
///         1 => Number(u32) = "ulNumber",
///         /// A name.
///         2 => Name(rpc::ndr::Ptr<rpc::ndr::CharString>) = "lpszName",
///     }
/// }
/// assert_eq!(Key::Number(5).discriminant(), 1);
/// ```
#[macro_export]
macro_rules! ndr_union {
    ($(#[$outer:meta])* $vis:vis enum $name:ident as $idl:literal {
        $($(#[$inner:meta])* $case:literal => $arm:ident($type:ty) = $fidl:literal),* $(,)?
    }) => {
        $(#[$outer])*
        $vis enum $name {
            $($(#[$inner])* $arm($type),)*
        }

        impl $name {
            /// The number that selects this arm on the wire.
            $vis const fn discriminant(&self) -> u32 {
                match self {
                    $(Self::$arm(_) => $case,)*
                }
            }
        }

        impl $crate::ndr::Ndr for $name {
            const ALIGN: usize = {
                let align = 4;
                $(let align = $crate::ndr::larger(align, <$type as $crate::ndr::Ndr>::ALIGN);)*
                align
            };
            const MIN_SIZE: usize = {
                let size = usize::MAX;
                $(let size = $crate::ndr::smaller(size, <$type as $crate::ndr::Ndr>::MIN_SIZE);)*
                size.saturating_add(4)
            };

            #[inline]
            fn read_scalars(
                r: &mut $crate::ndr::NdrReader<'_>,
                _field: &'static str,
            ) -> ::wire::Result<Self> {
                r.align(<Self as $crate::ndr::Ndr>::ALIGN, $idl)?;
                match r.u32("discriminant").map_err(|error| error.within($idl))? {
                    $($case => <$type as $crate::ndr::Ndr>::read_scalars(r, $fidl)
                        .map(Self::$arm)
                        .map_err(|error| error.within($idl)),)*
                    unknown => {
                        let expected = "the discriminant of an arm";
                        Err(r.inner().invalid("discriminant", u64::from(unknown), expected).within($idl))
                    }
                }
            }

            #[inline]
            fn read_deferred(&mut self, r: &mut $crate::ndr::NdrReader<'_>) -> ::wire::Result<()> {
                match self {
                    $(Self::$arm(value) => $crate::ndr::Ndr::read_deferred(value, r)
                        .map_err(|error| error.within(concat!($idl, ".", $fidl))),)*
                }
            }

            fn write_scalars(
                &self,
                w: &mut $crate::ndr::NdrWriter,
                _field: &'static str,
            ) -> ::wire::Result<()> {
                w.align(<Self as $crate::ndr::Ndr>::ALIGN);
                w.u32(self.discriminant());
                match self {
                    $(Self::$arm(value) => $crate::ndr::Ndr::write_scalars(value, w, $fidl)
                        .map_err(|error| error.within($idl)),)*
                }
            }

            fn write_deferred(&self, w: &mut $crate::ndr::NdrWriter) -> ::wire::Result<()> {
                match self {
                    $(Self::$arm(value) => $crate::ndr::Ndr::write_deferred(value, w)
                        .map_err(|error| error.within(concat!($idl, ".", $fidl))),)*
                }
            }
        }
    };
}
