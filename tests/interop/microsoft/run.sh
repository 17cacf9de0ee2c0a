#!/bin/sh
# Runs the suites on the test server: run.sh MAPIPROXY SUITE-DIRECTORY OUTPUT-DIRECTORY [FILTER]
#
# MAPIPROXY is the program. Each suite is run by itself on a test server without mail. The tests are those of tests.txt
# whose names contain FILTER. OUTPUT-DIRECTORY/results has a file for each suite with a line for each test: outcome, name,
# seconds and message. The last output is a table.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "$1")
"$here/build.sh" "$2" "$3"
out=$(cd "$3" && pwd)
address=127.0.0.61
mkdir -p "$out/results" "$out/server"
cd "$out/server"
if [ ! -e own.key ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -keyout own.key -out own.crt -subj "/CN=$address" \
        -addext "subjectAltName=IP:$address" 2> /dev/null
fi
rm -f accounts.toml ../results/table.new
for user in alice bob carol; do
    echo labpw | "$program" account add --accounts accounts.toml --domain lab.test --dns-domain lab.test "$user" > /dev/null
done
cat > lab.toml << END
rpc = "$address:6101"
http = "$address:6443"
certificate = "own.crt"
key = "own.key"
accounts = "accounts.toml"
public_folders = [
    "MSOXCFOLD_PublicFolderGhosted", "MSOXCFOLD_PublicFolderMailEnabled", "MSOXCFXICS_GhostedPublicFolder",
    "MSOXCFXICS_PublicFolder01", "MSOXCPRPT_PublicFolder01", "MSOXCROPS_PublicFolderGhosted",
]
END

for suite in $(sed 's/_.*//' "$here/tests.txt" | sort -u); do
    suite=MS-${suite#MS}
    grep "^$(echo "$suite" | tr -d -)_" "$here/tests.txt" | grep -e "${4:-.}" > "$out/$suite/names.txt" || continue
    "$program" lab --config lab.toml > "$out/results/$suite.log" 2>&1 &
    server=$!
    until grep -q "listens on" "$out/results/$suite.log"; do
        kill -0 $server && sleep 0.1
    done
    (cd "$out/$suite" && mono --debug Runner.exe . "$suite" 60) > "$out/results/$suite" || true
    kill $server
    wait $server || true
    passed=$(grep -ac '^passed' "$out/results/$suite" || true)
    echo "$suite: passed $passed of $(wc -l < "$out/$suite/names.txt")" | tee -a "$out/results/table.new"
done
mv "$out/results/table.new" "$out/results/table"
