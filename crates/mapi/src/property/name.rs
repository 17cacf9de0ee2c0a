use super::tag::{PropTag, PropType};

macro_rules! properties {
    ($($name:ident = $id:literal, $type:ident;)*) => {
        /// The properties of address book objects ([MS-OXOABK] 2.2, [MS-OXPROPS]).
        #[allow(non_upper_case_globals)]
        impl PropTag {
            $(
                #[doc = concat!("`", stringify!($name), "`, ", stringify!($id), ", a `", stringify!($type), "`.")]
                pub const $name: Self = Self::new($id, PropType::$type);
            )*
        }

        /// The name of the address book property `id`.
        pub(super) const fn of_id(id: u16) -> Option<&'static str> {
            match id {
                $($id => Some(stringify!($name)),)*
                _ => None,
            }
        }

        #[cfg(test)]
        const ALL: &[(&str, PropTag)] = &[$((stringify!($name), PropTag::$name)),*];
    };
}

properties! {
    PidTagAddressBookRoomCapacity = 0x0807, PtypInteger32;
    PidTagAddressBookRoomDescription = 0x0809, PtypString;
    PidTagInstanceKey = 0x0FF6, PtypBinary;
    PidTagMappingSignature = 0x0FF8, PtypBinary;
    PidTagRecordKey = 0x0FF9, PtypBinary;
    PidTagObjectType = 0x0FFE, PtypInteger32;
    PidTagEntryId = 0x0FFF, PtypBinary;
    PidTagRowid = 0x3000, PtypInteger32;
    PidTagDisplayName = 0x3001, PtypString;
    PidTagAddressType = 0x3002, PtypString;
    PidTagEmailAddress = 0x3003, PtypString;
    PidTagComment = 0x3004, PtypString;
    PidTagDepth = 0x3005, PtypInteger32;
    PidTagCreationTime = 0x3007, PtypTime;
    PidTagLastModificationTime = 0x3008, PtypTime;
    PidTagSearchKey = 0x300B, PtypBinary;
    PidTagContainerFlags = 0x3600, PtypInteger32;
    PidTagContentCount = 0x3602, PtypInteger32;
    PidTagContentUnreadCount = 0x3603, PtypInteger32;
    PidTagSubfolders = 0x360A, PtypBoolean;
    PidTagAnr = 0x360C, PtypString;
    PidTagContainerContents = 0x360F, PtypObject;
    PidTagContainerClass = 0x3613, PtypString;
    PidTagDisplayType = 0x3900, PtypInteger32;
    PidTagTemplateid = 0x3902, PtypBinary;
    PidTagDisplayTypeEx = 0x3905, PtypInteger32;
    PidTagSmtpAddress = 0x39FE, PtypString;
    PidTagAddressBookDisplayNamePrintable = 0x39FF, PtypString;
    PidTagAccount = 0x3A00, PtypString;
    PidTagCallbackTelephoneNumber = 0x3A02, PtypString;
    PidTagGeneration = 0x3A05, PtypString;
    PidTagGivenName = 0x3A06, PtypString;
    PidTagGovernmentIdNumber = 0x3A07, PtypString;
    PidTagBusinessTelephoneNumber = 0x3A08, PtypString;
    PidTagHomeTelephoneNumber = 0x3A09, PtypString;
    PidTagInitials = 0x3A0A, PtypString;
    PidTagKeyword = 0x3A0B, PtypString;
    PidTagLanguage = 0x3A0C, PtypString;
    PidTagLocation = 0x3A0D, PtypString;
    PidTagMessageHandlingSystemCommonName = 0x3A0F, PtypString;
    PidTagOrganizationalIdNumber = 0x3A10, PtypString;
    PidTagSurname = 0x3A11, PtypString;
    PidTagOriginalEntryId = 0x3A12, PtypBinary;
    PidTagPostalAddress = 0x3A15, PtypString;
    PidTagCompanyName = 0x3A16, PtypString;
    PidTagTitle = 0x3A17, PtypString;
    PidTagDepartmentName = 0x3A18, PtypString;
    PidTagOfficeLocation = 0x3A19, PtypString;
    PidTagPrimaryTelephoneNumber = 0x3A1A, PtypString;
    PidTagBusiness2TelephoneNumbers = 0x3A1B, PtypMultipleString;
    PidTagMobileTelephoneNumber = 0x3A1C, PtypString;
    PidTagRadioTelephoneNumber = 0x3A1D, PtypString;
    PidTagCarTelephoneNumber = 0x3A1E, PtypString;
    PidTagOtherTelephoneNumber = 0x3A1F, PtypString;
    PidTagTransmittableDisplayName = 0x3A20, PtypString;
    PidTagPagerTelephoneNumber = 0x3A21, PtypString;
    PidTagUserCertificate = 0x3A22, PtypBinary;
    PidTagPrimaryFaxNumber = 0x3A23, PtypString;
    PidTagBusinessFaxNumber = 0x3A24, PtypString;
    PidTagHomeFaxNumber = 0x3A25, PtypString;
    PidTagCountry = 0x3A26, PtypString;
    PidTagLocality = 0x3A27, PtypString;
    PidTagStateOrProvince = 0x3A28, PtypString;
    PidTagStreetAddress = 0x3A29, PtypString;
    PidTagPostalCode = 0x3A2A, PtypString;
    PidTagPostOfficeBox = 0x3A2B, PtypMultipleString;
    PidTagTelexNumber = 0x3A2C, PtypString;
    PidTagIsdnNumber = 0x3A2D, PtypString;
    PidTagAssistantTelephoneNumber = 0x3A2E, PtypString;
    PidTagHome2TelephoneNumbers = 0x3A2F, PtypMultipleString;
    PidTagAssistant = 0x3A30, PtypString;
    PidTagSendRichInfo = 0x3A40, PtypBoolean;
    PidTagUserX509Certificate = 0x3A70, PtypMultipleBinary;
    PidTagSendInternetEncoding = 0x3A71, PtypInteger32;
    PidTagInternetCodepage = 0x3FDE, PtypInteger32;
    PidTagAddressBookManageDistributionList = 0x6704, PtypObject;
    PidTagSortLocaleId = 0x6705, PtypInteger32;
    PidTagAddressBookFolderPathname = 0x8004, PtypString;
    PidTagAddressBookManagerDistinguishedName = 0x8005, PtypObject;
    PidTagAddressBookHomeMessageDatabase = 0x8006, PtypObject;
    PidTagAddressBookIsMemberOfDistributionList = 0x8008, PtypObject;
    PidTagAddressBookMember = 0x8009, PtypObject;
    PidTagAddressBookOwner = 0x800C, PtypObject;
    PidTagAddressBookReports = 0x800E, PtypObject;
    PidTagAddressBookProxyAddresses = 0x800F, PtypMultipleString;
    PidTagAddressBookTargetAddress = 0x8011, PtypString;
    PidTagAddressBookPublicDelegates = 0x8015, PtypObject;
    PidTagAddressBookOwnerBackLink = 0x8024, PtypObject;
    PidTagAddressBookExtensionAttribute1 = 0x802D, PtypString;
    PidTagAddressBookExtensionAttribute2 = 0x802E, PtypString;
    PidTagAddressBookExtensionAttribute3 = 0x802F, PtypString;
    PidTagAddressBookExtensionAttribute4 = 0x8030, PtypString;
    PidTagAddressBookExtensionAttribute5 = 0x8031, PtypString;
    PidTagAddressBookExtensionAttribute6 = 0x8032, PtypString;
    PidTagAddressBookExtensionAttribute7 = 0x8033, PtypString;
    PidTagAddressBookExtensionAttribute8 = 0x8034, PtypString;
    PidTagAddressBookExtensionAttribute9 = 0x8035, PtypString;
    PidTagAddressBookExtensionAttribute10 = 0x8036, PtypString;
    PidTagAddressBookObjectDistinguishedName = 0x803C, PtypString;
    PidTagAddressBookDeliveryContentLength = 0x806A, PtypInteger32;
    PidTagAddressBookDistributionListMemberSubmitAccepted = 0x8073, PtypObject;
    PidTagAddressBookNetworkAddress = 0x8170, PtypMultipleString;
    PidTagAddressBookExtensionAttribute11 = 0x8C57, PtypString;
    PidTagAddressBookExtensionAttribute12 = 0x8C58, PtypString;
    PidTagAddressBookExtensionAttribute13 = 0x8C59, PtypString;
    PidTagAddressBookExtensionAttribute14 = 0x8C60, PtypString;
    PidTagAddressBookExtensionAttribute15 = 0x8C61, PtypString;
    PidTagAddressBookX509Certificate = 0x8C6A, PtypMultipleBinary;
    PidTagAddressBookObjectGuid = 0x8C6D, PtypBinary;
    PidTagAddressBookPhoneticGivenName = 0x8C8E, PtypString;
    PidTagAddressBookPhoneticSurname = 0x8C8F, PtypString;
    PidTagAddressBookPhoneticDepartmentName = 0x8C90, PtypString;
    PidTagAddressBookPhoneticCompanyName = 0x8C91, PtypString;
    PidTagAddressBookPhoneticDisplayName = 0x8C92, PtypString;
    PidTagAddressBookDisplayTypeExtended = 0x8C93, PtypInteger32;
    PidTagAddressBookHierarchicalShowInDepartments = 0x8C94, PtypObject;
    PidTagAddressBookRoomContainers = 0x8C96, PtypMultipleString;
    PidTagAddressBookHierarchicalDepartmentMembers = 0x8C97, PtypObject;
    PidTagAddressBookHierarchicalRootDepartment = 0x8C98, PtypObject;
    PidTagAddressBookHierarchicalParentDepartment = 0x8C99, PtypObject;
    PidTagAddressBookHierarchicalChildDepartments = 0x8C9A, PtypObject;
    PidTagThumbnailPhoto = 0x8C9E, PtypBinary;
    PidTagAddressBookSeniorityIndex = 0x8CA0, PtypInteger32;
    PidTagAddressBookOrganizationalUnitRootDistinguishedName = 0x8CA8, PtypString;
    PidTagAddressBookSenderHintTranslations = 0x8CAC, PtypMultipleString;
    PidTagAddressBookModerationEnabled = 0x8CB5, PtypBoolean;
    PidTagSpokenName = 0x8CC2, PtypBinary;
    PidTagAddressBookAuthorizedSenders = 0x8CD8, PtypObject;
    PidTagAddressBookUnauthorizedSenders = 0x8CD9, PtypObject;
    PidTagAddressBookDistributionListMemberSubmitRejected = 0x8CDA, PtypObject;
    PidTagAddressBookDistributionListRejectMessagesFromDLMembers = 0x8CDB, PtypObject;
    PidTagAddressBookHierarchicalIsHierarchicalGroup = 0x8CDD, PtypBoolean;
    PidTagAddressBookDistributionListMemberCount = 0x8CE2, PtypInteger32;
    PidTagAddressBookDistributionListExternalMemberCount = 0x8CE3, PtypInteger32;
    PidTagAddressBookIsMaster = 0xFFFB, PtypBoolean;
    PidTagAddressBookParentEntryId = 0xFFFC, PtypBinary;
    PidTagAddressBookContainerId = 0xFFFD, PtypInteger32;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_the_numbers_of_the_specification() {
        assert_eq!(PropTag::PidTagDisplayName.0, 0x3001_001F);
        assert_eq!(PropTag::PidTagAddressBookNetworkAddress.0, 0x8170_101F);
        assert_eq!(PropTag::PidTagAddressBookProxyAddresses.0, 0x800F_101F);
        assert_eq!(PropTag::PidTagAddressBookHomeMessageDatabase.id(), 0x8006);
        assert_eq!(PropTag(0x3A00_001E).to_string(), "PidTagAccount:PtypString8");
        assert_eq!(PropTag(0x1234_001E).to_string(), "0x1234001e");
    }

    #[test]
    fn names_and_tags_agree() {
        assert!(ALL.len() >= 100);
        for (name, tag) in ALL {
            assert_eq!(tag.name(), Some(*name));
            assert_eq!(tag.with_type(PropType::PtypErrorCode).name(), Some(*name));
        }
    }
}
