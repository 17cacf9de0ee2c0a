#!/bin/sh
# Compiles the suites: build.sh SUITE-DIRECTORY OUTPUT-DIRECTORY
#
# SUITE-DIRECTORY is a work tree of Interop-TestSuites. Of each suite, OUTPUT-DIRECTORY/NAME has the assembly, the
# configuration and the runner. What is newer than its sources is not compiled again.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
source=$1/ExchangeMAPI/Source
mkdir -p "$2"
out=$(cd "$2" && pwd)
common=$source/Common/Common
compile="mcs -nologo -unsafe -debug -nowarn:108,114,162,168,169,219,414,612,618,649,661,659,1591"

newer() { # newer TARGET SOURCE...: whether a source is newer than the target
    target=$1
    shift
    [ ! -e "$target" ] || [ -n "$(find "$@" -name '*.cs' -newer "$target" -print -quit)" ]
}

if newer "$out/Framework.dll" "$here"; then
    $compile -target:library -out:"$out/Framework.dll" "$here/TestSite.cs" "$here/GeneratedTests.cs" "$here/Marshaling.cs" \
        -r:System.Core -r:System.Runtime.Remoting
    $compile -out:"$out/Runner.exe" "$here/Runner.cs" -r:"$out/Framework.dll" -r:System.Xml
fi
if newer "$out/Common.dll" "$common"; then
    find "$common" -name '*.cs' ! -name AssemblyInfo.cs > "$out/common.txt"
    $compile -target:library -out:"$out/Common.dll" @"$out/common.txt" -r:"$out/Framework.dll" -r:System.Xml \
        -r:System.Web.Services
fi
for suite in MS-OXCFOLD MS-OXCFXICS MS-OXCMAPIHTTP MS-OXCMSG MS-OXCNOTIF MS-OXCPERM MS-OXCPRPT MS-OXCROPS MS-OXCSTOR \
    MS-OXCTABL MS-OXNSPI; do
    mkdir -p "$out/$suite"
    if newer "$out/$suite/$suite.dll" "$source/$suite" "$common"; then
        echo "compiling $suite"
        # The model of a suite and tests of which the sources are missing are left out.
        find "$source/$suite/Adapter" "$source/$suite/TestSuite" -name '*.cs' ! -name AssemblyInfo.cs > "$out/$suite/sources.txt"
        $compile -target:library -out:"$out/$suite/$suite.dll" @"$out/$suite/sources.txt" -r:"$out/Framework.dll" \
            -r:"$out/Common.dll" -r:System.Xml -r:System.Web.Services -r:System.Core
    fi
    cp "$out/Framework.dll" "$out/Common.dll" "$out/Runner.exe" "$out/$suite/"
    cp "$source/$suite"/TestSuite/*.ptfconfig "$common"/*.ptfconfig "$here/overrides.txt" "$out/$suite/"
done
