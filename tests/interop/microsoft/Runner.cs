// Executes tests of one suite. Arguments: DIRECTORY SUITE TIMEOUT-SECONDS [NAME...]
//
// DIRECTORY has the suite's assembly and its configuration, overrides.txt, and, in names.txt, the names of the tests
// to be executed if none are given. For each test one line is printed: its outcome, name, seconds and message,
// separated by tabs. Outcomes: passed, failed, inconclusive, hung, missing.

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Net;
using System.Reflection;
using System.Threading;
using System.Xml;
using Microsoft.Protocols.TestTools;
using Microsoft.VisualStudio.TestTools.UnitTesting;

/// <summary>
/// Basic, also for requests with the credentials of the Windows session (Autodiscover), which are those of the administrator.
/// </summary>
internal sealed class BasicAuthentication : IAuthenticationModule
{
    public string AuthenticationType
    {
        get { return "Basic"; }
    }

    public bool CanPreAuthenticate
    {
        get { return true; }
    }

    public Authorization Authenticate(string challenge, WebRequest request, ICredentials credentials)
    {
        if (challenge == null || challenge.IndexOf("Basic", StringComparison.OrdinalIgnoreCase) < 0)
        {
            return null;
        }

        return this.PreAuthenticate(request, credentials);
    }

    public Authorization PreAuthenticate(WebRequest request, ICredentials credentials)
    {
        NetworkCredential account = credentials.GetCredential(request.RequestUri, "Basic");
        if (account == null || account.UserName.Length == 0)
        {
            var properties = TestClassBase.BaseTestSite.Properties;
            account = new NetworkCredential(properties["WindowsUser"], properties["WindowsPassword"]);
        }

        string name = account.Domain.Length == 0 ? account.UserName : account.Domain + "\\" + account.UserName;
        byte[] text = System.Text.Encoding.UTF8.GetBytes(name + ":" + account.Password);
        return new Authorization("Basic " + Convert.ToBase64String(text));
    }
}

internal static class Runner
{
    private static Dictionary<string, MethodInfo> tests;
    private static TimeSpan limit;
    private static bool isStateUnknown;

    private static int Main(string[] arguments)
    {
        string directory = Path.GetFullPath(arguments[0]);
        string suite = arguments[1];
        limit = TimeSpan.FromSeconds(int.Parse(arguments[2]));
        Directory.SetCurrentDirectory(directory);

        // The suites authenticate by Basic: NTLM authenticates a connection, and Mono shares connections between users.
        AuthenticationManager.Unregister("NTLM");
        AuthenticationManager.Register(new BasicAuthentication());
        ServicePointManager.DefaultConnectionLimit = 1000;
        ServicePointManager.UseNagleAlgorithm = false;
        ServicePointManager.ServerCertificateValidationCallback = delegate { return true; };

        Assembly assembly = Assembly.LoadFrom(Path.Combine(directory, suite + ".dll"));
        TestClassBase.CurrentSite = Configured(assembly, suite);
        tests = assembly.GetTypes().SelectMany(type => type.GetMethods())
            .Where(method => method.IsDefined(typeof(TestMethodAttribute), false))
            .ToDictionary(method => method.Name);
        IEnumerable<string> names = arguments.Skip(3);
        if (!names.Any())
        {
            names = File.ReadAllLines("names.txt");
        }

        var rest = new Queue<string>(names);
        while (rest.Count > 0 && !isStateUnknown)
        {
            Report(rest.Dequeue());
        }

        // After a test that hangs or cannot be cleaned up, the others are executed by a new process.
        if (rest.Count > 0)
        {
            string[] same = { "--debug", "Runner.exe", ".", suite, arguments[2] };
            var start = new ProcessStartInfo("mono", string.Join(" ", same.Concat(rest))) { UseShellExecute = false };
            Process.Start(start).WaitForExit();
        }

        // Threads of tests that hang would keep the process.
        Environment.Exit(0);
        return 0;
    }

    private static void Report(string name)
    {
        var clock = Stopwatch.StartNew();
        string message = string.Empty;
        string outcome = tests.ContainsKey(name) ? Execute(tests[name], out message) : "missing";
        message = string.Join(" ", message.Split(new[] { '\r', '\n', '\t', ' ' }, StringSplitOptions.RemoveEmptyEntries));
        Console.WriteLine("{0}\t{1}\t{2:0.0}\t{3}", outcome, name, clock.Elapsed.TotalSeconds, message);
        Console.Out.Flush();
    }

    private static string Execute(MethodInfo method, out string message)
    {
        Exception problem = null;
        var thread = new Thread(() => problem = Attempt(method));
        thread.IsBackground = true;
        thread.Start();
        if (!thread.Join(limit))
        {
            message = "no end after " + limit.TotalSeconds + " seconds";
            thread.Abort();
            thread.Join(TimeSpan.FromSeconds(2));
            isStateUnknown = true;
            return "hung";
        }

        message = string.Empty;
        if (problem == null)
        {
            return "passed";
        }

        bool check = problem is CheckFailedException || problem is InconclusiveException;
        message = check ? problem.Message + Place(problem) : problem.ToString();
        return problem is InconclusiveException ? "inconclusive" : "failed";
    }

    /// <summary>The functions of the suite in which a check failed.</summary>
    private static string Place(Exception problem)
    {
        var frames = new StackTrace(problem).GetFrames() ?? new StackFrame[0];
        var names = frames.Select(frame => frame.GetMethod())
            .Where(method => method != null && method.DeclaringType != null)
            .Where(method => (method.DeclaringType.Namespace ?? string.Empty).StartsWith("Microsoft.Protocols.TestSuites"))
            .Select(method => method.Name).Take(4);
        return " [" + string.Join(" < ", names) + "]";
    }

    private static Exception Attempt(MethodInfo method)
    {
        Exception first = null;
        try
        {
            var test = (TestClassBase)Activator.CreateInstance(method.DeclaringType);
            test.TestContext = new TestContext { TestName = method.Name };
            TestClassBase.CurrentSite.TestProperties["CurrentTestCaseName"] = method.DeclaringType.FullName + "." + method.Name;
            first = Caught(test.Prepare) ?? Caught(() => method.Invoke(test, null));
            return first ?? Caught(test.Restore) ?? Reset();
        }
        finally
        {
            // After a failure the server is restored as far as possible.
            if (first != null)
            {
                Reset();
            }
        }
    }

    private static Exception Reset()
    {
        Exception problem = Caught(TestClassBase.CurrentSite.ResetAdapters);
        isStateUnknown |= problem != null;
        return problem;
    }


    private static Exception Caught(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (TargetInvocationException exception)
        {
            return exception.InnerException;
        }
        catch (Exception exception)
        {
            return exception;
        }
    }

    private static TestSite Configured(Assembly assembly, string suite)
    {
        TestSite site = null;
        site = new TestSite(Adapters(assembly, suite), (method, arguments) => Control(site, method, arguments));
        site.DefaultProtocolDocShortName = suite;
        site.Log.Verbose = Environment.GetEnvironmentVariable("INTEROP_VERBOSE") != null;
        foreach (string line in File.ReadAllLines("overrides.txt"))
        {
            string[] parts = line.Split(new[] { ' ' }, 3);
            if (parts.Length == 3 && (parts[0] == suite || (parts[0] == "*" && site.Properties[parts[1]] == null)))
            {
                site.Properties.Set(parts[1], parts[2]);
            }
        }

        var local = new XmlDocument();
        local.Load(suite + "_TestSuite.deployment.ptfconfig");
        foreach (XmlElement property in local.GetElementsByTagName("Property"))
        {
            if (site.Properties[property.GetAttribute("name")] == null)
            {
                site.Properties.Set(property.GetAttribute("name"), property.GetAttribute("value"));
            }
        }

        return site;
    }

    private static Dictionary<string, Type> Adapters(Assembly assembly, string suite)
    {
        var types = new Dictionary<string, Type>();
        var configuration = new XmlDocument();
        configuration.Load(suite + "_TestSuite.ptfconfig");
        foreach (XmlElement adapter in configuration.GetElementsByTagName("Adapter"))
        {
            // What uses Exchange Web Services or PowerShell is replaced by Control.
            string name = adapter.GetAttribute("name");
            if (adapter.HasAttribute("adaptertype") && !name.Contains("SUTControl"))
            {
                types[name] = assembly.GetType(adapter.GetAttribute("adaptertype").Split(',')[0], true);
            }
        }

        return types;
    }

    /// <summary>What an administrator does during tests, or the original's scripts.</summary>
    private static object Control(TestSite site, string method, object[] arguments)
    {
        switch (method)
        {
            case "GetNumberOfAddressBookObject":
                return uint.Parse(site.Properties["AddressBookObjects"]);
            case "GetUserDN":
                return site.Properties["UserDnPrefix"] + arguments[1];
            case "SendMailItem":
                return SendMailItem(site);
            default:
                throw new InconclusiveException("the server has no operation " + method);
        }
    }

    private static bool SendMailItem(TestSite site)
    {
        throw new InconclusiveException("no mail is sent");
    }
}
