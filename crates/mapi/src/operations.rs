//! The macro that declares the requests and responses of an RPC interface by its table of operations.

/// Declares the requests and responses of an interface by its table of operations.
macro_rules! rpc_operations {
    ($interface:expr; $($(#[$doc:meta])* $opnum:literal => $name:ident($request:ty, $response:ty);)*) => {
        /// A request: the `[in]` parameters of an operation.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Request {
            $($(#[$doc])* $name($request),)*
        }

        /// A response: the `[out]` parameters of an operation.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Response {
            $($(#[$doc])* $name($response),)*
        }

        impl $crate::inspect::Inspect for Request {
            fn to_node(&self) -> $crate::inspect::Node {
                match self {
                    $(Self::$name(request) => $crate::inspect::Inspect::to_node(request),)*
                }
            }
        }

        impl $crate::inspect::Inspect for Response {
            fn to_node(&self) -> $crate::inspect::Node {
                match self {
                    $(Self::$name(response) => $crate::inspect::Inspect::to_node(response),)*
                }
            }
        }

        impl Request {
            /// Decodes the stub of the operation `opnum`, and returns it with the bytes after its last parameter.
            ///
            /// # Errors
            /// Fails if the interface has no such operation, or the bytes are not its parameters.
            pub fn decode(opnum: u16, stub: &[u8], endian: ::wire::Endian) -> ::wire::Result<(Self, &[u8])> {
                Self::read(opnum, ::wire::Reader::with_endian(stub, endian))
            }

            /// Decodes the stub from the rest of `stub`.
            ///
            /// # Errors
            /// Fails like [`Self::decode`].
            pub fn read(opnum: u16, stub: ::wire::Reader<'_>) -> ::wire::Result<(Self, &[u8])> {
                match opnum {
                    $($opnum => <$request as ::rpc::ndr::Params>::read_stub(stub)
                        .map(|(request, rest)| (Self::$name(request), rest)),)*
                    _ => Err(unknown_opnum(opnum)),
                }
            }

            /// Encodes the stub in little-endian byte order.
            ///
            /// # Errors
            /// Fails if a value does not fit its field.
            pub fn encode(&self) -> ::wire::Result<Vec<u8>> {
                match self {
                    $(Self::$name(request) => ::rpc::ndr::Params::encode_stub(request),)*
                }
            }

            /// The operation number.
            pub const fn opnum(&self) -> u16 {
                match self {
                    $(Self::$name(_) => $opnum,)*
                }
            }

            /// The name of the operation, as in [`Interface::operation`](crate::Interface::operation).
            pub fn name(&self) -> &'static str {
                $interface.operation(self.opnum()).unwrap_or_default()
            }
        }

        impl Response {
            /// Decodes the stub of the operation `opnum`, and returns it with the bytes after its last parameter.
            ///
            /// # Errors
            /// Fails if the interface has no such operation, or the bytes are not its parameters.
            pub fn decode(opnum: u16, stub: &[u8], endian: ::wire::Endian) -> ::wire::Result<(Self, &[u8])> {
                Self::read(opnum, ::wire::Reader::with_endian(stub, endian))
            }

            /// Decodes the stub from the rest of `stub`.
            ///
            /// # Errors
            /// Fails like [`Self::decode`].
            pub fn read(opnum: u16, stub: ::wire::Reader<'_>) -> ::wire::Result<(Self, &[u8])> {
                match opnum {
                    $($opnum => <$response as ::rpc::ndr::Params>::read_stub(stub)
                        .map(|(response, rest)| (Self::$name(response), rest)),)*
                    _ => Err(unknown_opnum(opnum)),
                }
            }

            /// Encodes the stub in little-endian byte order.
            ///
            /// # Errors
            /// Fails if a value does not fit its field.
            pub fn encode(&self) -> ::wire::Result<Vec<u8>> {
                match self {
                    $(Self::$name(response) => ::rpc::ndr::Params::encode_stub(response),)*
                }
            }

            /// The operation number.
            pub const fn opnum(&self) -> u16 {
                match self {
                    $(Self::$name(_) => $opnum,)*
                }
            }

            /// The name of the operation, as in [`Interface::operation`](crate::Interface::operation).
            pub fn name(&self) -> &'static str {
                $interface.operation(self.opnum()).unwrap_or_default()
            }

            /// The return value of the operation.
            pub const fn return_value(&self) -> $crate::ErrorCode {
                match self {
                    $(Self::$name(response) => response.return_value,)*
                }
            }
        }

        fn unknown_opnum(opnum: u16) -> ::wire::Error {
            ::wire::Error::invalid("opnum", 0, u64::from(opnum), "an operation of the interface")
        }
    };
}

pub(crate) use rpc_operations;
