//! Named properties that are identified by a text ([MS-OXPROPS] 2).

named! { Text:
    PS_PUBLIC_STRINGS "AppName" PtypString PidNameApplicationName;
    PS_PUBLIC_STRINGS "Author" PtypString PidNameAuthor;
    PS_PUBLIC_STRINGS "ByteCount" PtypInteger32 PidNameByteCount;
    PS_PUBLIC_STRINGS "Category" PtypString PidNameCategory;
    PS_PUBLIC_STRINGS "CharCount" PtypInteger32 PidNameCharacterCount;
    PS_PUBLIC_STRINGS "Comments" PtypString PidNameComments;
    PS_PUBLIC_STRINGS "Company" PtypString PidNameCompany;
    PS_PUBLIC_STRINGS "CreateDtmRo" PtypTime PidNameCreateDateTimeReadOnly;
    PS_PUBLIC_STRINGS "DAV:id" PtypString PidNameDavId;
    PS_PUBLIC_STRINGS "DAV:iscollection" PtypBoolean PidNameDavIsCollection;
    PS_PUBLIC_STRINGS "DAV:isstructureddocument" PtypBoolean PidNameDavIsStructuredDocument;
    PS_PUBLIC_STRINGS "DAV:parentname" PtypString PidNameDavParentName;
    PS_PUBLIC_STRINGS "DAV:uid" PtypString PidNameDavUid;
    PS_PUBLIC_STRINGS "DocParts" PtypMultipleString PidNameDocumentParts;
    PS_PUBLIC_STRINGS "DoNotForward" PtypBoolean PidNameMeetingDoNotForward;
    PS_PUBLIC_STRINGS "DRMLicense" PtypMultipleBinary PidNameRightsManagementLicense;
    PS_PUBLIC_STRINGS "EditTime" PtypString PidNameEditTime;
    PS_PUBLIC_STRINGS "HeadingPairs" PtypBinary PidNameHeadingPairs;
    PS_PUBLIC_STRINGS "HiddenCount" PtypInteger32 PidNameHiddenCount;
    PS_PUBLIC_STRINGS "http://schemas.microsoft.com/exchange/intendedbusystatus" PtypString
        PidNameExchangeIntendedBusyStatus;
    PS_PUBLIC_STRINGS "http://schemas.microsoft.com/exchange/junkemailmovestamp" PtypInteger32
        PidNameExchangeJunkEmailMoveStamp;
    PS_PUBLIC_STRINGS "http://schemas.microsoft.com/exchange/modifyexceptionstruct" PtypBinary
        PidNameExchangeModifyExceptionStructure;
    PS_PUBLIC_STRINGS "http://schemas.microsoft.com/exchange/nomodifyexceptions" PtypBoolean
        PidNameExchangeNoModifyExceptions;
    PS_PUBLIC_STRINGS "http://schemas.microsoft.com/exchange/patternend" PtypTime PidNameExchangePatternEnd;
    PS_PUBLIC_STRINGS "http://schemas.microsoft.com/exchange/patternstart" PtypTime
        PidNameExchangePatternStart;
    PS_PUBLIC_STRINGS "http://schemas.microsoft.com/exchange/reminderinterval" PtypInteger32
        PidNameExchangeReminderInterval;
    PS_PUBLIC_STRINGS "http://schemas.microsoft.com/outlook/phishingstamp" PtypInteger32 PidNamePhishingStamp;
    PS_PUBLIC_STRINGS "Keywords" PtypMultipleString PidNameKeywords;
    PS_PUBLIC_STRINGS "LastAuthor" PtypString PidNameLastAuthor;
    PS_PUBLIC_STRINGS "LastPrinted" PtypTime PidNameLastPrinted;
    PS_PUBLIC_STRINGS "LastSaveDtm" PtypTime PidNameLastSaveDateTime;
    PS_PUBLIC_STRINGS "LineCount" PtypInteger32 PidNameLineCount;
    PS_PUBLIC_STRINGS "LinksDirty" PtypBoolean PidNameLinksDirty;
    PS_PUBLIC_STRINGS "Manager" PtypString PidNameManager;
    PS_PUBLIC_STRINGS "MMClipCount" PtypInteger32 PidNameMultimediaClipCount;
    PS_PUBLIC_STRINGS "NoteCount" PtypInteger32 PidNameNoteCount;
    PS_PUBLIC_STRINGS "OMSAccountGuid" PtypString PidNameOMSAccountGuid;
    PS_PUBLIC_STRINGS "OMSMobileModel" PtypString PidNameOMSMobileModel;
    PS_PUBLIC_STRINGS "OMSScheduleTime" PtypTime PidNameOMSScheduleTime;
    PS_PUBLIC_STRINGS "OMSServiceType" PtypInteger32 PidNameOMSServiceType;
    PS_PUBLIC_STRINGS "OMSSourceType" PtypInteger32 PidNameOMSSourceType;
    PS_PUBLIC_STRINGS "PageCount" PtypInteger32 PidNamePageCount;
    PS_PUBLIC_STRINGS "ParCount" PtypInteger32 PidNameParagraphCount;
    PS_PUBLIC_STRINGS "PresFormat" PtypString PidNamePresentationFormat;
    PS_PUBLIC_STRINGS "quarantine-original-sender" PtypString PidNameQuarantineOriginalSender;
    PS_PUBLIC_STRINGS "RevNumber" PtypString PidNameRevisionNumber;
    PS_PUBLIC_STRINGS "Scale" PtypBoolean PidNameScale;
    PS_PUBLIC_STRINGS "Security" PtypInteger32 PidNameSecurity;
    PS_PUBLIC_STRINGS "SlideCount" PtypInteger32 PidNameSlideCount;
    PS_PUBLIC_STRINGS "Subject" PtypString PidNameSubject;
    PS_PUBLIC_STRINGS "Template" PtypString PidNameTemplate;
    PS_PUBLIC_STRINGS "Thumbnail" PtypBinary PidNameThumbnail;
    PS_PUBLIC_STRINGS "Title" PtypString PidNameTitle;
    PS_PUBLIC_STRINGS "urn:schemas-microsoft-com:exch-data:baseschema" PtypMultipleString
        PidNameExchDatabaseSchema;
    PS_PUBLIC_STRINGS "urn:schemas-microsoft-com:exch-data:expected-content-class" PtypMultipleString
        PidNameExchDataExpectedContentClass;
    PS_PUBLIC_STRINGS "urn:schemas-microsoft-com:exch-data:schema-collection-ref" PtypString
        PidNameExchDataSchemaCollectionReference;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:attendeerole" PtypInteger32 PidNameCalendarAttendeeRole;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:busystatus" PtypString PidNameCalendarBusystatus;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:contact" PtypString PidNameCalendarContact;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:contacturl" PtypString PidNameCalendarContactUrl;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:created" PtypTime PidNameCalendarCreated;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:descriptionurl" PtypString PidNameCalendarDescriptionUrl;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:duration" PtypInteger32 PidNameCalendarDuration;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:exdate" PtypMultipleTime PidNameCalendarExceptionDate;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:exrule" PtypMultipleString PidNameCalendarExceptionRule;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:geolatitude" PtypFloating64 PidNameCalendarGeoLatitude;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:geolongitude" PtypFloating64 PidNameCalendarGeoLongitude;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:instancetype" PtypInteger32 PidNameCalendarInstanceType;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:isorganizer" PtypBoolean PidNameCalendarIsOrganizer;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:lastmodified" PtypTime PidNameCalendarLastModified;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:locationurl" PtypString PidNameLocationUrl;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:meetingstatus" PtypString PidNameCalendarMeetingStatus;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:method" PtypString PidNameCalendarMethod;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:prodid" PtypString PidNameCalendarProductId;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:rdate" PtypMultipleTime PidNameICalendarRecurrenceDate;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:recurrenceidrange" PtypString PidNameCalendarRecurrenceIdRange;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:reminderoffset" PtypInteger32 PidNameCalendarReminderOffset;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:resources" PtypString PidNameCalendarResources;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:rrule" PtypMultipleString PidNameICalendarRecurrenceRule;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:rsvp" PtypBoolean PidNameCalendarRsvp;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:sequence" PtypInteger32 PidNameCalendarSequence;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:timezone" PtypString PidNameCalendarTimeZone;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:timezoneid" PtypInteger32 PidNameCalendarTimeZoneId;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:transparent" PtypString PidNameCalendarTransparent;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:uid" PtypString PidNameCalendarUid;
    PS_PUBLIC_STRINGS "urn:schemas:calendar:version" PtypString PidNameCalendarVersion;
    PS_PUBLIC_STRINGS "urn:schemas:httpmail:calendar" PtypString PidNameHttpmailCalendar;
    PS_PUBLIC_STRINGS "urn:schemas:httpmail:htmldescription" PtypString PidNameHttpmailHtmlDescription;
    PS_PUBLIC_STRINGS "urn:schemas:httpmail:sendmsg" PtypString PidNameHttpmailSendMessage;
    PS_PUBLIC_STRINGS "WordCount" PtypInteger32 PidNameWordCount;
    PS_INTERNET_HEADERS "Accept-Language" PtypString PidNameAcceptLanguage;
    PS_INTERNET_HEADERS "Content-Base" PtypString PidNameContentBase;
    PS_INTERNET_HEADERS "Content-Class" PtypString PidNameContentClass;
    PS_INTERNET_HEADERS "Content-Type" PtypString PidNameContentType;
    PS_INTERNET_HEADERS "From" PtypString PidNameFrom;
    PS_INTERNET_HEADERS "msip_labels" PtypString PidNameMSIPLabels;
    PS_INTERNET_HEADERS "Subject" PtypString PidNameInternetSubject;
    PS_INTERNET_HEADERS "X-AttachmentOrder" PtypString PidNameXVoiceMessageAttachmentOrder;
    PS_INTERNET_HEADERS "X-CallID" PtypString PidNameXCallId;
    PS_INTERNET_HEADERS "X-CallingTelephoneNumber" PtypString PidNameXSenderTelephoneNumber;
    PS_INTERNET_HEADERS "X-FaxNumberOfPages" PtypInteger16 PidNameXFaxNumberOfPages;
    PS_INTERNET_HEADERS "X-RequireProtectedPlayOnPhone" PtypBoolean PidNameXRequireProtectedPlayOnPhone;
    PS_INTERNET_HEADERS "X-Sharing-Browse-Url" PtypString PidNameXSharingBrowseUrl;
    PS_INTERNET_HEADERS "X-Sharing-Capabilities" PtypString PidNameXSharingCapabilities;
    PS_INTERNET_HEADERS "X-Sharing-Config-Url" PtypString PidNameXSharingConfigUrl;
    PS_INTERNET_HEADERS "X-Sharing-Exended-Caps" PtypString PidNameXSharingExendedCaps;
    PS_INTERNET_HEADERS "X-Sharing-Flavor" PtypString PidNameXSharingFlavor;
    PS_INTERNET_HEADERS "X-Sharing-Instance-Guid" PtypString PidNameXSharingInstanceGuid;
    PS_INTERNET_HEADERS "X-Sharing-Local-Type" PtypString PidNameXSharingLocalType;
    PS_INTERNET_HEADERS "X-Sharing-Provider-Guid" PtypString PidNameXSharingProviderGuid;
    PS_INTERNET_HEADERS "X-Sharing-Provider-Name" PtypString PidNameXSharingProviderName;
    PS_INTERNET_HEADERS "X-Sharing-Provider-Url" PtypString PidNameXSharingProviderUrl;
    PS_INTERNET_HEADERS "X-Sharing-Remote-Name" PtypString PidNameXSharingRemoteName;
    PS_INTERNET_HEADERS "X-Sharing-Remote-Path" PtypString PidNameXSharingRemotePath;
    PS_INTERNET_HEADERS "X-Sharing-Remote-Store-Uid" PtypString PidNameXSharingRemoteStoreUid;
    PS_INTERNET_HEADERS "X-Sharing-Remote-Type" PtypString PidNameXSharingRemoteType;
    PS_INTERNET_HEADERS "X-Sharing-Remote-Uid" PtypString PidNameXSharingRemoteUid;
    PS_INTERNET_HEADERS "X-VoiceMessageDuration" PtypInteger16 PidNameXVoiceMessageDuration;
    PS_INTERNET_HEADERS "X-VoiceMessageSenderName" PtypString PidNameXVoiceMessageSenderName;
    PS_INTERNET_HEADERS "Xref" PtypString PidNameCrossReference;
    PSETID_Address "BirthdayContactAttributionDisplayName" PtypString
        PidNameBirthdayContactAttributionDisplayName;
    PSETID_Address "BirthdayContactEntryId" PtypBinary PidNameBirthdayContactEntryId;
    PSETID_Address "BirthdayContactPersonGuid" PtypBinary PidNameBirthdayContactPersonGuid;
    PSETID_Address "IsBirthdayContactWritable" PtypBoolean PidNameIsBirthdayContactWritable;
    PSETID_XmlExtractedEntities "XmlExtractedAddresses" PtypString PidNameExtractedAddresses;
    PSETID_XmlExtractedEntities "XmlExtractedContacts" PtypString PidNameExtractedContacts;
    PSETID_XmlExtractedEntities "XmlExtractedEmails" PtypString PidNameExtractedEmails;
    PSETID_XmlExtractedEntities "XmlExtractedMeetings" PtypString PidNameExtractedMeetings;
    PSETID_XmlExtractedEntities "XmlExtractedPhones" PtypString PidNameExtractedPhones;
    PSETID_XmlExtractedEntities "XmlExtractedTasks" PtypString PidNameExtractedTasks;
    PSETID_XmlExtractedEntities "XmlExtractedUrls" PtypString PidNameExtractedUrls;
    PSETID_UnifiedMessaging "AsrData" PtypBinary PidNameAutomaticSpeechRecognitionData;
    PSETID_UnifiedMessaging "UMAudioNotes" PtypString PidNameAudioNotes;
    PSETID_Attachment "AttachmentMacContentType" PtypString PidNameAttachmentMacContentType;
    PSETID_Attachment "AttachmentMacInfo" PtypBinary PidNameAttachmentMacInfo;
    PSETID_Attachment "AttachmentOriginalPermissionType" PtypInteger32
        PidNameAttachmentOriginalPermissionType;
    PSETID_Attachment "AttachmentPermissionType" PtypInteger32 PidNameAttachmentPermissionType;
    PSETID_Attachment "AttachmentProviderType" PtypString PidNameAttachmentProviderType;
}
