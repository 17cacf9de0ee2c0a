// The part of Microsoft's Protocol Test Framework that the test suites use: sites, checks, adapters and the base of tests.

namespace Microsoft.VisualStudio.TestTools.UnitTesting
{
    using System;

    public sealed class TestClassAttribute : Attribute { }

    public sealed class TestMethodAttribute : Attribute { }

    public sealed class ClassInitializeAttribute : Attribute { }

    public sealed class ClassCleanupAttribute : Attribute { }

    [AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
    public sealed class TestCategoryAttribute : Attribute
    {
        public TestCategoryAttribute(string category) { }
    }

    /// <summary>Checks without a site.</summary>
    public static class Assert
    {
        public static void AreEqual<T>(T expected, T actual, string message = "", params object[] arguments)
        {
            Microsoft.Protocols.TestTools.TestClassBase.BaseTestSite.Assert.AreEqual(expected, actual, message, arguments);
        }
    }

    /// <summary>The test that is executed.</summary>
    public sealed class TestContext
    {
        public string TestName { get; set; }
    }
}

namespace Microsoft.Protocols.TestTools
{
    using System;
    using System.Collections.Generic;
    using System.Collections.Specialized;
    using System.Runtime.Remoting.Messaging;
    using System.Runtime.Remoting.Proxies;
    using Microsoft.VisualStudio.TestTools.UnitTesting;

    public enum LogEntryKind { Comment, Debug, Warning, Checkpoint, CheckFailed, CheckSucceeded, TestStep }

    /// <summary>A check of a test failed.</summary>
    public class CheckFailedException : Exception
    {
        public CheckFailedException(string message) : base(message) { }
    }

    /// <summary>A test cannot be executed with this server or configuration.</summary>
    public class InconclusiveException : Exception
    {
        public InconclusiveException(string message) : base(message) { }
    }

    /// <summary>Tests of models name it; nothing throws it.</summary>
    public class TransactionFailedException : Exception { }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class MethodHelpAttribute : Attribute
    {
        public MethodHelpAttribute(string help) { }
    }

    public interface IAdapter : IDisposable
    {
        ITestSite Site { get; }

        void Initialize(ITestSite testSite);

        void Reset();
    }

    public abstract class ManagedAdapterBase : IAdapter
    {
        public ITestSite Site { get; private set; }

        public virtual void Initialize(ITestSite testSite)
        {
            this.Site = testSite;
        }

        public virtual void Reset() { }

        public void Dispose()
        {
            this.Dispose(true);
        }

        protected virtual void Dispose(bool disposing) { }
    }

    /// <summary>Checks. A check that fails throws the exception that its kind of check has.</summary>
    public sealed class Checks
    {
        private readonly Func<string, Exception> failure;

        public Checks(Func<string, Exception> failure)
        {
            this.failure = failure;
        }

        public void IsTrue(bool value, string message = "", params object[] arguments)
        {
            this.Require(value, "expected true", message, arguments);
        }

        public void IsFalse(bool value, string message = "", params object[] arguments)
        {
            this.Require(!value, "expected false", message, arguments);
        }

        public void IsNull(object value, string message = "", params object[] arguments)
        {
            this.Require(value == null, "expected null", message, arguments);
        }

        public void IsNotNull(object value, string message = "", params object[] arguments)
        {
            this.Require(value != null, "expected a value, received null", message, arguments);
        }

        public void AreEqual<T>(T expected, T actual, string message = "", params object[] arguments)
        {
            string difference = "expected " + Text.Of(expected) + ", received " + Text.Of(actual);
            this.Require(EqualityComparer<T>.Default.Equals(expected, actual), difference, message, arguments);
        }

        public void AreNotEqual<T>(T unexpected, T actual, string message = "", params object[] arguments)
        {
            bool differ = !EqualityComparer<T>.Default.Equals(unexpected, actual);
            this.Require(differ, "received " + Text.Of(actual), message, arguments);
        }

        public void IsInstanceOfType(object value, Type type, string message = "", params object[] arguments)
        {
            this.Require(type.IsInstanceOfType(value), "expected a " + type.Name, message, arguments);
        }

        public void IsNotInstanceOfType(object value, Type type, string message = "", params object[] arguments)
        {
            this.Require(!type.IsInstanceOfType(value), "received a " + type.Name, message, arguments);
        }

        public void Fail(string message, params object[] arguments)
        {
            throw this.failure(Text.Format(message, arguments));
        }

        public void Inconclusive(string message, params object[] arguments)
        {
            throw new InconclusiveException(Text.Format(message, arguments));
        }

        private void Require(bool condition, string difference, string message, object[] arguments)
        {
            if (!condition)
            {
                throw this.failure(difference + ": " + Text.Format(message, arguments));
            }
        }
    }

    internal static class Text
    {
        public static string Format(string message, object[] arguments)
        {
            try
            {
                return arguments.Length == 0 ? message : string.Format(message, arguments);
            }
            catch (FormatException)
            {
                return message;
            }
        }

        public static string Of(object value)
        {
            if (value == null)
            {
                return "null";
            }

            bool number = value is uint || value is int || value is ushort || value is ulong || value is long;
            return number ? string.Format("{0} (0x{0:X})", value) : value.ToString();
        }
    }

    public sealed class TestLog
    {
        public bool Verbose { get; set; }

        public void Add(LogEntryKind kind, string message, params object[] arguments)
        {
            if (this.Verbose)
            {
                Console.Error.WriteLine("{0}: {1}", kind, Text.Format(message, arguments));
            }
        }
    }

    /// <summary>What a test may use: properties, checks, adapters.</summary>
    public interface ITestSite
    {
        Checks Assert { get; }

        Checks Assume { get; }

        Checks Debug { get; }

        TestLog Log { get; }

        NameValueCollection Properties { get; }

        Dictionary<string, object> TestProperties { get; }

        string DefaultProtocolDocShortName { get; set; }

        T GetAdapter<T>() where T : IAdapter;

        void CaptureRequirement(int id, string description);

        void CaptureRequirement(string document, int id, string description);

        void CaptureRequirementIfIsTrue(bool value, int id, string description);

        void CaptureRequirementIfIsTrue(bool value, string document, int id, string description);

        void CaptureRequirementIfIsFalse(bool value, int id, string description);

        void CaptureRequirementIfIsFalse(bool value, string document, int id, string description);

        void CaptureRequirementIfAreEqual<T>(T expected, T actual, int id, string description);

        void CaptureRequirementIfAreEqual<T>(T expected, T actual, string document, int id, string description);

        void CaptureRequirementIfAreNotEqual<T>(T unexpected, T actual, int id, string description);

        void CaptureRequirementIfAreNotEqual<T>(T unexpected, T actual, string document, int id, string description);

        void CaptureRequirementIfIsNull(object value, int id, string description);

        void CaptureRequirementIfIsNull(object value, string document, int id, string description);

        void CaptureRequirementIfIsNotNull(object value, int id, string description);

        void CaptureRequirementIfIsNotNull(object value, string document, int id, string description);

        void CaptureRequirementIfIsInstanceOfType(object value, Type type, int id, string description);

        void CaptureRequirementIfIsInstanceOfType(object value, Type type, string document, int id, string description);

        void CaptureRequirementIfIsNotInstanceOfType(object value, Type type, int id, string description);

        void CaptureRequirementIfIsNotInstanceOfType(object value, Type type, string document, int id, string description);
    }

    /// <summary>The site of one suite.</summary>
    public sealed class TestSite : ITestSite
    {
        private readonly Dictionary<Type, object> adapters = new Dictionary<Type, object>();
        private readonly Dictionary<string, Type> adapterTypes;
        private readonly Func<string, object[], object> control;

        /// <param name="adapterTypes">The classes that implement adapters, by name of the interface.</param>
        /// <param name="control">Executes the method of an adapter that has no class.</param>
        public TestSite(Dictionary<string, Type> adapterTypes, Func<string, object[], object> control)
        {
            this.adapterTypes = adapterTypes;
            this.control = control;
            this.Properties = new NameValueCollection();
            this.TestProperties = new Dictionary<string, object>();
            this.Assert = new Checks(message => new CheckFailedException(message));
            this.Assume = new Checks(message => new InconclusiveException(message));
            this.Log = new TestLog();
        }

        public Checks Assert { get; private set; }

        public Checks Assume { get; private set; }

        public Checks Debug { get { return this.Assert; } }

        public TestLog Log { get; private set; }

        public NameValueCollection Properties { get; private set; }

        public Dictionary<string, object> TestProperties { get; private set; }

        public string DefaultProtocolDocShortName { get; set; }

        public T GetAdapter<T>() where T : IAdapter
        {
            return (T)this.GetAdapter(typeof(T));
        }

        public object GetAdapter(Type type)
        {
            object adapter;
            if (!this.adapters.TryGetValue(type, out adapter))
            {
                Type implementation;
                if (this.adapterTypes.TryGetValue(type.Name, out implementation))
                {
                    var managed = (IAdapter)Activator.CreateInstance(implementation);
                    this.adapters[type] = adapter = managed;
                    managed.Initialize(this);
                }
                else
                {
                    this.adapters[type] = adapter = new ControlProxy(type, this.control).GetTransparentProxy();
                }
            }

            return adapter;
        }

        /// <summary>Resets all adapters, as is done after each test.</summary>
        public void ResetAdapters()
        {
            foreach (object adapter in this.adapters.Values)
            {
                if (!RemotingProxy(adapter))
                {
                    ((IAdapter)adapter).Reset();
                }
            }
        }

        private static bool RemotingProxy(object adapter)
        {
            return System.Runtime.Remoting.RemotingServices.IsTransparentProxy(adapter);
        }

        private Checks Requirement(string document, int id, string description)
        {
            string name = (document ?? this.DefaultProtocolDocShortName) + "_R" + id + ": " + description;
            return new Checks(message => new CheckFailedException(message + name));
        }

        public void CaptureRequirement(int id, string description) { }

        public void CaptureRequirement(string document, int id, string description) { }

        public void CaptureRequirementIfIsTrue(bool value, int id, string description)
        {
            this.Requirement(null, id, description).IsTrue(value);
        }

        public void CaptureRequirementIfIsTrue(bool value, string document, int id, string description)
        {
            this.Requirement(document, id, description).IsTrue(value);
        }

        public void CaptureRequirementIfIsFalse(bool value, int id, string description)
        {
            this.Requirement(null, id, description).IsFalse(value);
        }

        public void CaptureRequirementIfIsFalse(bool value, string document, int id, string description)
        {
            this.Requirement(document, id, description).IsFalse(value);
        }

        public void CaptureRequirementIfAreEqual<T>(T expected, T actual, int id, string description)
        {
            this.Requirement(null, id, description).AreEqual(expected, actual);
        }

        public void CaptureRequirementIfAreEqual<T>(T expected, T actual, string document, int id, string description)
        {
            this.Requirement(document, id, description).AreEqual(expected, actual);
        }

        public void CaptureRequirementIfAreNotEqual<T>(T unexpected, T actual, int id, string description)
        {
            this.Requirement(null, id, description).AreNotEqual(unexpected, actual);
        }

        public void CaptureRequirementIfAreNotEqual<T>(T unexpected, T actual, string document, int id, string description)
        {
            this.Requirement(document, id, description).AreNotEqual(unexpected, actual);
        }

        public void CaptureRequirementIfIsNull(object value, int id, string description)
        {
            this.Requirement(null, id, description).IsNull(value);
        }

        public void CaptureRequirementIfIsNull(object value, string document, int id, string description)
        {
            this.Requirement(document, id, description).IsNull(value);
        }

        public void CaptureRequirementIfIsNotNull(object value, int id, string description)
        {
            this.Requirement(null, id, description).IsNotNull(value);
        }

        public void CaptureRequirementIfIsNotNull(object value, string document, int id, string description)
        {
            this.Requirement(document, id, description).IsNotNull(value);
        }

        public void CaptureRequirementIfIsInstanceOfType(object value, Type type, int id, string description)
        {
            this.Requirement(null, id, description).IsInstanceOfType(value, type);
        }

        public void CaptureRequirementIfIsInstanceOfType(object value, Type type, string document, int id, string description)
        {
            this.Requirement(document, id, description).IsInstanceOfType(value, type);
        }

        public void CaptureRequirementIfIsNotInstanceOfType(object value, Type type, int id, string description)
        {
            this.Requirement(null, id, description).IsNotInstanceOfType(value, type);
        }

        public void CaptureRequirementIfIsNotInstanceOfType(object value, Type type, string document, int id, string description)
        {
            this.Requirement(document, id, description).IsNotInstanceOfType(value, type);
        }
    }

    /// <summary>An adapter without a class: in the original, a script or a person who changes the server.</summary>
    internal sealed class ControlProxy : RealProxy
    {
        private readonly Func<string, object[], object> control;

        public ControlProxy(Type type, Func<string, object[], object> control) : base(type)
        {
            this.control = control;
        }

        public override IMessage Invoke(IMessage message)
        {
            var call = (IMethodCallMessage)message;
            try
            {
                return new ReturnMessage(this.control(call.MethodName, call.Args), null, 0, call.LogicalCallContext, call);
            }
            catch (Exception exception)
            {
                return new ReturnMessage(exception, call);
            }
        }
    }

    /// <summary>The base of all tests.</summary>
    public abstract class TestClassBase
    {
        /// <summary>The site of the suite, which the runner sets.</summary>
        public static TestSite CurrentSite { get; set; }

        public static ITestSite BaseTestSite
        {
            get { return CurrentSite; }
        }

        public ITestSite Site
        {
            get { return CurrentSite; }
        }

        public TestContext TestContext { get; set; }

        public static void Initialize(TestContext context, string shortName = null) { }

        public static void Cleanup() { }

        /// <summary>Prepares a test.</summary>
        public void Prepare()
        {
            this.TestInitialize();
        }

        /// <summary>Restores the server after a test.</summary>
        public void Restore()
        {
            this.TestCleanup();
        }

        protected virtual void TestInitialize() { }

        protected virtual void TestCleanup() { }
    }
}
