//! Macros that declare constants and a lookup table from a list of names.

macro_rules! properties {
    ($($id:literal $type:ident $name:ident;)*) => {
        #[allow(non_upper_case_globals)]
        impl $crate::property::PropTag {
            $(
                #[doc = concat!("`", stringify!($name), "`, ", stringify!($id), ", a `", stringify!($type), "`.")]
                pub const $name: Self = Self::new($id, $crate::property::PropType::$type);
            )*
        }

        pub(super) static TABLE: &[super::known::Known] = &[
            $(super::known::Known { name: stringify!($name), tag: $crate::property::PropTag::$name },)*
        ];
    };
}

macro_rules! named {
    ($kind:ident: $($set:ident $key:literal $type:ident $name:ident;)*) => {
        #[allow(non_upper_case_globals)]
        impl super::named::NamedProperty {
            $(
                #[doc = concat!("`", stringify!($name), "`, `", stringify!($key), "` in `", stringify!($set), "`.")]
                pub const $name: Self = Self {
                    set: super::set::$set,
                    key: super::named::NameKey::$kind($key),
                    name: stringify!($name),
                    prop_type: $crate::property::PropType::$type,
                };
            )*
        }

        pub(super) static TABLE: &[super::named::NamedProperty] = &[$(super::named::NamedProperty::$name,)*];
    };
}
