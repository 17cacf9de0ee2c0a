// The attributes of Microsoft's marshaller on structures. The suites decode them by themselves over MAPI/HTTP.

namespace Microsoft.Protocols.TestTools.Messages.Marshaling
{
    using System;

    public enum StringEncoding { ASCII, Unicode, UTF8 }

    public sealed class SizeAttribute : Attribute
    {
        public SizeAttribute(string expression) { }
    }

    public enum StaticSizeMode { Elements, Bytes }

    public sealed class StaticSizeAttribute : Attribute
    {
        public StaticSizeAttribute(int size, StaticSizeMode mode = StaticSizeMode.Elements) { }
    }

    public sealed class SwitchAttribute : Attribute
    {
        public SwitchAttribute(string expression) { }
    }

    [AttributeUsage(AttributeTargets.Field, AllowMultiple = true)]
    public sealed class CaseAttribute : Attribute
    {
        public CaseAttribute(string expression) { }
    }

    public sealed class InlineAttribute : Attribute { }

    public sealed class UnionAttribute : Attribute
    {
        public UnionAttribute(string type) { }
    }

    public sealed class StringAttribute : Attribute
    {
        public StringAttribute(StringEncoding encoding) { }
    }
}
