// The part of Spec Explorer's runtime that generated tests use: the manager of a test, sets and sequences as values.

namespace Microsoft.Xrt.Runtime
{
    using System.Collections.Generic;
    using System.Linq;

    public enum Singleton { Single }

    /// <summary>A list as a generated test states it.</summary>
    public sealed class RuntimeList<T>
    {
        public T Head;
        public RuntimeList<T> Tail;

        public static IEnumerable<T> Items(RuntimeList<T> list)
        {
            for (; list != null && list.Tail != list; list = list.Tail)
            {
                yield return list.Head;
            }
        }
    }

    public sealed class RuntimeMapElement<T>
    {
        public T Element;
    }

    /// <summary>The keys of a map. Generated tests use maps only as sets.</summary>
    public sealed class RuntimeMap<TKey, TValue>
    {
        public readonly TKey[] Keys;

        public RuntimeMap(IEnumerable<TKey> keys)
        {
            this.Keys = keys.ToArray();
        }
    }

    public static class RuntimeSupport
    {
        public static RuntimeMap<TKey, TValue> MakeMap<TKey, TValue>(params object[] entries)
        {
            return entries.Where((_, index) => index % 2 == 0).Aggregate(
                new RuntimeMap<TKey, TValue>(new TKey[0]), (map, key) => UpdateMap<TKey, TValue>(map, (TKey)key, null));
        }

        public static RuntimeMap<TKey, TValue> UpdateMap<TKey, TValue>(
            RuntimeMap<TKey, TValue> map, TKey key, RuntimeMapElement<TValue> value)
        {
            return new RuntimeMap<TKey, TValue>(map.Keys.Concat(new[] { key }));
        }
    }

    public sealed class NativeTypeAttribute : System.Attribute
    {
        public NativeTypeAttribute(params object[] arguments) { }
    }
}

namespace Microsoft.Modeling
{
    using System.Collections;
    using System.Collections.Generic;
    using System.Linq;
    using Microsoft.Xrt.Runtime;

    /// <summary>An immutable list, compared by its items.</summary>
    public sealed class Sequence<T> : IEnumerable<T>
    {
        private RuntimeList<T> Rep = null; // Set by reflection.
        private T[] items;

        public Sequence(params T[] items)
        {
            this.items = items.Length == 0 ? null : items;
        }

        public int Count
        {
            get { return this.Items.Length; }
        }

        public T this[int index]
        {
            get { return this.Items[index]; }
        }

        private T[] Items
        {
            get { return this.items ?? (this.items = RuntimeList<T>.Items(this.Rep).ToArray()); }
        }

        public IEnumerator<T> GetEnumerator()
        {
            return ((IEnumerable<T>)this.Items).GetEnumerator();
        }

        IEnumerator IEnumerable.GetEnumerator()
        {
            return this.GetEnumerator();
        }

        public override bool Equals(object other)
        {
            return other is Sequence<T> && this.Items.SequenceEqual(((Sequence<T>)other).Items);
        }

        public override int GetHashCode()
        {
            return this.Count;
        }

        public override string ToString()
        {
            return "[" + string.Join(",", this.Items) + "]";
        }
    }

    /// <summary>An immutable set, compared by its members.</summary>
    public sealed class Set<T> : IEnumerable<T>
    {
        private RuntimeMap<T, Singleton> Rep;

        public Set(params T[] members)
        {
            this.Rep = new RuntimeMap<T, Singleton>(members);
        }

        public int Count
        {
            get { return this.Members.Count; }
        }

        private HashSet<T> Members
        {
            get { return new HashSet<T>(this.Rep == null ? new T[0] : this.Rep.Keys); }
        }

        public Set<T> Add(T member)
        {
            return new Set<T>(this.Members.Concat(new[] { member }).ToArray());
        }

        public Set<T> Remove(T member)
        {
            return new Set<T>(this.Members.Where(other => !other.Equals(member)).ToArray());
        }

        public bool Contains(T member)
        {
            return this.Members.Contains(member);
        }

        public IEnumerator<T> GetEnumerator()
        {
            return this.Members.GetEnumerator();
        }

        IEnumerator IEnumerable.GetEnumerator()
        {
            return this.GetEnumerator();
        }

        public override bool Equals(object other)
        {
            return other is Set<T> && this.Members.SetEquals(((Set<T>)other).Members);
        }

        public override int GetHashCode()
        {
            return this.Count;
        }

        public override string ToString()
        {
            return "{" + string.Join(",", this.Members) + "}";
        }
    }
}

namespace Microsoft.SpecExplorer.Runtime.Testing
{
    using System;
    using System.Collections.Generic;
    using System.Linq;
    using System.Reflection;
    using System.Text;
    using Microsoft.Protocols.TestTools;

    /// <summary>A return of a call, or an event, that a test expects, with the check of its values.</summary>
    public class Expected
    {
        public Expected(MemberInfo member, object target, Delegate checker)
        {
            this.Member = member;
            this.Checker = checker;
        }

        public MemberInfo Member { get; private set; }

        public Delegate Checker { get; private set; }
    }

    public sealed class ExpectedReturn : Expected
    {
        public ExpectedReturn(MemberInfo member, object target, Delegate checker) : base(member, target, checker) { }
    }

    public sealed class ExpectedEvent : Expected
    {
        public ExpectedEvent(MemberInfo member, object target, Delegate checker) : base(member, target, checker) { }
    }

    public static class TestManagerHelpers
    {
        public static MethodBase GetMethodInfo(Type type, string name, params Type[] parameters)
        {
            return type.GetMethod(name, parameters);
        }

        public static EventInfo GetEventInfo(Type type, string name)
        {
            return type.GetEvent(name);
        }

        public static void AssertAreEqual<T>(TestManager manager, T expected, T actual, string message)
        {
            if (!EqualityComparer<T>.Default.Equals(expected, actual))
            {
                throw new CheckFailedException(Difference(expected, actual) + ": " + message);
            }
        }

        /// <summary>The fields in which two structures differ; other values as they are.</summary>
        private static string Difference(object expected, object actual)
        {
            Type type = (expected ?? actual).GetType();
            if (expected == null || actual == null || !type.IsValueType || type.IsPrimitive || type.IsEnum)
            {
                return "expected " + (expected ?? "null") + ", received " + (actual ?? "null");
            }

            var fields = type.GetFields().Where(field => !Equals(field.GetValue(expected), field.GetValue(actual)));
            return string.Join("; ", fields.Select(
                field => field.Name + ": " + Difference(field.GetValue(expected), field.GetValue(actual))));
        }
    }

    /// <summary>Compares the returns and events of a test with the expected ones.</summary>
    public sealed class TestManager
    {
        private readonly Queue<KeyValuePair<MemberInfo, object[]>> returns = new Queue<KeyValuePair<MemberInfo, object[]>>();
        private readonly Queue<KeyValuePair<MemberInfo, object[]>> events = new Queue<KeyValuePair<MemberInfo, object[]>>();

        public void BeginTest(string name) { }

        public void EndTest() { }

        public void Comment(string message)
        {
            TestClassBase.CurrentSite.Log.Add(LogEntryKind.Comment, message);
        }

        public void Checkpoint(string message) { }

        public void Assert(bool condition, string message)
        {
            TestClassBase.CurrentSite.Assert.IsTrue(condition, message);
        }

        public object GetAdapter(Type type)
        {
            return TestClassBase.CurrentSite.GetAdapter(type);
        }

        public void AddReturn(MemberInfo member, object target, params object[] values)
        {
            this.returns.Enqueue(new KeyValuePair<MemberInfo, object[]>(member, values));
        }

        public int ExpectReturn(TimeSpan timeout, bool fail, params ExpectedReturn[] expected)
        {
            return Match(this.returns, expected);
        }

        public int ExpectEvent(TimeSpan timeout, bool fail, params ExpectedEvent[] expected)
        {
            return this.events.Count == 0 ? -1 : Match(this.events, expected);
        }

        public void CheckObservationTimeout(bool accepting, params ExpectedEvent[] expected)
        {
            TestClassBase.CurrentSite.Assert.IsTrue(accepting, "the adapter reported no event");
        }

        public void Subscribe(EventInfo info, object target)
        {
            ParameterInfo[] parameters = info.EventHandlerType.GetMethod("Invoke").GetParameters();
            var values = parameters.Select(p => System.Linq.Expressions.Expression.Parameter(p.ParameterType)).ToArray();
            Action<object[]> record = arguments => this.events.Enqueue(new KeyValuePair<MemberInfo, object[]>(info, arguments));
            var boxed = values.Select(value => System.Linq.Expressions.Expression.Convert(value, typeof(object)));
            var body = System.Linq.Expressions.Expression.Invoke(
                System.Linq.Expressions.Expression.Constant(record),
                System.Linq.Expressions.Expression.NewArrayInit(typeof(object), boxed));
            Delegate handler = System.Linq.Expressions.Expression.Lambda(info.EventHandlerType, body, values).Compile();
            info.AddEventHandler(target, handler);
        }

        private static int Match(Queue<KeyValuePair<MemberInfo, object[]>> received, Expected[] expected)
        {
            var observation = received.Dequeue();
            var differences = new StringBuilder();
            for (int index = 0; index < expected.Length; index++)
            {
                if (!Equals(expected[index].Member, observation.Key))
                {
                    differences.Append("expected " + expected[index].Member + "; ");
                    continue;
                }

                try
                {
                    expected[index].Checker.DynamicInvoke(observation.Value);
                    return index;
                }
                catch (TargetInvocationException exception)
                {
                    differences.Append(exception.InnerException.Message + "; ");
                }
            }

            throw new CheckFailedException(differences.ToString());
        }
    }

    /// <summary>The base of generated tests.</summary>
    public abstract class PtfTestClassBase : TestClassBase
    {
        protected PtfTestClassBase()
        {
            this.QuiescenceTimeout = TimeSpan.FromSeconds(2);
        }

        public TestManager Manager { get; private set; }

        public TimeSpan QuiescenceTimeout { get; private set; }

        protected void SetSwitch(string name, string value) { }

        protected void InitializeTestManager()
        {
            this.Manager = new TestManager();
        }

        protected void CleanupTestManager() { }

        /// <summary>A value of which the fields with these names have these values.</summary>
        protected T Make<T>(string[] names, object[] values)
        {
            const BindingFlags Fields = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;
            object made = System.Runtime.Serialization.FormatterServices.GetUninitializedObject(typeof(T));
            for (int index = 0; index < names.Length; index++)
            {
                typeof(T).GetField(names[index], Fields).SetValue(made, values[index]);
            }

            return (T)made;
        }
    }
}
